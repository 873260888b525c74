// SPDX-License-Identifier: MIT
// The state that a filter of kqueue(2) would report of a descriptor, derived from poll(2) and
// similar calls.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <optional>

struct kevent;

namespace rondo::test {

/// EV_ADD of EVFILT_PROC: from now on the queue is a pidfd. Returns 0, or the errno.
int watch_process(int kq, const struct kevent& change) noexcept;

/// The file that a descriptor belongs to.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;  // its type alone
  bool operator==(const Identity&) const = default;
};

/// Nothing if `fd` is closed.
std::optional<Identity> identity_of(int fd) noexcept;

struct Look {
  bool ready = false;
  bool end = false;       // EV_EOF
  std::int64_t data = 0;  // bytes to read, or room to write
};

/// `mode` is that of its identity, and `polled` the result of poll() for it with the events
/// poll_all.
Look look(int fd, mode_t mode, short filter, short polled) noexcept;

/// The errno with which kqueue would refuse to watch `fd`, or 0 if it would accept it.
int refusal(int fd, short filter) noexcept;

/// Whether `fd` is the end of a pipe whose other end is closed.
bool is_widowed(int fd) noexcept;

extern const short poll_all;

}  // namespace rondo::test
