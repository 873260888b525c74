// SPDX-License-Identifier: MIT
// The checks of an adopted socket. All of them are needed: epoll accepts a descriptor that blocks,
// and a datagram socket, and the loop would stop in the first call that waits.
#include "adopted.h"

#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <rondo/assert.h>
#include <rondo/net.h>

namespace rondo::detail {
namespace {

class Check {
 public:
  Check(Net& net, int fd, const char* what)
      : net_(net), fd_(fd), what_(what), where_("descriptor " + std::to_string(fd_)) {}

  Result<Endpoint> run(AdoptedAs use) {
    Endpoint local;
    const int named = net_.local_endpoint(fd_, local);
    if (named >= 0) where_ = local.to_string();
    // A stream may be of any family, and may be no socket.
    if (named < 0 && use != AdoptedAs::stream) return error(-named);
    if (auto defect = find_defect(use)) return std::move(*defect);
    if (const int result = net_.set_nonblocking(fd_); result < 0) return error(-result);
    // A descriptor that has no such option has no linger time.
    int linger = -1;
    if (net_.get(fd_, SocketOption::linger, linger) >= 0 && linger > 0) {
      if (const int result = net_.set(fd_, SocketOption::linger, -1); result < 0)
        return error(-result, ": switch off its linger time");
    }
    return local;
  }

  [[nodiscard]] std::optional<Error> find_defect(AdoptedAs use) const {
    const int type = option(SO_TYPE);
    if (type < 0) return error(-type);
    const int listens = option(SO_ACCEPTCONN);  // a system may not report it
    const bool wants_listener = use == AdoptedAs::listener || use == AdoptedAs::stream_listener;
    if (type == SOCK_DGRAM && use != AdoptedAs::datagrams)
      return error(ESOCKTNOSUPPORT, ": a datagram socket, which DatagramSocket adopts");
    if (type != SOCK_DGRAM && type != SOCK_STREAM && type != SOCK_SEQPACKET &&
        use != AdoptedAs::datagrams)
      return error(ESOCKTNOSUPPORT, ": a raw socket, which is no stream");
    if (type == SOCK_STREAM && use == AdoptedAs::datagrams)
      return error(ESOCKTNOSUPPORT, ": a stream socket, which Stream adopts");
    if (type == SOCK_SEQPACKET && use == AdoptedAs::stream_listener)
      return error(ESOCKTNOSUPPORT, ": a seqpacket socket, which Acceptor adopts");
    if (wants_listener && listens == 0) return error(EINVAL, ": the socket does not listen");
    if (!wants_listener && listens > 0)
      return error(EINVAL, ": the socket listens: an acceptor or a server adopts it");
    if (type == SOCK_SEQPACKET && use == AdoptedAs::datagrams) {
      Endpoint peer;
      if (const int result = net_.remote_endpoint(fd_, peer); result < 0) return error(-result);
    }
    return {};
  }

 private:
  [[nodiscard]] Error error(int number, const char* problem = "") const {
    return {system_error(number), what_ + ' ' + where_ + problem};
  }

  /// A number, or a negative errno.
  [[nodiscard]] int option(int name) const noexcept {
    int value = 0;
    const int result =
        net_.option(fd_, SOL_SOCKET, name, std::as_writable_bytes(std::span{&value, 1}));
    return result < 0 ? result : value;
  }

  Net& net_;
  const int fd_;
  const std::string what_;
  std::string where_;
};

[[maybe_unused]] const char* name_of_call(AdoptedAs use) noexcept {
  switch (use) {
    case AdoptedAs::listener:
      return "Acceptor::adopt";
    case AdoptedAs::stream_listener:
      return "Server::adopt";
    case AdoptedAs::stream:
      return "Stream::adopt";
    case AdoptedAs::datagrams:
      break;
  }
  return "DatagramSocket::adopt";
}

}  // namespace

void require_made([[maybe_unused]] const Socket& socket,
                  [[maybe_unused]] const char* call) noexcept {
  RONDO_REQUIRE(&socket.net() != &no_net(), call,
                " was called with a Socket that is empty, because it was made without a "
                "descriptor. Move one to it first, such as one that Socket::make returned.");
}

Result<Endpoint> prepare_adopted(Socket& socket, AdoptedAs use, const char* what) {
  require_made(socket, name_of_call(use));
  return Check{socket.net(), socket.fd(), what}.run(use);
}

std::optional<Error> find_defect(Net& net, int fd, AdoptedAs use, const char* what) {
  return Check{net, fd, what}.find_defect(use);
}

}  // namespace rondo::detail
