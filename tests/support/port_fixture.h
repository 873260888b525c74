// SPDX-License-Identifier: MIT
// What the tests of the port share: a backend without a reactor, and queries of its reports.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "support/collecting_sink.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"

namespace rondo::test {

/// Readiness is a hint, so no single wait proves anything: what is ready is reported within a
/// bounded time, and again by most waits; what is not ready may be reported sometimes, but not by
/// most waits.
class PortFixture : public OnEveryBackend {
 protected:
  static constexpr int looks = 20;
  static constexpr Token token{(std::uint64_t{1} << 32) | 77};
  static constexpr Token other{(std::uint64_t{5} << 32) | 78};

  /// One wait that does not sleep.
  Reports look() {
    CollectingSink sink;
    const std::error_code error = backend->wait(sink, backend->now());
    EXPECT_FALSE(error) << error.message();
    return static_cast<Reports&>(sink);
  }

  /// In how many of `looks` waits any of `ready` was reported under `which`.
  int times_reported(Token which, Ready ready) {
    int times = 0;
    for (int i = 0; i < looks; ++i) times += look().count(which, ready) > 0 ? 1 : 0;
    return times;
  }

  /// Waits until everything in `ready` was reported under `which`, at most for `patience`.
  bool is_reported(Token which, Ready ready) {
    Ready seen = Ready::none;
    for (const TimePoint end = Clock::now() + patience; Clock::now() < end;) {
      CollectingSink sink;
      const std::error_code error =
          backend->wait(sink, after(backend->now(), std::chrono::milliseconds{50}));
      EXPECT_FALSE(error) << error.message();
      seen |= sink.reported(which);
      if ((seen & ready) == ready) return true;
    }
    return false;
  }
  /// The same, and then again by most waits, since the descriptor stays ready.
  bool is_reported_repeatedly(Token which, Ready ready) {
    if (!is_reported(which, ready)) return false;
    for (const Ready one : {Ready::read, Ready::write}) {
      if ((ready & one) != Ready::none && times_reported(which, one) <= looks / 2) return false;
    }
    return true;
  }
  /// Nothing of `ready` holds: it is reported by mistake only.
  bool is_not_reported(Token which, Ready ready) {
    return times_reported(which, ready) <= looks / 2;
  }
  /// Nothing is reported, not even by mistake, apart from what was under way already.
  bool is_silent(Token which) {
    (void)look();  // what was under way
    return times_reported(which, Ready::both) == 0;
  }

  std::error_code watch(const Fd& fd, Ready from, Ready to, Token as = token) {
    return backend->watch(fd.get(), from, to, as);
  }

  std::unique_ptr<Backend> backend = GetParam().make();
};

}  // namespace rondo::test
