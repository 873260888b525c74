// Plays a script on the simulation, then on a real kernel, and tells where they differ.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <rondo/time.h>

#include "parity/kernel.h"
#include "parity/player.h"
#include "parity/script.h"
#include "support/backends_under_test.h"

namespace rondo::test {

/// What makes a player of one of the levels.
using MakePlayer = std::unique_ptr<Player> (*)(Kernel& kernel);

struct Difference {
  std::size_t step = 0;
  std::string expected{};  // by the simulation; empty: they agree
  std::string got{};       // by the real kernel, at last
  explicit operator bool() const noexcept { return !expected.empty(); }
};

/// What the simulation shows after each step.
[[nodiscard]] std::vector<std::string> expect(const Script& script, MakePlayer make);

/// `patience` for the real kernel to show, after each step, what is expected; and then at another
/// look as well.
[[nodiscard]] Difference compare(const Script& script, const std::vector<std::string>& expected,
                                 MakePlayer make, const BackendUnderTest& backend,
                                 Duration patience);

/// Leaves out steps as long as there is a difference.
[[nodiscard]] Script shrunk(Script script, MakePlayer make, const BackendUnderTest& backend);

/// The script up to the difference, and both sides of it: to be read by a person.
[[nodiscard]] std::string describe(const Script& script, MakePlayer make,
                                   const Difference& difference);

}  // namespace rondo::test
