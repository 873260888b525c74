// SPDX-License-Identifier: MIT
// The simulated network under the conformance suite: each case has a world of its own, with one
// host, whose kernel makes the descriptors.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <rondo/endpoint.h>
#include <rondo/sim.h>

#include "support/built_backends_under_test.h"
#include "support/kernel.h"

namespace rondo::test {
namespace {

// ThreadSanitizer runs a handler at the next call that it knows, and waiting for an atomic is none.
#ifndef __has_feature  // clang's
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
constexpr bool holds_signals_back = true;
#else
constexpr bool holds_signals_back = false;
#endif

class SimulatedKernel final : public KernelAccess {
 public:
  SimulatedKernel() { EXPECT_TRUE(host_.add_address("fd00::1")); }
  ~SimulatedKernel() override { EXPECT_EQ(host_.descriptors(), 0U) << "left open"; }

  [[nodiscard]] std::unique_ptr<Backend> backend() { return host_.driving_backend(); }

  Net& net() noexcept override { return host_.net(); }
  int pipe(int (&fds)[2]) noexcept override { return host_.pipe(fds); }
  int duplicate(int fd) noexcept override { return host_.duplicate(fd); }
  bool is_nonblocking(int) const override { return true; }
  bool is_close_on_exec(int) const override { return true; }
  std::map<int, std::string> descriptors() override {
    std::map<int, std::string> found;
    for (int fd = 0; found.size() < host_.descriptors(); ++fd) {
      Endpoint local;
      const int result = host_.net().local_endpoint(fd, local);
      if (result != -EBADF) found.emplace(fd, result < 0 ? "pipe" : local.to_string());
    }
    return found;
  }
  /// That of its network.
  std::uint32_t group_interface(AddressFamily) override { return 2; }
  void limit_descriptors(std::size_t spare) override {
    host_.limit_descriptors(host_.descriptors() + spare);
  }
  void unlimit_descriptors() noexcept override { host_.limit_descriptors(no_limit); }
  bool allow_descriptors(std::size_t) override { return true; }
  /// Within a host everything has arrived when the call that sent it returns.
  void await(int, short) override {}
  void pass(Duration duration) override { host_.jump_clock(duration); }
  [[nodiscard]] std::string_view lacks(Need need) const noexcept override {
    switch (need) {
      case Need::processes:
        return "no other programs run on a simulated host";
      case Need::files:
        return "a simulated host has no files, devices and terminals";
      case Need::flags:
        return "a simulated descriptor never blocks, and no program inherits it";
      case Need::threads:
        return "a world belongs to one thread";
      case Need::real_time:
        return "simulated time does not pass beside a thread, but at once while a reactor waits";
      case Need::no_memory:
        return "what is under way in a world is allocated";
      case Need::signals:
        return holds_signals_back ? "ThreadSanitizer holds signals back while a world waits" : "";
      case Need::urgent_data:
        return "simulated TCP has no urgent data";
    }
    return {};
  }

 private:
  static constexpr std::size_t no_limit = std::size_t{1} << 24U;

  // A wait sleeps for posts, stops and signals from elsewhere; time passes soon while a reactor
  // spins.
  sim::World world_{1, {.turns_per_instant_max = 10, .awaits_threads = true}};
  sim::Host& host_ = world_.host("10.0.0.1");
};

}  // namespace

std::vector<BackendUnderTest> simulated_backends_under_test() {
  return {{"sim", [] { return static_cast<SimulatedKernel&>(kernel()).backend(); },
           [] { return std::make_unique<SimulatedKernel>(); }}};
}

}  // namespace rondo::test
