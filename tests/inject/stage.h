// SPDX-License-Identifier: MIT
// The stage of a scenario: a reactor whose calls can fail, and the checks of the outcome.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <rondo/rondo.h>
#include <rondo/sim.h>

#include "inject/injecting_backend.h"
#include "inject/injection.h"

namespace rondo::test {

class Once;

/// The backend below the port.
struct Place {
  std::string name;
  std::string backend;  ///< a name of built_backends(); empty: the simulated network
  Duration moment{};    ///< see InjectingBackend::Way

  [[nodiscard]] bool is_simulated() const noexcept { return backend.empty(); }
};

class Stage {
 public:
  Stage(const Place& place, Injector& injector);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  [[nodiscard]] Reactor& reactor() noexcept { return *reactor_; }
  [[nodiscard]] Net& net() noexcept { return reactor_->net(); }
  [[nodiscard]] InjectingNet& injecting_net() noexcept { return backend_->injecting_net(); }
  [[nodiscard]] Injector& injector() noexcept { return injector_; }
  [[nodiscard]] const Place& place() const noexcept { return place_; }
  [[nodiscard]] sim::World& world() noexcept { return *world_; }
  /// The path for a socket file, which must not exist at the end.
  [[nodiscard]] static std::string path();
  [[nodiscard]] static std::string unix_path() { return "unix:" + path(); }

  static void remove_path() noexcept;

  /// Runs until there is nothing left to wait for. All started operations must have ended then.
  void run();
  /// Records a reported error.
  void report(const Error& error);
  void report(std::error_code error);
  void report(const Close& close);
  /// Records that the scenario succeeded.
  void succeed_if(bool has) noexcept { succeeded_ = has; }

  [[nodiscard]] bool succeeded() const noexcept { return succeeded_; }
  [[nodiscard]] bool has_reported() const noexcept { return reports_ > 0; }
  /// The failed checks, one line each; empty if there are none.
  [[nodiscard]] const std::string& faults() const noexcept { return faults_; }
  void fault(std::string_view what);

 private:
  friend class Once;

  Injector& injector_;
  const Place& place_;
  std::unique_ptr<sim::World> world_;
  InjectingBackend* backend_ = nullptr;
  std::unique_ptr<Reactor> reactor_;
  Once* first_ = nullptr;
  std::string faults_;
  int reports_ = 0;
  bool succeeded_ = false;
};

/// An operation that starts and must end exactly once. The Stage outlives it.
class Once {
 public:
  Once(Stage& stage, std::string_view what) noexcept
      : stage_(stage), what_(what), next_(stage.first_) {
    stage.first_ = this;
  }
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;
  ~Once();

  void begin() noexcept { ++begun_; }
  void end();
  [[nodiscard]] bool has_ended() const noexcept { return ended_ > 0; }
  [[nodiscard]] int ended() const noexcept { return ended_; }

 private:
  friend class Stage;

  Stage& stage_;
  std::string_view what_;
  Once* next_;
  int begun_ = 0;
  int ended_ = 0;
};

}  // namespace rondo::test
