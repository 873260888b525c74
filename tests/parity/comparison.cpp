// SPDX-License-Identifier: MIT
#include "parity/comparison.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace rondo::test {
namespace {

constexpr int looks_of_the_simulation_max = 20;
constexpr int looks_without_pause = 3;
constexpr unsigned tries_max = 10;
constexpr Duration patience_of_shrinking = std::chrono::milliseconds{30};

/// Looks until two successive looks are equal.
std::string settled(Player& player) {
  std::string seen = player.look();
  for (int looks = 0; looks < looks_of_the_simulation_max; ++looks) {
    std::string next = player.look();
    if (next == seen) break;
    seen = std::move(next);
  }
  return seen;
}

/// The final look. It is the expected one if that appears within `patience`.
std::string look_for(const std::string& expected, Kernel& kernel, Player& player,
                     Duration patience) {
  const TimePoint end = Clock::now() + patience;
  std::string seen = player.look();
  for (int looks = 0; seen != expected && Clock::now() < end; ++looks) {
    if (looks >= looks_without_pause) kernel.pause();
    seen = player.look();
  }
  return seen == expected ? player.look() : seen;
}

/// Nothing if the script must be played again.
std::optional<Difference> compare_once(const Script& script,
                                       const std::vector<std::string>& expected, MakePlayer make,
                                       const BackendUnderTest& backend, Duration patience) {
  SystemKernel kernel{backend};
  const std::unique_ptr<Player> player = make(kernel);
  for (std::size_t i = 0; i < script.size(); ++i) {
    player->play(script[i]);
    if (player->is_ambiguous()) return {};
    std::string seen = look_for(expected[i], kernel, *player, patience);
    if (seen != expected[i]) return Difference{i, expected[i], std::move(seen)};
  }
  return Difference{};
}

}  // namespace

std::vector<std::string> expect(const Script& script, MakePlayer make) {
  for (std::uint64_t seed = 1;; ++seed) {
    SimulatedKernel kernel{seed};
    const std::unique_ptr<Player> player = make(kernel);
    std::vector<std::string> seen;
    for (const Step& step : script) {
      player->play(step);
      seen.push_back(settled(*player));
    }
    if (!player->is_ambiguous() || seed == tries_max) return seen;
  }
}

Difference compare(const Script& script, const std::vector<std::string>& expected, MakePlayer make,
                   const BackendUnderTest& backend, Duration patience) {
  for (unsigned tries = 1; tries <= tries_max; ++tries) {
    auto found = compare_once(script, expected, make, backend, patience);
    if (found) return std::move(*found);
  }
  return {0, "each port once", "one port again and again"};
}

Script shrunk(Script script, MakePlayer make, const BackendUnderTest& backend) {
  const auto fails = [&](const Script& one) {
    return bool{compare(one, expect(one, make), make, backend, patience_of_shrinking)};
  };
  for (std::size_t size = std::max<std::size_t>(1, script.size() / 2); size > 0; size /= 2) {
    for (std::size_t at = script.size(); at > 0;) {
      const std::size_t first = at - std::min(at, size);
      Script shorter{script.begin(), script.begin() + static_cast<std::ptrdiff_t>(first)};
      shorter.insert(shorter.end(), script.begin() + static_cast<std::ptrdiff_t>(at), script.end());
      if (fails(shorter)) script = std::move(shorter);
      at = first;
    }
  }
  return script;
}

std::string describe(const Script& script, MakePlayer make, const Difference& difference) {
  const std::vector<std::string> expected = expect(script, make);
  std::string text;
  for (std::size_t i = 0; i <= difference.step && i < script.size(); ++i) {
    text += "  " + to_text(script[i]);
    if (i < difference.step) text += "  =  " + expected[i];
    text += '\n';
  }
  return text + "    simulated:  " + difference.expected + "\n    real:       " + difference.got +
         '\n';
}

}  // namespace rondo::test
