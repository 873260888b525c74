// SPDX-License-Identifier: MIT
// The scenarios: short programs on the public API with the same outcome in each run.
#pragma once

#include <span>
#include <string_view>

#include "inject/stage.h"

namespace rondo::test {

enum class Where : std::uint8_t { everywhere, simulated, real };

struct Scenario {
  std::string_view name;
  void (*play)(Stage& stage);
  Where where = Where::everywhere;
};

// One file for each room.
[[nodiscard]] std::span<const Scenario> connect_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> coroutine_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> datagram_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> reactor_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> server_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> stream_scenarios() noexcept;
[[nodiscard]] std::span<const Scenario> text_scenarios() noexcept;

}  // namespace rondo::test
