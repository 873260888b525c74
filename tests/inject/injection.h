// One failure: which call, how, and the how manieth of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rondo::test {

/// What can fail: the calls of the Net, those of the Backend, and operator new.
enum class Call : std::uint8_t {
  socket,
  pair,
  bind,
  listen,
  accept,
  connect,
  read,
  readv,
  write,
  writev,
  write_file,
  send_file,
  receive,
  send,
  membership,
  shutdown,
  close,
  set,
  get,
  option,
  set_option,
  local,
  peer,
  credentials,
  take_error,
  opened_for,
  set_nonblocking,
  watch,
  wait,
  renew,
  allocate,
};
constexpr std::size_t call_count = static_cast<std::size_t>(Call::allocate) + 1;
[[nodiscard]] std::string_view name_of(Call call) noexcept;

/// What a program that does everything right may expect afterwards.
enum class Effect : std::uint8_t {
  harmless,  ///< it goes on as if nothing had been
  lasting,   ///< what was under way may have failed, and has said so
};

/// In the place of an errno: the call moves one byte, or one message, and no more.
constexpr int moves_one = -1;

/// A way in which a call fails, by its man page.
struct Way {
  Call call;
  int error;  ///< an errno, or moves_one; of `allocate`: how often in a row
  Effect effect = Effect::lasting;
};

/// Every way of every call.
[[nodiscard]] std::span<const Way> ways() noexcept;

struct Injection {
  Way way;
  std::uint64_t nth;  ///< from 1 on

  /// `read:104:3`, by which it can be had again.
  [[nodiscard]] std::string to_string() const;
};

/// The injection of that text, or nothing.
[[nodiscard]] std::optional<Injection> parse_injection(std::string_view text);

/// Counts the calls, and tells the one that is to fail.
class Injector {
 public:
  void plan(const Injection& injection) noexcept {
    planned_ = injection;
    counts_ = {};
    struck_ = false;
  }
  /// The errno with which the call that is made now must fail, or 0.
  [[nodiscard]] int next(Call call) noexcept {
    if (spared_ > 0 || !on_) return 0;
    const std::uint64_t count = ++counts_[static_cast<std::size_t>(call)];
    if (planned_.way.call != call || planned_.nth != count) return 0;
    struck_ = true;
    return planned_.way.error;
  }
  /// Nothing is counted before it is switched on.
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

  /// While it lives, nothing is counted: for what is not under test.
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
  Injection planned_{};  // the 0th of anything never comes
  std::array<std::uint64_t, call_count> counts_{};
  int spared_ = 0;
  bool on_ = false;
  bool struck_ = false;
};

}  // namespace rondo::test
