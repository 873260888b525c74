// Where a scenario is played: a reactor whose calls can fail, and the checks of what comes of it.
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

/// What is below the port.
struct Place {
  std::string name;
  std::string backend;  ///< of built_backends(); empty: the simulated network
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
  /// Where a socket file may be, which must be gone in the end.
  [[nodiscard]] static std::string path();
  [[nodiscard]] static std::string unix_path() { return "unix:" + path(); }

  static void remove_path() noexcept;

  /// Runs until there is nothing left to wait for. What was begun must have ended then.
  void run();
  /// An error that somebody was told.
  void tell(const Error& error);
  void tell(std::error_code error);
  void tell(const Close& close);
  /// All went as it should.
  void succeed_if(bool has) noexcept { succeeded_ = has; }

  [[nodiscard]] bool succeeded() const noexcept { return succeeded_; }
  [[nodiscard]] bool was_told() const noexcept { return told_ > 0; }
  /// What went wrong, a line each; empty if nothing did.
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
  int told_ = 0;
  bool succeeded_ = false;
};

/// Something that is begun and must end exactly once. Outlived by its Stage.
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
