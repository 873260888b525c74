// SPDX-License-Identifier: MIT
// rondo: the port between Process and the system, which a test or a backend can replace. Programs
// use <rondo/process.h>.
#pragma once

#include <cstdint>
#include <span>

#include <rondo/backend.h>
#include <rondo/exit_status.h>
#include <rondo/net.h>

namespace rondo {

/// The process group of a program. Signals of a terminal, such as that of Ctrl-C, go to a group.
enum class ProcessGroup : std::uint8_t {
  inherited,  ///< that of this program
  own,        ///< a new one, whose number is that of the program
  session,    ///< the same in a new session, without a controlling terminal
};

/// What start() has to do. All memory belongs to the caller. Texts end with a null character,
/// arrays with a null pointer.
struct ProgramStart {
  /// A descriptor of this process, and its number in the program.
  struct Descriptor {
    int fd = -1;      ///< the number here
    int number = -1;  ///< the number there
  };

  const char* const* files = nullptr;            ///< the paths to try, in this order
  char* const* arguments = nullptr;              ///< the first is the name that the program sees
  char* const* environment = nullptr;            ///< each `NAME=value`
  const char* directory = nullptr;               ///< null: that of this program
  std::span<Descriptor> descriptors{};           ///< start() may change the `fd` of each
  ProcessGroup group = ProcessGroup::inherited;  ///< which group it joins or makes
};

/// What failed when a program could not be started.
enum class StartStep : std::uint8_t {
  process,      ///< no process could be made: fork(2)
  group,        ///< its ProcessGroup
  directory,    ///< the change to its directory
  descriptors,  ///< its descriptors could not be put in place
  program,      ///< none of the files could be run: execve(2)
};

/// The calls of the system. Results follow the kernel: 0 or more is success, less is a negative
/// errno. Use it from one thread at a time.
class ProcessCalls {
 public:
  virtual ~ProcessCalls() = default;

  /// A pipe, close-on-exec: fds[0] is read, fds[1] is written. The end that this program uses
  /// (`ours`: read or write) is non-blocking, the other one blocks.
  virtual int pipe(int (&fds)[2], Direction ours) noexcept = 0;
  /// A null device, open for both directions and close-on-exec.
  virtual int open_null() noexcept = 0;

  /// Starts a program and returns its process id when the program has begun to run. It has the
  /// given descriptors and no others, no blocked signal, and the default action for each. After an
  /// error nothing has changed, and `failed` says what could not be done.
  virtual int start(const ProgramStart& what, StartStep& failed) noexcept = 0;

  /// A descriptor that is ready to be read when the process `id`, a child, has ended; -ENOSYS if
  /// this system has none.
  virtual int open_exit(int id) noexcept = 0;
  /// Whether the process has ended: 0 while it runs. 1 with the status, which it keeps until
  /// reap(). -ECHILD: it has ended, and its status is not known. `exit` is from open_exit(), or -1.
  virtual int peek(int id, int exit) noexcept = 0;
  /// The same; after 1 the process is gone, and `id` may be reused by the system. With `wait` it
  /// waits for the end.
  virtual int reap(int id, int exit, ExitStatus& status, bool wait) noexcept = 0;
  /// Sends a signal to a process that was not reaped: with `group` to all of its own group.
  virtual int signal(int id, int exit, int number, bool group) noexcept = 0;
};

}  // namespace rondo
