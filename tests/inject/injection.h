// SPDX-License-Identifier: MIT
// One failure: the call, the kind of failure, and the number of the call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "support/intercepting_net.h"

namespace rondo::test {

/// What a correct program may expect after the failure.
enum class Effect : std::uint8_t {
  harmless,  ///< it continues as without the failure
  lasting,   ///< the operation may have failed, and has reported that
};

/// One documented way in which a call fails.
struct Way {
  Call call;
  int error;  ///< an errno, or moves_one; for `allocate` the number of failures in a row
  Effect effect = Effect::lasting;
};

/// All ways of all calls.
[[nodiscard]] std::span<const Way> ways() noexcept;

struct Injection {
  Way way;
  std::uint64_t nth;  ///< counted from 1

  /// `read:104:3`, the text that replays it.
  [[nodiscard]] std::string to_string() const;
};

/// The injection with this text, or nothing.
[[nodiscard]] std::optional<Injection> parse_injection(std::string_view text);

/// Counts the calls and chooses the one that must fail.
class Injector {
 public:
  void plan(const Injection& injection) noexcept {
    planned_ = injection;
    counts_ = {};
    struck_ = false;
  }
  /// The errno with which the current call must fail, or 0.
  [[nodiscard]] int next(Call call) noexcept {
    if (spared_ > 0 || !on_) return 0;
    const std::uint64_t count = ++counts_[static_cast<std::size_t>(call)];
    if (planned_.way.call != call || planned_.nth != count) return 0;
    struck_ = true;
    return planned_.way.error;
  }
  /// Calls are counted only while this is on.
  void switch_to(bool on) noexcept { on_ = on; }
  [[nodiscard]] bool on() const noexcept { return on_; }
  [[nodiscard]] std::uint64_t count(Call call) const noexcept {
    return counts_[static_cast<std::size_t>(call)];
  }
  void set_count(Call call, std::uint64_t count) noexcept {
    counts_[static_cast<std::size_t>(call)] = count;
  }
  [[nodiscard]] const Injection& planned() const noexcept { return planned_; }
  [[nodiscard]] bool struck() const noexcept { return struck_; }
  void set_struck() noexcept { struck_ = true; }

  /// While this exists, calls are not counted: for code that is not under test.
  class Spare {
   public:
    explicit Spare(Injector& injector) noexcept : injector_(injector) { ++injector_.spared_; }
    Spare(const Spare&) = delete;
    Spare& operator=(const Spare&) = delete;
    ~Spare() { --injector_.spared_; }

   private:
    Injector& injector_;
  };

 private:
  Injection planned_{};  // calls are counted from 1, so 0 never matches
  std::array<std::uint64_t, call_count> counts_{};
  int spared_ = 0;
  bool on_ = false;
  bool struck_ = false;
};

}  // namespace rondo::test
