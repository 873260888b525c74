// SPDX-License-Identifier: MIT
// rondo: ends a program in good order on Ctrl-C.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/reactor.h>
#include <rondo/result.h>
#include <rondo/time.h>

namespace rondo {

/// Ends Reactor::run() on SIGINT (Ctrl-C) and SIGTERM. The first one calls `begin`, which lets the
/// program end by itself: a server drains. If `timeout` passes, or at a second signal, run()
/// returns at once. A third one kills the program, also while a callback does not return. It does
/// not keep run() from returning, and restores the signals' handlers when it is destroyed. Destroy
/// it before the reactor, and before what `begin` uses: declare it last. Use it on the reactor's
/// thread only. A hosted reactor is not run: there `begin` must end the host.
///
///     rondo::StopOnSignals stop{reactor, *server};
class RONDO_EXPORT StopOnSignals {
 public:
  /// The `timeout` if none is given: ten seconds.
  static constexpr Duration default_timeout = std::chrono::seconds{10};

  /// The first signal ends run(). Throws std::system_error where make() returns the error.
  explicit StopOnSignals(Reactor& reactor);
  /// The first signal calls `begin`. Throws as above.
  StopOnSignals(Reactor& reactor, Function<void()> begin, Duration timeout = default_timeout);
  /// The first signal calls server.drain(timeout): it stops to accept, and ends its sessions. When
  /// the last has ended, and has had its on_close, run() returns. Only if drain() has not reported
  /// this one second after its `timeout`, run() returns without it.
  template <typename S>
    requires requires(S& server, Duration timeout, Function<void()> done) {
      server.drain(timeout, std::move(done));
    }
  StopOnSignals(Reactor& reactor, S& server, Duration timeout = default_timeout)
      : StopOnSignals(
            reactor,
            [&reactor, &server, timeout] { server.drain(timeout, [&reactor] { reactor.stop(); }); },
            later_than(timeout)) {}
  /// Errors: those of Signal::make.
  [[nodiscard]] static Result<StopOnSignals> make(Reactor& reactor, Function<void()> begin,
                                                  Duration timeout = default_timeout);
  StopOnSignals(StopOnSignals&& other) noexcept;
  StopOnSignals& operator=(StopOnSignals&& other) = delete;
  ~StopOnSignals();

  /// The signal that has ended the program, SIGINT or SIGTERM; 0 if there was none.
  [[nodiscard]] int signal() const noexcept;

 private:
  class Impl;
  /// When drain(timeout) has certainly reported its end.
  static constexpr Duration later_than(Duration timeout) noexcept {
    constexpr Duration margin = std::chrono::seconds{1};
    if (timeout > forever - margin) return forever;
    return timeout < Duration::zero() ? margin : timeout + margin;
  }
  explicit StopOnSignals(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

}  // namespace rondo
