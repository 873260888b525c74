// SPDX-License-Identifier: MIT
// One program that was started. The life of a ProcessImpl:
//
//   running --reap--> ended --report--> reported
//             ended: its status is known, the system has forgotten it, and what it has written is
//             passed to its streams. If one of them throws, the rest follows in the next turn.
//             reported: on_exit was called, unless the Process was destroyed before.
//
// While it is not reported it is in the list of its ProcessContext and holds itself (Retirable), so
// that it is also waited for when its Process has been destroyed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <system_error>

#include <rondo/handler.h>
#include <rondo/process.h>
#include <rondo/reactor.h>
#include <rondo/socket.h>
#include <rondo/timer.h>

#include "callbacks.h"
#include "launch_plan.h"
#include "process_context.h"

namespace rondo::detail {

class ProcessImpl final : public Handler, public Retirable<ProcessImpl> {
 public:
  ProcessImpl(ProcessContext& context, ProcessCalls& calls, Process::OnExit on_exit,
              LaunchPlan& plan, ProcessGroup group);
  ~ProcessImpl();

  /// The program runs: waits for its end from now on.
  void started(int id) noexcept;

  void check_thread(const char* call) const noexcept { context_.loop().check_thread(call); }
  [[nodiscard]] int id() const noexcept { return id_; }
  [[nodiscard]] bool is_running() const noexcept { return state_ != State::reported; }
  [[nodiscard]] std::error_code kill(int signal) noexcept;
  void terminate(Duration grace);
  void set_referenced(bool referenced) noexcept;
  [[nodiscard]] std::unique_ptr<Stream>& stream(int number) noexcept {
    return streams_[static_cast<std::size_t>(number)].stream;
  }
  /// Its end is not to be brought about by retire().
  void spare() noexcept { is_spared_ = true; }
  /// Retirable: kills the program, unless it is spared.
  void close() noexcept;

  // What the context calls.
  [[nodiscard]] bool is_checked() const noexcept { return !watch_; }
  [[nodiscard]] bool is_due() const noexcept { return is_due_; }
  /// Notes whether it has ended.
  void check() noexcept;
  /// Reports the end, if there is one.
  void look();
  /// The reactor ends: waits for a program that was killed, leaves another one to later.
  void leave_reactor() noexcept;

 private:
  friend class ProcessContext;
  enum class State : std::uint8_t { running, ended, reported };

  /// An end of a pipe. Its stream may have another owner; the token then still names it.
  struct Pipe {
    std::unique_ptr<Stream> stream;
    Token token = no_token;
    int fd = -1;
  };

  void on_ready(Ready) override { look(); }
  /// False in a forked child.
  [[nodiscard]] bool is_ours() const noexcept;
  [[nodiscard]] bool has_group() const noexcept { return group_ != ProcessGroup::inherited; }
  [[nodiscard]] int exit_descriptor() const noexcept { return exit_.fd(); }
  void reap() noexcept;
  void pass_on_rest(const Pipe& pipe);
  void report();
  void forget() noexcept;

  ProcessContext& context_;
  ProcessCalls& calls_;
  Process::OnExit on_exit_;
  std::array<Pipe, 3> streams_;
  Timer kill_timer_;
  Socket exit_;  // readable when the program has ended; may be empty
  Watch watch_;
  WorkGuard guard_;  // while there is no watch
  ExitStatus status_;
  ProcessImpl* next_ = nullptr;  // in the list of the context
  ProcessImpl* previous_ = nullptr;
  int id_ = -1;
  int parent_ = -1;  // this program's process id
  ProcessGroup group_;
  State state_ = State::running;
  bool is_due_ = false;
  bool is_terminated_ = false;  // terminate() was called
  bool is_spared_ = false;
};

}  // namespace rondo::detail
