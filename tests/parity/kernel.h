// SPDX-License-Identifier: MIT
// A kernel on which a script is played: the simulation, or this system through one of the backends.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <rondo/backend.h>
#include <rondo/sim.h>
#include <rondo/time.h>

#include "parity/still_backend.h"
#include "support/backends_under_test.h"
#include "support/descriptors.h"

namespace rondo::test {

class Kernel {
 public:
  Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  [[nodiscard]] virtual Backend& backend() noexcept = 0;
  /// Gives the only backend of this kernel to a reactor.
  [[nodiscard]] virtual std::unique_ptr<Backend> take_backend() noexcept = 0;
  /// Advances the clock of the backend, which otherwise stands still.
  void pass(Duration duration) noexcept { time_ = after(time_, duration); }
  [[nodiscard]] Net& net() noexcept { return backend().net(); }
  /// Makes a pipe, which Net cannot make. Returns 0 or the negative errno.
  virtual int pipe(int (&fds)[2]) noexcept = 0;
  /// The prefix of each path, and of each abstract name after its @, so that names are unique.
  [[nodiscard]] virtual std::string prefix() const = 0;
  /// Whether the descriptor has a hang-up that the backend may report only in the other direction,
  /// which is ready as well. The port allows this, since readiness is a hint.
  [[nodiscard]] virtual bool hangs(int) const noexcept { return false; }
  /// Removes the file of a socket that was bound to `path`.
  virtual void remove(const std::string& path) noexcept = 0;
  /// A regular file of 10,000 bytes, none of them 0xff. Both kernels read it from the real system.
  [[nodiscard]] int sample_file() const noexcept { return file_.get(); }
  /// Gives data on its way time to arrive. A simulated world does not need this.
  virtual void pause() noexcept = 0;

 protected:
  [[nodiscard]] std::unique_ptr<Backend> stilled(std::unique_ptr<Backend> poller) const {
    return std::make_unique<StillBackend>(std::move(poller), time_);
  }

 private:
  Fd file_;
  TimePoint time_{
      std::chrono::hours{1}};  // the same on each kernel, since ticks are counted from zero
};

/// In the temporary folder of the system; of the same length for endings of the same length.
[[nodiscard]] std::string temporary_path(const char* ending);

class SimulatedKernel final : public Kernel {
 public:
  explicit SimulatedKernel(std::uint64_t seed) : world(seed) {}
  [[nodiscard]] Backend& backend() noexcept override { return *backend_; }
  [[nodiscard]] std::unique_ptr<Backend> take_backend() noexcept override {
    return std::move(backend_);
  }
  int pipe(int (&fds)[2]) noexcept override { return host_.pipe(fds); }
  [[nodiscard]] std::string prefix() const override { return temporary_path("a_name") + "/s"; }
  void remove(const std::string&) noexcept override {}
  void pause() noexcept override {}

  sim::World world;

 private:
  sim::Host& host_ = world.host("10.0.0.1");
  std::unique_ptr<Backend> backend_ = stilled(host_.driving_backend());
};

class SystemKernel final : public Kernel {
 public:
  explicit SystemKernel(const BackendUnderTest& backend);
  ~SystemKernel() override;
  [[nodiscard]] Backend& backend() noexcept override { return *backend_; }
  [[nodiscard]] std::unique_ptr<Backend> take_backend() noexcept override {
    return std::move(backend_);
  }
  int pipe(int (&fds)[2]) noexcept override;
  [[nodiscard]] std::string prefix() const override { return folder_ + "/s"; }
  [[nodiscard]] bool hangs(int fd) const noexcept override;
  void remove(const std::string& path) noexcept override;
  void pause() noexcept override;

 private:
  std::unique_ptr<Backend> backend_;
  std::string folder_;
  bool tells_all_;
};

/// Whether this system has the address ::1.
[[nodiscard]] bool has_ipv6_loopback() noexcept;

}  // namespace rondo::test
