// SPDX-License-Identifier: MIT
// rondo: signals as ordinary callbacks.
#pragma once

#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/result.h>

namespace rondo {

class Reactor;
namespace detail {
class Loop;
}

/// Calls back in the reactor's thread after the process has received signal `number`. Several
/// arrivals before the callback count as one, as always with signals. The first Signal of a number
/// installs a signal handler (with SA_RESTART); destroying the last restores the previous one.
/// Several reactors may listen to the same number: each is notified. Use it on the reactor's thread
/// only, and destroy it before the reactor.
///
///     rondo::Signal interrupt{reactor, SIGINT, [&] { reactor.stop(); }};
class RONDO_EXPORT Signal {
 public:
  /// Throws std::system_error where make() returns the error.
  Signal(Reactor& reactor, int number, Function<void()> callback);
  /// Errors: invalid_argument for a number that cannot be handled, such as SIGKILL;
  /// no_buffer_space if 64 reactors already listen to signals.
  [[nodiscard]] static Result<Signal> make(Reactor& reactor, int number, Function<void()> callback);
  Signal(Signal&& other) noexcept;
  Signal& operator=(Signal&& other) = delete;
  /// Ends it at once, also from its own callback.
  ~Signal();

  /// The number that it was made for, such as SIGHUP.
  [[nodiscard]] int number() const noexcept;

  /// A signal that is not referenced does not keep run() from returning. New ones are.
  void ref() noexcept;
  /// Undoes ref(): run() may return while it exists.
  void unref() noexcept;

  struct Entry;

 private:
  explicit Signal(Entry* entry) noexcept : entry_(entry) {}

  Entry* entry_;
};

}  // namespace rondo
