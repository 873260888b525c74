// SPDX-License-Identifier: MIT
#include "inject/stage.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

namespace rondo::test {
namespace {

constexpr int exceptions_max = 100;

/// With a single injection, the errors are printed.
void show(const std::string& text) {
  if (std::getenv("RONDO_INJECT") != nullptr) std::printf("fault: %s\n", text.c_str());
}

std::unique_ptr<Backend> make_inner(const Place& place, sim::World* world) {
  if (world != nullptr) return world->host("10.0.0.1").driving_backend();
  return std::move(make_backend(place.backend).value());
}

}  // namespace

Stage::Stage(const Place& place, Injector& injector) : injector_(injector), place_(place) {
  if (place.is_simulated()) world_ = std::make_unique<sim::World>(1);
  const InjectingBackend::Way way{place.is_simulated() ? Below::is_spared : Below::is_starved,
                                  place.moment};
  auto made = std::make_unique<InjectingBackend>(make_inner(place, world_.get()), injector, way);
  backend_ = made.get();
  reactor_ = std::make_unique<Reactor>(std::unique_ptr<Backend>{std::move(made)});
}

Stage::~Stage() = default;

std::string Stage::path() {
  const char* folder = ::getenv("TMPDIR");
  return std::string{folder != nullptr ? folder : "/tmp"} + "/rondo-" + std::to_string(::getpid());
}

void Stage::remove_path() noexcept {
  const SparedAllocations spared;
  ::unlink(path().c_str());
}

void Stage::run() {
  for (int exceptions = 0; exceptions < exceptions_max;) {
    std::error_code error;
    try {
      if (const auto ran = reactor_->run(); !ran) error = ran.error();
    } catch (const std::bad_alloc&) {
      ++exceptions;
      if (injector_.planned().way.call != Call::allocate) fault("bad_alloc out of nowhere");
      continue;
    }
    if (!error) {
      for (const Once* each = first_; each != nullptr; each = each->next_)
        if (each->begun_ != each->ended_) fault(std::string{each->what_} + " never ends");
      return;
    }
    if (error == std::errc::resource_deadlock_would_occur) {
      fault("waits for ever");
      if (world_ != nullptr) fault(world_->waiting());
      return;
    }
    if (error == std::errc::timed_out) return fault("spins");
    ++exceptions;
    report(error);
  }
  fault("cannot be run to its end");
}

void Stage::report(const Error& error) {
  const Injector::Spare spare{injector_};
  const SparedAllocations spared;
  ++reports_;
  show(error.message());
  if (!error.code) fault("an error without a code: " + error.context);
  if (error.context.empty()) fault("an error that does not say what was tried: " + error.message());
}

void Stage::report(std::error_code error) {
  const Injector::Spare spare{injector_};
  const SparedAllocations spared;
  ++reports_;
  show(error.message());
  if (!error) fault("an error without a code");
}

void Stage::report(const Close& close) {
  const Injector::Spare spare{injector_};
  const SparedAllocations spared;
  ++reports_;
  show(close.message());
  if (close.message().empty()) fault("a stream ended without saying why");
  const bool is_of_system =
      close.reason == CloseReason::error || close.reason == CloseReason::reset;
  if (is_of_system && !close.error) fault("no errno in " + close.message());
  if (close.reason == CloseReason::not_connected && close.what.empty())
    fault("what was tried is not in " + close.message());
}

void Stage::fault(std::string_view what) {
  const Injector::Spare spare{injector_};
  const SparedAllocations spared;
  faults_ += "  ";
  faults_ += what;
  faults_ += '\n';
}

Once::~Once() {
  for (Once** place = &stage_.first_; *place != nullptr; place = &(*place)->next_) {
    if (*place != this) continue;
    *place = next_;
    break;
  }
}

void Once::end() {
  if (++ended_ <= begun_) return;
  stage_.fault(std::string{what_} + (begun_ == 0 ? " ends unbegun" : " ends twice"));
}

}  // namespace rondo::test
