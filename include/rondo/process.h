// SPDX-License-Identifier: MIT
// rondo: other programs, started and awaited by the reactor. Their standard descriptors can be
// streams.
//
//     auto listing = rondo::Process::start(
//         reactor, {"ls", "-l"}, [](const rondo::ExitStatus& status) { ... },
//         {.output = rondo::Redirect::pipe(handler)});
//     if (!listing) return rondo::print_error(listing.error());
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/exit_status.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/process_calls.h>
#include <rondo/result.h>
#include <rondo/stream.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
namespace detail {
class ProcessImpl;
struct LaunchPlan;
}  // namespace detail

/// Where a standard descriptor of a program leads.
class Redirect {
 public:
  /// To the same as here. If the descriptor is closed here, or close-on-exec, to the null device.
  [[nodiscard]] static Redirect inherit() noexcept { return Redirect{Kind::inherit}; }
  /// To the null device: no input, and output is lost.
  [[nodiscard]] static Redirect null() noexcept { return Redirect{Kind::null}; }
  /// To a stream of this program: Process::input(), output(), error(). `handler` outlives it.
  /// Without a handler, pass the stream on by take_output(): what it reads before is lost.
  [[nodiscard]] static Redirect pipe(StreamHandler& handler, const StreamOptions& options = {}) {
    Redirect redirect{Kind::pipe};
    redirect.handler_ = &handler;
    redirect.options_ = options;
    return redirect;
  }
  /// The same without a handler.
  [[nodiscard]] static Redirect pipe() noexcept { return Redirect{Kind::pipe}; }
  /// To a descriptor that the caller keeps, and may close once the program has started.
  [[nodiscard]] static Redirect to(int fd) noexcept {
    Redirect redirect{Kind::descriptor};
    redirect.fd_ = fd;
    return redirect;
  }
  /// For ProcessOptions::error: to where the output leads.
  [[nodiscard]] static Redirect to_output() noexcept { return Redirect{Kind::output}; }

 private:
  friend struct detail::LaunchPlan;
  enum class Kind : std::uint8_t { inherit, null, pipe, descriptor, output };
  explicit Redirect(Kind kind) noexcept : kind_(kind) {}

  Kind kind_;
  int fd_ = -1;
  StreamHandler* handler_ = nullptr;
  StreamOptions options_{};
};

/// `Process::start(reactor, {"make"}, on_exit, {.directory = "/src"})`
struct ProcessOptions {
  Redirect input = Redirect::null();      ///< standard input
  Redirect output = Redirect::inherit();  ///< standard output
  Redirect error = Redirect::inherit();   ///< standard error
  /// Further descriptors of this process, and their numbers, from 3 on, in the program. All others
  /// are closed there.
  std::vector<ProgramStart::Descriptor> descriptors{};
  /// The working directory; empty: that of this program.
  std::string directory{};
  /// The file to run, if it is not the first argument.
  std::string program{};
  /// `NAME=value` adds to the environment or replaces in it, `NAME` alone removes. The last one of
  /// a name counts.
  std::vector<std::string> environment{};
  /// False: the program gets `environment` alone.
  bool inherit_environment = true;
  ProcessGroup group = ProcessGroup::inherited;  ///< the processes that get signals with it
};

/// A program that was started. It keeps run() from returning until it has ended. Destroying a
/// Process kills the program, by SIGKILL to all of its group if it has one, and calls nothing; the
/// reactor then waits for it in the background. Destroy it before the reactor. Use it on the
/// reactor's thread only.
///
/// In a forked child a Process is only a handle: kill() fails, destroying it kills nothing, and
/// on_exit may be called with ExitStatus::error.
class RONDO_EXPORT Process {
 public:
  /// Called once, when the program has ended. It may destroy the Process.
  using OnExit = Function<void(const ExitStatus&)>;

  /// Starts the program arguments[0], without a shell. A name without `/` is searched in the PATH
  /// of the program's environment; a relative path is relative to its directory. Signals are not
  /// blocked in it, and have their default actions. The thread waits until the program begins to
  /// run. `on_exit` is called once when it has ended, after all output that it wrote itself was
  /// passed to handlers that read it; processes that it has left behind may write more. Errors say
  /// what failed: `start "nosuch": No such file or directory`, `change to directory "/x" to start
  /// "ls": ...`; invalid_argument for empty arguments, null characters, and an environment entry
  /// without a name; operation_not_supported in a simulated network.
  [[nodiscard]] static Result<Process> start(Reactor& reactor, std::vector<std::string> arguments,
                                             OnExit on_exit, const ProcessOptions& options = {});
  Process(Process&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Process& operator=(Process&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  ~Process();

  /// The process id, also after the end.
  [[nodiscard]] int id() const noexcept;
  /// False from the call of on_exit on.
  [[nodiscard]] bool is_running() const noexcept;

  /// Sends a signal to the program, or to all of its group if it has one of its own. Errors:
  /// no_such_process when it has ended, invalid_argument, operation_not_permitted.
  Result<void, std::error_code> kill(int signal) noexcept;
  /// Asks it to end by SIGTERM, and SIGCONT in case it is stopped; after `grace` follows SIGKILL.
  /// All go to its group, if it has one. When the program has ended, SIGKILL goes to what is left
  /// of that group at once. Called again, the earlier end of the two graces counts.
  void terminate(Duration grace = std::chrono::seconds{5});

  /// The streams of Redirect::pipe(); null for another redirect, and after take_...(). The Process
  /// owns them. When the program has ended, input() is closed.
  [[nodiscard]] Stream* input() const noexcept;
  /// As input(), for the standard output.
  [[nodiscard]] Stream* output() const noexcept;
  /// As input(), for the standard error.
  [[nodiscard]] Stream* error() const noexcept;
  /// Gives a stream to the caller, for example for TextStream::adopt(); null if there is none.
  /// Close an input that was taken, also when the program has ended.
  [[nodiscard]] std::unique_ptr<Stream> take_input() noexcept;
  /// As take_input(), for the standard output.
  [[nodiscard]] std::unique_ptr<Stream> take_output() noexcept;
  /// As take_input(), for the standard error.
  [[nodiscard]] std::unique_ptr<Stream> take_error() noexcept;

  /// A process that is not referenced does not keep run() from returning; its streams may. New ones
  /// are referenced.
  void ref() noexcept;
  /// Undoes ref(): run() may return while the program runs.
  void unref() noexcept;

  /// Lets a program run on alone: it is not killed, and nothing is called. The reactor waits for
  /// its end as long as the reactor exists. After that the next Process that is started does.
  static void detach(Process process) noexcept;

 private:
  explicit Process(detail::ProcessImpl* impl) noexcept : impl_(impl) {}

  detail::ProcessImpl* impl_;
};

}  // namespace rondo
