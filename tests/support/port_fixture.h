// What the tests of the port share: a backend without a reactor, and ways to ask it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "support/collecting_sink.h"
#include "support/descriptors.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"

namespace rondo::test {

/// Readiness is a hint, so no single wait proves anything: what is ready is told within a bounded
/// time and again at most looks; what is not ready may be told now and then, but not at most looks.
class PortFixture : public OnEveryBackend {
 protected:
  static constexpr int looks = 20;
  static constexpr Token token{(std::uint64_t{1} << 32) | 77};
  static constexpr Token other{(std::uint64_t{5} << 32) | 78};

  /// One wait that does not sleep.
  Told look() {
    CollectingSink sink;
    const std::error_code error = backend->wait(sink, backend->now());
    EXPECT_FALSE(error) << error.message();
    return static_cast<Told&>(sink);
  }

  /// In how many of the looks `which` was told to be able to do any of `ready`.
  int times_told(Token which, Ready ready) {
    int times = 0;
    for (int i = 0; i < looks; ++i) times += look().count(which, ready) > 0 ? 1 : 0;
    return times;
  }

  /// Waits until everything in `ready` was told of `which`, for as long as patience lasts.
  bool is_told(Token which, Ready ready) {
    Ready seen = Ready::none;
    for (const TimePoint end = Clock::now() + patience; Clock::now() < end;) {
      CollectingSink sink;
      const std::error_code error =
          backend->wait(sink, after(backend->now(), std::chrono::milliseconds{50}));
      EXPECT_FALSE(error) << error.message();
      seen |= sink.told(which);
      if ((seen & ready) == ready) return true;
    }
    return false;
  }
  /// The same, and then at most looks, until it is acted upon.
  bool is_told_again_and_again(Token which, Ready ready) {
    if (!is_told(which, ready)) return false;
    for (const Ready one : {Ready::read, Ready::write}) {
      if ((ready & one) != Ready::none && times_told(which, one) <= looks / 2) return false;
    }
    return true;
  }
  /// Nothing of `ready` holds: told by mistake at best.
  bool is_not_told(Token which, Ready ready) { return times_told(which, ready) <= looks / 2; }
  /// Nothing at all is told, not even by mistake, but for what was under way already.
  bool is_silent(Token which) {
    (void)look();  // what was under way
    return times_told(which, Ready::both) == 0;
  }

  std::error_code watch(const Fd& fd, Ready from, Ready to, Token as = token) {
    return backend->watch(fd.get(), from, to, as);
  }

  std::unique_ptr<Backend> backend = GetParam().make();
};

}  // namespace rondo::test
