// SPDX-License-Identifier: MIT
// Plays a script on the simulation and then on a real kernel, and reports where they differ.
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

/// Makes a player for one of the levels.
using MakePlayer = std::unique_ptr<Player> (*)(Kernel& kernel);

struct Difference {
  std::size_t step = 0;
  std::string expected{};  // seen on the simulation; empty if both agree
  std::string got{};       // last seen on the real kernel
  explicit operator bool() const noexcept { return !expected.empty(); }
};

/// The state of the simulation after each step.
[[nodiscard]] std::vector<std::string> expect(const Script& script, MakePlayer make);

/// After each step the real kernel may take up to `patience` to show the expected state, which
/// must then be seen twice.
[[nodiscard]] Difference compare(const Script& script, const std::vector<std::string>& expected,
                                 MakePlayer make, const BackendUnderTest& backend,
                                 Duration patience);

/// Removes steps while the difference remains.
[[nodiscard]] Script shrunk(Script script, MakePlayer make, const BackendUnderTest& backend);

/// The script up to the difference, and both sides of the difference, as text for a person.
[[nodiscard]] std::string describe(const Script& script, MakePlayer make,
                                   const Difference& difference);

}  // namespace rondo::test
