// SPDX-License-Identifier: MIT
#include "support/kernel.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/descriptor_census.h"

namespace rondo::test {
namespace {

constexpr int patience_ms = 10'000;

int checked_errno(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

rlimit limit_now() {
  rlimit limit{};
  checked_errno(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  return limit;
}

class SystemKernel final : public KernelAccess {
 public:
  Net& net() noexcept override { return system_net(); }
  int pipe(int (&fds)[2]) noexcept override {
    if (::pipe(fds) != 0) return -errno;
    for (const int fd : fds) {
      if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return -errno;
      }
    }
    return 0;
  }
  int duplicate(int fd) noexcept override {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
  }
  bool is_nonblocking(int fd) const override {
    return (checked_errno(::fcntl(fd, F_GETFL), "F_GETFL") & O_NONBLOCK) != 0;
  }
  bool is_close_on_exec(int fd) const override {
    return (checked_errno(::fcntl(fd, F_GETFD), "F_GETFD") & FD_CLOEXEC) != 0;
  }
  std::map<int, std::string> descriptors() override { return open_descriptors(); }
  /// IPv6 as a rule has none on the loopback.
  std::uint32_t group_interface(AddressFamily family) override {
    if (family == AddressFamily::ipv4) return ::if_nametoindex("lo");
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return 0;
    std::uint32_t found = 0;
    for (const ifaddrs* one = all; one != nullptr && found == 0; one = one->ifa_next) {
      const bool is_able = (one->ifa_flags & (IFF_MULTICAST | IFF_UP)) == (IFF_MULTICAST | IFF_UP);
      if (is_able && one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET6) {
        found = ::if_nametoindex(one->ifa_name);
      }
    }
    ::freeifaddrs(all);
    return found;
  }
  void limit_descriptors(std::size_t spare) override {
    rlimit limit = limit_now();
    before_ = limit.rlim_cur;
    // Numbers are given out from below, so holes count as room too.
    const std::map<int, std::string> open = open_descriptors();
    int next = 0;
    for (std::size_t room = 0;; ++next) {
      if (open.contains(next)) continue;
      if (room == spare) break;
      ++room;
    }
    limit.rlim_cur = static_cast<rlim_t>(next);
    checked_errno(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  }
  void unlimit_descriptors() noexcept override {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = before_;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);  // it stood there before
  }
  bool allow_descriptors(std::size_t count) override {
    rlimit limit = limit_now();
    limit.rlim_cur = limit.rlim_max;
    checked_errno(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
    return limit.rlim_cur >= count;
  }
  void await(int fd, short events) override {
    pollfd entry{fd, events, 0};
    if (::poll(&entry, 1, patience_ms) != 1) throw std::runtime_error("it did not come about");
  }
  void pass(Duration duration) override {
    for (const TimePoint end = Clock::now() + duration; Clock::now() < end;) {
    }
  }
  [[nodiscard]] std::string_view lacks(Need) const noexcept override { return {}; }

 private:
  rlim_t before_ = 0;
};

KernelAccess* current = nullptr;

}  // namespace

KernelAccess& system_kernel() noexcept {
  static SystemKernel kernel;
  return kernel;
}

KernelAccess& kernel() noexcept { return current != nullptr ? *current : system_kernel(); }

KernelOfTheCase::KernelOfTheCase(std::unique_ptr<KernelAccess> kernel) : owned_(std::move(kernel)) {
  if (current != nullptr) throw std::logic_error("one case at a time");
  current = owned_.get();
}
KernelOfTheCase::~KernelOfTheCase() { current = nullptr; }

}  // namespace rondo::test
