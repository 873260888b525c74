// SPDX-License-Identifier: MIT
// What c-ares calls instead of the system's socket functions. Like those, they return -1 and set
// errno. None of them ends a lookup or calls a user: an error is kept for error().
//
// The sockets connect to the name server of use_server(), whatever address c-ares gives. A
// connected socket receives from that server only, so each datagram is reported as coming from the
// stand-in, with which c-ares compares it.
#include "cares_sockets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include <rondo/handler.h>
#include <rondo/reactor.h>

namespace rondo::detail {
namespace {

constexpr std::size_t parts_per_write_max = 16;

/// Converts a result of Net, which may be a negative errno.
int with_errno(int result) noexcept {
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

}  // namespace

class CaresSockets::Watched final : public Handler {
 public:
  Watched(CaresSockets& sockets, Socket socket, bool is_datagram) noexcept
      : sockets_(sockets), socket_(std::move(socket)), is_datagram_(is_datagram) {}

  void on_ready(Ready ready) override {
    sockets_.reads_left_ = reads_per_turn_max;
    sockets_.owner_.on_socket_ready(fd(), ready);
  }

  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
  [[nodiscard]] bool is_datagram() const noexcept { return is_datagram_; }

  std::error_code watch(Ready ready) noexcept {
    if (ready == Ready::none) {
      watch_.cancel();
    } else if (watch_) {
      watch_.set(ready);
    } else {
      auto watch = detail::watch(sockets_.reactor_, fd(), ready, *this);
      if (!watch) return watch.error();
      watch_ = std::move(*watch);
    }
    return {};
  }

 private:
  CaresSockets& sockets_;
  Socket socket_;
  const bool is_datagram_;
  Watch watch_;
};

const ares_socket_functions CaresSockets::functions{open, close, connect, receive, send};

CaresSockets::CaresSockets(Reactor& reactor, Owner& owner) noexcept
    : reactor_(reactor), owner_(owner) {}
CaresSockets::~CaresSockets() = default;

CaresSockets::Watched* CaresSockets::find(ares_socket_t fd) const noexcept {
  const auto found = std::find_if(sockets_.begin(), sockets_.end(),
                                  [fd](const auto& each) { return each->fd() == fd; });
  return found != sockets_.end() ? found->get() : nullptr;
}

void CaresSockets::state_changed(void* self, ares_socket_t fd, int readable,
                                 int writable) noexcept {
  auto& sockets = *static_cast<CaresSockets*>(self);
  Watched* const socket = sockets.find(fd);
  if (socket == nullptr) return;
  const Ready ready = (readable != 0 ? Ready::read : Ready::none) |  //
                      (writable != 0 ? Ready::write : Ready::none);
  if (auto error = socket->watch(ready)) sockets.error_ = error;
}

sockaddr_in CaresSockets::stand_in() noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(53);
  return address;
}

ares_socket_t CaresSockets::open(int, int type, int, void* self) noexcept {
  auto& sockets = *static_cast<CaresSockets*>(self);
  const bool is_datagram = type == SOCK_DGRAM;
  auto socket = Socket::make(sockets.reactor_.net(), sockets.server_.family(),
                             is_datagram ? SocketType::datagram : SocketType::stream);
  if (!socket) {
    sockets.error_ = socket.error();
    errno = sockets.error_.value();
    return ARES_SOCKET_BAD;
  }
  const int fd = socket->fd();
  try {
    sockets.sockets_.push_back(std::make_unique<Watched>(sockets, std::move(*socket), is_datagram));
    return fd;
  } catch (const std::bad_alloc&) {
    sockets.error_ = std::make_error_code(std::errc::not_enough_memory);
    errno = ENOMEM;
    return ARES_SOCKET_BAD;
  }
}

int CaresSockets::close(ares_socket_t fd, void* self) noexcept {
  auto& sockets = *static_cast<CaresSockets*>(self);
  std::erase_if(sockets.sockets_, [fd](const auto& each) { return each->fd() == fd; });
  return 0;
}

int CaresSockets::connect(ares_socket_t fd, const sockaddr*, ares_socklen_t, void* self) noexcept {
  auto& sockets = *static_cast<CaresSockets*>(self);
  return with_errno(sockets.reactor_.net().connect(fd, sockets.server_));
}

ares_ssize_t CaresSockets::receive(ares_socket_t fd, void* into, size_t size, int, sockaddr* from,
                                   ares_socklen_t* from_size, void* self) noexcept {
  auto& sockets = *static_cast<CaresSockets*>(self);
  Net& net = sockets.reactor_.net();
  const Watched* const socket = sockets.find(fd);
  MutableBytes room{static_cast<std::byte*>(into), size};
  if (socket == nullptr || !socket->is_datagram()) return net.read(room, fd);

  if (sockets.reads_left_-- <= 0) return with_errno(-EAGAIN);
  Message message{.parts = std::span{&room, 1}};
  const int result = net.receive(fd, std::span{&message, 1});
  if (result < 0) return with_errno(result);
  // c-ares before 1.19.1 takes an empty datagram for the end of a connection (CVE-2023-32067).
  if (result == 0 || message.size == 0) return with_errno(-EAGAIN);
  if (from != nullptr && from_size != nullptr) {
    const sockaddr_in sender = stand_in();
    std::memcpy(from, &sender, std::min(static_cast<std::size_t>(*from_size), sizeof(sender)));
    *from_size = sizeof(sender);
  }
  return static_cast<ares_ssize_t>(message.size);
}

ares_ssize_t CaresSockets::send(ares_socket_t fd, const iovec* parts, int count,
                                void* self) noexcept {
  auto& sockets = *static_cast<CaresSockets*>(self);
  std::array<Bytes, parts_per_write_max> data;
  const std::size_t used = std::min(static_cast<std::size_t>(count), data.size());
  std::ptrdiff_t size = 0;
  for (std::size_t i = 0; i < used; ++i) {
    data[i] = {static_cast<const std::byte*>(parts[i].iov_base), parts[i].iov_len};
    size += std::ssize(data[i]);
  }
  const std::ptrdiff_t sent = sockets.reactor_.net().writev(std::span{data}.first(used), fd);
  const Watched* const socket = sockets.find(fd);
  const bool is_lost = sent < 0 && errno == EAGAIN && socket != nullptr && socket->is_datagram();
  // c-ares would treat this as a failure of the question. But a datagram may be lost: the question
  // is repeated after try_timeout.
  return is_lost ? size : sent;
}

}  // namespace rondo::detail
