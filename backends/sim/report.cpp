// SPDX-License-Identifier: MIT
// The report of a run for people: its seed, how to repeat it, and its state.
#include <charconv>
#include <cstdlib>
#include <string>

#include "misuse.h"
#include "waiting.h"
#include "world.h"

namespace rondo::sim {
namespace {

std::string hex(std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; number >>= 4U) text[i] = digits[number & 15U];
  return text;
}

/// `short_read 12, late_timer 3`.
std::string struck(const Faults& faults) {
  std::string text;
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (faults.count(fault) == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::string{name_of(fault)} + ' ' + std::to_string(faults.count(fault));
  }
  return text.empty() ? "none" : text;
}

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = environment(variable);
  if (text == nullptr) return otherwise;
  std::uint64_t number = 0;
  const std::string_view digits{text};
  const auto [end, error] = std::from_chars(text, text + digits.size(), number);
  if (error != std::errc{} || end != text + digits.size()) {
    misuse(std::string{variable} + " is not a number: \"" + text + '"');
  }
  return number;
}

}  // namespace

std::string World::summary() const {
  return "seed " + std::to_string(seed()) + ", trace " + hex(trace_hash()) + " at " +
         seconds_text(now()) + " s";
}

std::string World::waiting() const {
  WaitingList list;
  impl_->list_waiting(list);
  impl_->list_tasks(list);
  return list.text();
}

std::string World::report() const {
  const TimePoint next = impl_->next_event();
  const std::string when = next == never ? "nothing can happen any more"
                                         : "something happens next at " + seconds_text(next) + " s";
  const std::string waits = waiting();
  return summary() + "\nto repeat it with a trace: RONDO_SIM_SEED=" + std::to_string(seed()) +
         " RONDO_SIM_TRACE=FILE (where test_seeds() gives the seed)\nfaults that struck: " +
         struck(impl_->faults) + '\n' + when + '\n' + (waits.empty() ? "nothing waits\n" : waits);
}

TestSeeds test_seeds(std::uint64_t count) {
  const bool has_first = environment("RONDO_SIM_SEED") != nullptr;
  const std::uint64_t first = number_from("RONDO_SIM_SEED", 1);
  const std::uint64_t chosen = number_from("RONDO_SIM_SEEDS", has_first ? 1 : count);
  demand(chosen != 0 || count == 0, "RONDO_SIM_SEEDS is 0: nothing would be tested");
  return {first, chosen};
}

}  // namespace rondo::sim
