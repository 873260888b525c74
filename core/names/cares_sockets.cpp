// What c-ares calls back, from inside any call of it: its sockets, and its answers.
//
// The socket functions follow the system's: -1 and errno. None of them ends a lookup or calls a
// user; a socket that cannot be made or watched is noted as the trouble of this try.
#include <netdb.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "cares_channel.h"

namespace rondo::detail {
namespace {

constexpr std::size_t parts_per_write_max = 16;

}  // namespace

void CaresChannel::answered(void* asked, int status, int, ares_addrinfo* found) noexcept {
  auto& question = *static_cast<Question*>(asked);
  question.pending = false;
  if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) return;
  question.status = status;
  if (found == nullptr) return;
  try {
    for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
      if (question.addresses.size() >= Resolver::addresses_per_family_max) break;
      const auto address = Endpoint::from_system(node->ai_addr, node->ai_addrlen);
      if (address && address->family() == question.family) question.addresses.push_back(*address);
    }
  } catch (const std::bad_alloc&) {
    question.status = ARES_ENOMEM;
  }
  ::ares_freeaddrinfo(found);
}

void CaresChannel::state_changed(void* self, ares_socket_t fd, int readable,
                                 int writable) noexcept {
  auto& channel = *static_cast<CaresChannel*>(self);
  Conversation* const conversation = channel.find(fd);
  if (conversation == nullptr) return;
  const Ready ready = (readable != 0 ? Ready::read : Ready::none) |  //
                      (writable != 0 ? Ready::write : Ready::none);
  if (auto error = conversation->await(ready)) channel.trouble_ = error;
}

ares_socket_t CaresChannel::open_socket(int family, int type, int, void* self) noexcept {
  auto& channel = *static_cast<CaresChannel*>(self);
  const bool datagrams = type == SOCK_DGRAM;
  auto socket =
      Socket::make(channel.net_, family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4,
                   datagrams ? SocketType::datagram : SocketType::stream);
  if (!socket) {
    channel.trouble_ = socket.error();
    errno = socket.error().value();
    return ARES_SOCKET_BAD;
  }
  const int fd = socket->fd();
  try {
    channel.conversations_.push_back(
        std::make_unique<Conversation>(channel, std::move(*socket), datagrams));
    return fd;
  } catch (const std::bad_alloc&) {
    channel.trouble_ = std::make_error_code(std::errc::not_enough_memory);
    errno = ENOMEM;
    return ARES_SOCKET_BAD;
  }
}

int CaresChannel::close_socket(ares_socket_t fd, void* self) noexcept {
  auto& channel = *static_cast<CaresChannel*>(self);
  std::erase_if(channel.conversations_, [fd](const auto& each) { return each->fd() == fd; });
  return 0;
}

int CaresChannel::connect_socket(ares_socket_t fd, const sockaddr* address, ares_socklen_t size,
                                 void* self) noexcept {
  auto& channel = *static_cast<CaresChannel*>(self);
  const auto peer = Endpoint::from_system(address, static_cast<std::size_t>(size));
  const int result = peer ? channel.net_.connect(fd, *peer) : -EINVAL;
  if (result < 0) errno = -result;
  return result < 0 ? -1 : 0;
}

ares_ssize_t CaresChannel::receive(ares_socket_t fd, void* into, size_t size, int, sockaddr* from,
                                   ares_socklen_t* from_size, void* self) noexcept {
  auto& channel = *static_cast<CaresChannel*>(self);
  Conversation* const conversation = channel.find(fd);
  MutableBytes room{static_cast<std::byte*>(into), size};
  if (conversation == nullptr || !conversation->datagrams()) return channel.net_.read(room, fd);

  if (channel.reads_left_-- <= 0) {
    errno = EAGAIN;
    return -1;
  }
  Endpoint sender;
  Message message{.address = &sender, .parts = std::span{&room, 1}};
  const int result = channel.net_.receive(fd, std::span{&message, 1});
  if (result < 0) errno = -result;
  if (result < 0) return -1;
  // An empty datagram is no answer; c-ares took it for the end of a connection (CVE-2023-32067).
  if (result == 0 || message.size == 0) {
    errno = EAGAIN;
    return -1;
  }
  if (from != nullptr && from_size != nullptr) {
    const std::size_t room_for_name = static_cast<std::size_t>(*from_size);
    std::memcpy(from, sender.system(), std::min(room_for_name, sender.system_size()));
    *from_size = static_cast<ares_socklen_t>(sender.system_size());
  }
  return static_cast<ares_ssize_t>(message.size);
}

ares_ssize_t CaresChannel::send(ares_socket_t fd, const iovec* parts, int count,
                                void* self) noexcept {
  auto& channel = *static_cast<CaresChannel*>(self);
  std::array<Bytes, parts_per_write_max> data;
  const std::size_t used = std::min(static_cast<std::size_t>(count), data.size());
  for (std::size_t i = 0; i < used; ++i) {
    data[i] = {static_cast<const std::byte*>(parts[i].iov_base), parts[i].iov_len};
  }
  const std::ptrdiff_t sent = channel.net_.writev(std::span{data}.first(used), fd);
  Conversation* const conversation = channel.find(fd);
  if (sent >= 0 || errno != EAGAIN || conversation == nullptr || !conversation->datagrams())
    return sent;
  // To c-ares the question would have failed; to us it is one that was lost, and is asked again.
  std::ptrdiff_t size = 0;
  for (const Bytes part : std::span{data}.first(used)) size += std::ssize(part);
  return size;
}

}  // namespace rondo::detail
