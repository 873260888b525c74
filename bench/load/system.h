// SPDX-License-Identifier: MIT
// load: the system calls that all loads use.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>

namespace load {

inline constexpr std::uint64_t ns_per_second = 1'000'000'000;

/// Nanoseconds of the monotonic clock.
std::uint64_t now_ns() noexcept;

/// Nanoseconds that all threads of a process have been on a CPU, by the kernel's own account, also
/// those that have ended. 0 for process 0.
std::uint64_t cpu_ns_of(int pid);

/// Whether an errno says that descriptors, ports or memory have run out.
bool is_exhaustion(int error) noexcept;

/// A socket that has begun to connect, close-on-exec and non-blocking, Nagle's algorithm off. If
/// the system has run out of something, -1 and errno; any other failure ends the process. `number`
/// is how many connections there are already; on loopback, it selects the client's address.
int begin_connecting(const sockaddr_in& server, std::size_t number);

/// Closes a connection with a reset, so that it does not remain in TIME_WAIT.
void reset(int fd) noexcept;

/// Both end the process with a message.
[[noreturn]] void die(const char* what);
[[noreturn]] void die_with_errno(const char* what);

}  // namespace load
