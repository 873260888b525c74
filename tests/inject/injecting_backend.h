// SPDX-License-Identifier: MIT
// A backend that forwards to another, except for the call that must fail. Time is virtual: on a
// real poller it jumps to the deadline if no event has come for a moment.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/backend.h>
#include <rondo/name_service.h>

#include "inject/injecting_net.h"
#include "inject/injection.h"

namespace rondo::test {

class InjectingBackend final : public Backend {
 public:
  struct Way {
    Below below;
    Duration moment{};  ///< the time to wait for pending events; zero: the time is virtual
  };
  /// More waits than any scenario needs. Beyond this something spins, and wait() returns timed_out.
  static constexpr int waits_max = 20'000;

  InjectingBackend(std::unique_ptr<Backend> inner, Injector& injector, Way way)
      : inner_(std::move(inner)),
        injector_(injector),
        way_(way),
        net_(inner_->net(), injector, way.below) {
    collected_.reserve(collected_max);
  }

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override;
  void unwatch(int fd, Ready from) noexcept override;
  [[nodiscard]] std::error_code wait(Sink& sink, TimePoint deadline) override;
  void wake() noexcept override { inner_->wake(); }
  [[nodiscard]] std::error_code reinit() noexcept override;
  [[nodiscard]] TimePoint now() const noexcept override { return inner_->now() + ahead_; }
  [[nodiscard]] Net& net() noexcept override { return net_; }
  [[nodiscard]] rondo::NameService* name_service() noexcept override {
    return inner_->name_service() == nullptr ? nullptr : &names_;
  }

  [[nodiscard]] InjectingNet& injecting_net() noexcept { return net_; }

 private:
  class Collector;
  /// The name service of the inner backend, in which allocations succeed.
  class SparedNames final : public rondo::NameService {
   public:
    explicit SparedNames(Backend& inner) noexcept : inner_(inner) {}
    std::unique_ptr<Question> ask(std::string_view name, std::optional<AddressFamily> family,
                                  OnAnswer on_answer) override {
      const SparedAllocations spared;
      return inner_.name_service()->ask(name, family, std::move(on_answer));
    }

   private:
    Backend& inner_;
  };
  static constexpr std::size_t collected_max = 1024;

  [[nodiscard]] std::error_code wait_spared(Sink& sink, TimePoint deadline);
  [[nodiscard]] std::error_code wait_a_moment(Sink& sink, TimePoint deadline);

  std::unique_ptr<Backend> inner_;
  Injector& injector_;
  const Way way_;
  InjectingNet net_;
  SparedNames names_{*inner_};
  std::vector<std::pair<Token, Ready>> collected_;
  Duration ahead_{};
  int waits_ = 0;
};

}  // namespace rondo::test
