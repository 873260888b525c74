// Setting and getting options by name.
//
// What is no plain int is made one here: a flag is 0 or 1 and nothing else, as the kernel would
// take any number for true; linger is -1 or seconds. The kernel checks the ranges of the others,
// but for those below zero, which it takes for very large ones here and there. Where IPv4 and IPv6
// differ, the socket is asked for its family: such options are set once in a socket's life.
#include "net_options.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace rondo::backends {
namespace {

int failure() noexcept { return errno == EINTR ? -EAGAIN : -errno; }

/// The number of the option on this socket, or the negative errno in `error`.
OptionNumber find(int fd, Option option, int& error) noexcept {
  int domain = AF_UNSPEC;
  error = 0;
  if (is_of_family(option)) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      error = failure();
      return {};
    }
    domain = address.ss_family;
  }
  const OptionNumber number = number_of(option, domain);
  if (number.level < 0) error = -ENOPROTOOPT;
  return number;
}

template <typename Value>
int set_value(int fd, const OptionNumber& number, const Value& value) noexcept {
  return ::setsockopt(fd, number.level, number.name, &value, sizeof(value)) == 0 ? 0 : failure();
}

}  // namespace

int set_option(int fd, Option option, int value) noexcept {
  int error = 0;
  const OptionNumber number = find(fd, option, error);
  if (error != 0) return error;
  if (number.form == Form::linger) {
    if (value < -1) return -EINVAL;
    return set_value(fd, number, linger{value < 0 ? 0 : 1, value < 0 ? 0 : value});
  }
  if (value < 0 || (number.form == Form::flag && value > 1)) return -EINVAL;
  if (number.form == Form::interface_of_ipv4) {
    ip_mreqn request{};
    request.imr_ifindex = value;
    return set_value(fd, number, request);
  }
  return set_value(fd, number, value);
}

int get_option(int fd, Option option, int& value) noexcept {
  int error = 0;
  const OptionNumber number = find(fd, option, error);
  if (error != 0) return error;
  if (number.form == Form::interface_of_ipv4) return -ENOPROTOOPT;
  if (number.form == Form::linger) {
    linger found{};
    socklen_t size = sizeof(found);
    if (::getsockopt(fd, number.level, number.name, &found, &size) != 0) return failure();
    value = found.l_onoff == 0 ? -1 : found.l_linger;
    return 0;
  }
  int found = 0;
  socklen_t size = sizeof(found);
  if (::getsockopt(fd, number.level, number.name, &found, &size) != 0) return failure();
  // Some systems keep a byte. Others keep a flag as whatever bit stands for it.
  if (size == 1) found = *reinterpret_cast<const unsigned char*>(&found);
  value = number.form == Form::flag ? static_cast<int>(found != 0) : found;
  return 0;
}

}  // namespace rondo::backends
