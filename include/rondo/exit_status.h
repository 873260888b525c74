// SPDX-License-Identifier: MIT
// rondo: how a program has ended.
#pragma once

#include <string>
#include <system_error>

#include <rondo/export.h>

namespace rondo {

/// How a program has ended: by exit(), by a signal, or unknown.
struct ExitStatus {
  int code = 0;              ///< what the program passed to exit(); 0 if a signal ended it
  int signal = 0;            ///< the signal that ended it, or 0
  bool core_dumped = false;  ///< the system has written a core file
  /// Why the rest is not known. no_child_process: this program ignores SIGCHLD, so the kernel keeps
  /// no status (Linux 6.15 and later still reports it), or other code has waited for all children,
  /// or this is a forked child and the program is its parent's.
  std::error_code error{};

  /// True after exit(0).
  [[nodiscard]] bool is_success() const noexcept { return code == 0 && signal == 0 && !error; }
  /// `exit code 3`, `signal 11 (Segmentation fault), core dumped`, `exit status unknown: ...`.
  [[nodiscard]] RONDO_EXPORT std::string message() const;
};

}  // namespace rondo
