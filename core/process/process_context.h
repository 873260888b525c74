// SPDX-License-Identifier: MIT
// What the processes of one reactor share: the list of those that have not ended, and how their end
// is noticed where the system has no descriptor for it.
#pragma once

#include <optional>

#include <rondo/process_calls.h>
#include <rondo/signal.h>
#include <rondo/timer.h>

#include "loop/loop.h"

namespace rondo::detail {

class ProcessImpl;

class ProcessContext final : public PerReactor {
 public:
  static constexpr Room room = Room::process;

  explicit ProcessContext(Reactor& reactor, Loop& loop);
  ~ProcessContext() override;
  /// The reactor's, made when it is first needed.
  static ProcessContext& of(Reactor& reactor);

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }

  void add(ProcessImpl& process) noexcept;
  void remove(ProcessImpl& process) noexcept;
  /// A process that has no descriptor for its end: looks for it from now on.
  void begin_checks() noexcept;
  /// Looks in the next turn.
  void check_soon() noexcept { timer_.arm_after(Duration::zero()); }

 private:
  void listen_to_signal() noexcept;
  void check();
  [[nodiscard]] ProcessImpl* first_due() const noexcept;

  Reactor& reactor_;
  Loop& loop_;
  ProcessImpl* first_ = nullptr;
  std::optional<Signal> signal_;
  Timer timer_;
};

}  // namespace rondo::detail
