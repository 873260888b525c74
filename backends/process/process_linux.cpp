// SPDX-License-Identifier: MIT
// Linux: pidfd_open(2) of 5.3 and close_range(2) of 5.11, where the kernel has them. Both, and what
// belongs to them, are called by number: the C library of Debian 12 has a part of them.
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "child.h"

namespace rondo::backends {
namespace {

constexpr unsigned close_range_cloexec = 1U << 2U;
constexpr idtype_t by_exit_descriptor = static_cast<idtype_t>(3);  // P_PIDFD

/// struct pidfd_info of Linux 6.13. The status is in it from 6.15 on.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t control_group;
  std::uint32_t ids[11];
  std::int32_t status;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t pidfd_info_exit = 1U << 3U;
constexpr unsigned long pidfd_get_info = _IOWR(0xff, 11, PidfdInfo);

/// As getdents64(2) returns it.
struct Entry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t size;
  std::uint8_t type;
  char name[1];
};

void close_on_exec(int fd) noexcept { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

/// By /proc, without opendir(3), which allocates. False: there is no /proc.
bool close_listed_on_exec(int first) noexcept {
  const int folder = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  alignas(Entry) std::array<char, 4096> entries;
  long size = 0;
  while ((size = ::syscall(SYS_getdents64, folder, entries.data(), entries.size())) > 0) {
    for (long at = 0; at < size;) {
      std::uint16_t entry_size = 0;
      const char* const entry = entries.data() + at;
      std::memcpy(&entry_size, entry + offsetof(Entry, size), sizeof(entry_size));
      const char* const name = entry + offsetof(Entry, name);
      int fd = -1;
      const auto parsed = std::from_chars(name, name + std::strlen(name), fd);
      if (parsed.ec == std::errc{} && fd >= first) close_on_exec(fd);
      at += entry_size;
    }
  }
  ::close(folder);
  return size == 0;
}

}  // namespace

void close_from(int first) noexcept {
  constexpr long every_number_max = 65536;
  if (::syscall(SYS_close_range, first, ~0U, close_range_cloexec) == 0) return;
  if (close_listed_on_exec(first)) return;
  const long count = std::min(::sysconf(_SC_OPEN_MAX), every_number_max);
  for (int fd = first; fd < count; ++fd) close_on_exec(fd);
}

int open_exit(pid_t id) noexcept { return static_cast<int>(::syscall(SYS_pidfd_open, id, 0)); }

int wait_for(pid_t id, int exit, siginfo_t& about, int options) noexcept {
  if (exit >= 0) {
    const int result = ::waitid(by_exit_descriptor, static_cast<id_t>(exit), &about, options);
    if (result == 0 || errno != EINVAL) return result;  // Linux 5.3 has no P_PIDFD
  }
  return ::waitid(P_PID, static_cast<id_t>(id), &about, options);
}

bool find_lost_status(int exit, ExitStatus& status) noexcept {
  PidfdInfo info{};
  info.mask = pidfd_info_exit;
  if (exit < 0 || ::ioctl(exit, pidfd_get_info, &info) != 0 || (info.mask & pidfd_info_exit) == 0)
    return false;
  status = {};
  if (WIFEXITED(info.status)) {
    status.code = WEXITSTATUS(info.status);
  } else {
    status.signal = WTERMSIG(info.status);
    status.core_dumped = WCOREDUMP(info.status);
  }
  return true;
}

int send_signal(pid_t id, int exit, int number) noexcept {
  if (exit >= 0) {
    const auto result =
        static_cast<int>(::syscall(SYS_pidfd_send_signal, exit, number, nullptr, 0));
    if (result == 0 || errno != ENOSYS) return result;
  }
  return ::kill(id, number);
}

}  // namespace rondo::backends
