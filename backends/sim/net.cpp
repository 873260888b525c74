// SPDX-License-Identifier: MIT
#include "net.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "inside.h"
#include "machine.h"
#include "pipe.h"
#include "rights.h"
#include "tcp.h"
#include "udp.h"
#include "unix.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::size_t parts_max = 256;
constexpr std::size_t messages_max = 64;
constexpr std::size_t file_part_max = std::size_t{64} << 10U;

/// The result as the calls that move bytes return it.
std::ptrdiff_t in_errno(int result, std::size_t size) noexcept {
  if (result >= 0) return static_cast<std::ptrdiff_t>(size);
  errno = -result;
  return -1;
}

bool is_stream(const Object& object) noexcept { return object.type == SocketType::stream; }

}  // namespace

template <typename Action>
int SimNet::with(int fd, Action action) noexcept try {
  const Inside world{nullptr};
  Object* const object = is_over_ ? nullptr : machine_.table().at(fd);
  if (object == nullptr) return -EBADF;
  const Ref<Object> alive{object};
  const int result = action(*object);
  machine_.world().deliver_local();
  return result;
} catch (const std::bad_alloc&) {
  return -ENOMEM;
}

// --- descriptors --------------------------------------------------------------------------------

int SimNet::refusal_to_open() const noexcept {
  if (is_over_) return -EBADF;
  if (machine_.table().full()) return -EMFILE;
  WorldImpl& world = machine_.world();
  if (world.strikes(Fault::no_descriptor)) return -EMFILE;
  if (world.strikes(Fault::no_file)) return -ENFILE;
  return world.strikes(Fault::no_memory) ? -ENOMEM : 0;
}

Ref<Object> SimNet::make(AddressFamily family, SocketType type) {
  if (family == AddressFamily::unix_domain) return Ref<UnixSocket>{new UnixSocket{machine_, type}};
  if (type == SocketType::stream) return Ref<Tcp>{new Tcp{machine_, family}};
  if (type == SocketType::datagram) return Ref<Udp>{new Udp{machine_, family}};
  return {};
}

int SimNet::socket(AddressFamily family, SocketType type) noexcept try {
  const Inside world{nullptr};
  if (const int refusal = refusal_to_open(); refusal != 0) return refusal;
  const Ref<Object> object = make(family, type);
  return object ? machine_.table().add(object) : -ESOCKTNOSUPPORT;
} catch (const std::bad_alloc&) {
  return -ENOMEM;
}

int SimNet::pair(SocketType type, int (&fds)[2]) noexcept try {
  const Inside world{nullptr};
  if (const int refusal = refusal_to_open(); refusal != 0) return refusal;
  const Ref<UnixSocket> one{new UnixSocket{machine_, type}};
  const Ref<UnixSocket> other{new UnixSocket{machine_, type}};
  UnixSocket::pair(*one, *other);
  fds[0] = machine_.table().add(one);
  fds[1] = machine_.table().add(other);
  if (fds[1] >= 0) return 0;
  return machine_.table().remove(fds[0]) < 0 ? -EBADF : -EMFILE;
} catch (const std::bad_alloc&) {
  return -ENOMEM;
}

int SimNet::pipe(int (&fds)[2]) noexcept try {
  const Inside world{nullptr};
  if (const int refusal = refusal_to_open(); refusal != 0) return refusal;
  const Ref<PipeEnd> reader{new PipeEnd{machine_, false}};
  const Ref<PipeEnd> writer{new PipeEnd{machine_, true}};
  PipeEnd::join(*reader, *writer);
  fds[0] = machine_.table().add(reader);
  fds[1] = machine_.table().add(writer);
  if (fds[1] >= 0) return 0;
  return machine_.table().remove(fds[0]) < 0 ? -EBADF : -EMFILE;
} catch (const std::bad_alloc&) {
  return -ENOMEM;
}

int SimNet::duplicate(int fd) noexcept {
  return with(fd, [&](Object& object) { return machine_.table().add(Ref<Object>{&object}); });
}

int SimNet::close(int fd) noexcept {
  return with(fd, [&](Object&) { return machine_.table().remove(fd); });
}

// --- connections --------------------------------------------------------------------------------

int SimNet::bind(int fd, const Endpoint& local) noexcept {
  return with(fd,
              [&](Object& object) { return object.is_socket() ? object.bind(local) : -ENOTSOCK; });
}

int SimNet::listen(int fd, int backlog) noexcept {
  return with(
      fd, [&](Object& object) { return object.is_socket() ? object.listen(backlog) : -ENOTSOCK; });
}

int SimNet::accept(int fd, Endpoint* peer) noexcept {
  return with(fd, [&](Object& object) {
    if (!object.is_socket()) return -ENOTSOCK;
    if (const int refusal = refusal_to_open(); refusal != 0) return refusal;
    Ref<Object> accepted;
    const int result = object.accept(accepted, peer);
    return result < 0 ? result : machine_.table().add(std::move(accepted));
  });
}

int SimNet::connect(int fd, const Endpoint& peer) noexcept {
  return with(
      fd, [&](Object& object) { return object.is_socket() ? object.connect(peer) : -ENOTSOCK; });
}

int SimNet::disconnect(int fd) noexcept {
  return with(fd,
              [](Object& object) { return object.is_socket() ? object.forget_peer() : -ENOTSOCK; });
}

int SimNet::shutdown(int fd, Direction direction) noexcept {
  return with(fd, [&](Object& object) {
    return object.is_socket() ? object.shutdown(direction) : -ENOTSOCK;
  });
}

// --- bytes and messages -------------------------------------------------------------------------

int SimNet::receive_one(Object& object, Message& message) {
  WorldImpl& world = machine_.world();
  if (world.strikes(Fault::not_now)) return -EAGAIN;
  if (world.strikes(Fault::no_memory)) return -ENOMEM;
  message.size = message.control_size = 0;
  message.truncated = message.control_truncated = false;
  std::span<MutableBytes> parts = message.parts;
  MutableBytes shortened;
  if (is_stream(object) && !parts.empty() && parts[0].size() > 1 &&
      world.strikes(Fault::short_read)) {
    shortened = parts[0].first(1 + world.random.below(parts[0].size() - 1));
    message.parts = {&shortened, 1};
  }
  Rights rights;
  const Endpoint before = message.address != nullptr ? *message.address : Endpoint{};
  if (message.address != nullptr) *message.address = unnamed_endpoint();
  const int result = object.receive(message, rights);
  if (result < 0 && message.address != nullptr) *message.address = before;
  message.parts = parts;
  give_rights(machine_.table(), std::move(rights), message);
  return result;
}

int SimNet::send_one(Object& object, Message& message) {
  WorldImpl& world = machine_.world();
  if (world.strikes(Fault::not_now)) return -EAGAIN;
  if (world.strikes(Fault::no_buffers)) return -ENOBUFS;
  message.size = 0;
  Rights rights;
  if (const int result = take_rights(machine_.table(), message.control, rights); result != 0) {
    return result;
  }
  std::span<MutableBytes> parts = message.parts;
  MutableBytes shortened;
  if (is_stream(object) && !parts.empty() && parts[0].size() > 1 &&
      world.strikes(Fault::short_write)) {
    shortened = parts[0].first(1 + world.random.below(parts[0].size() - 1));
    message.parts = {&shortened, 1};
  }
  const Rights given = rights;
  const int result = object.send(message, std::move(rights));
  message.parts = parts;
  if (result < 0) release(given);
  return result;
}

std::ptrdiff_t SimNet::read(MutableBytes into, int fd) noexcept { return readv({&into, 1}, fd); }

std::ptrdiff_t SimNet::readv(std::span<const MutableBytes> into, int fd) noexcept {
  std::array<MutableBytes, parts_max> parts;
  const std::size_t count = std::min(into.size(), parts.size());
  std::copy_n(into.begin(), count, parts.begin());
  Message message{.parts = std::span{parts}.first(count)};
  const int result = with(fd, [&](Object& object) {
    // read(2) with size 0 does not reach the socket.
    if (size_of(message) == 0) return object.reads() ? 0 : -EBADF;
    return receive_one(object, message);
  });
  return in_errno(result, message.size);
}

std::ptrdiff_t SimNet::write(Bytes data, int fd) noexcept {
  return write_parts({&data, 1}, fd, true);
}
std::ptrdiff_t SimNet::writev(std::span<const Bytes> data, int fd) noexcept {
  return write_parts(data, fd, true);
}
std::ptrdiff_t SimNet::write_file(std::span<const Bytes> data, int fd) noexcept {
  return write_parts(data, fd, false);
}

std::ptrdiff_t SimNet::write_parts(std::span<const Bytes> data, int fd, bool to_socket) noexcept {
  std::array<MutableBytes, parts_max> parts;
  const std::size_t count = std::min(data.size(), parts.size());
  std::transform(
      data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count), parts.begin(),
      // The data to send is only read.
      [](Bytes part) { return MutableBytes{const_cast<std::byte*>(part.data()), part.size()}; });
  Message message{.parts = std::span{parts}.first(count)};
  const int result = with(fd, [&](Object& object) {
    if (to_socket && !object.is_socket()) return -ENOTSOCK;
    if (!to_socket && size_of(message) == 0) return object.writes() ? 0 : -EBADF;
    return send_one(object, message);
  });
  return in_errno(result, message.size);
}

/// The file belongs to the real system: a simulated machine has no disk.
std::ptrdiff_t SimNet::send_file(int file, std::uint64_t offset, std::size_t size, int fd) noexcept
    try {
  const Inside world{nullptr};
  std::vector<std::byte> room(std::min(size, file_part_max));
  const std::ptrdiff_t count = ::pread(file, room.data(), room.size(), static_cast<off_t>(offset));
  return count <= 0
             ? count
             : write_file(std::array{Bytes{room}.first(static_cast<std::size_t>(count))}, fd);
} catch (const std::bad_alloc&) {
  errno = ENOMEM;
  return -1;
}

int SimNet::opened_for(int fd) noexcept {
  return with(fd, [](const Object& object) {
    if (object.reads() && object.writes()) return static_cast<int>(Direction::both);
    return static_cast<int>(object.reads() ? Direction::read : Direction::write);
  });
}

/// A simulated descriptor never blocks.
int SimNet::set_nonblocking(int fd) noexcept {
  return with(fd, [](const Object&) { return 0; });
}

int SimNet::receive(int fd, std::span<Message> messages) noexcept {
  return with(fd, [&](Object& object) {
    if (!object.is_socket()) return -ENOTSOCK;
    // recvmmsg(2) reports an error before the messages that preceded it; recvmsg(2) does not.
    const int error = messages.size() > 1 ? object.take_error() : 0;
    if (error != 0) return -error;
    int moved = 0;
    for (Message& message : messages.first(std::min(messages.size(), messages_max))) {
      if (message.parts.size() > parts_max) return moved != 0 ? moved : -EMSGSIZE;
      const int result = receive_one(object, message);
      if (result >= 0) {
        ++moved;
        continue;
      }
      if (moved == 0) return result;
      if (result != -EAGAIN) object.keep_error(-result);
      break;
    }
    return moved;
  });
}

int SimNet::send(int fd, std::span<Message> messages) noexcept {
  return with(fd, [&](Object& object) {
    if (!object.is_socket()) return -ENOTSOCK;
    int moved = 0;
    for (Message& message : messages.first(std::min(messages.size(), messages_max))) {
      if (message.parts.size() > parts_max) return moved != 0 ? moved : -EMSGSIZE;
      const int result = send_one(object, message);
      if (result < 0) return moved != 0 ? moved : result;
      ++moved;
      machine_.world().deliver_local();  // the answer to one message may be an error for the next
    }
    return moved;
  });
}

// --- options and addresses ----------------------------------------------------------------------

int SimNet::membership(int fd, const Endpoint& group, std::uint32_t, bool member) noexcept {
  if (group.family() == AddressFamily::unix_domain) return -EAFNOSUPPORT;
  return with(fd, [&](Object& object) {
    return object.is_socket() ? object.membership(group, member) : -ENOTSOCK;
  });
}

int SimNet::source_membership(int fd, const Endpoint& group, const Endpoint& source, std::uint32_t,
                              bool member) noexcept {
  const bool is_ip = group.family() != AddressFamily::unix_domain;
  if (!is_ip || group.family() != source.family()) return -EAFNOSUPPORT;
  return with(fd, [&](Object& object) {
    return object.is_socket() ? object.source_membership(group, source, member) : -ENOTSOCK;
  });
}

int SimNet::set(int fd, SocketOption option, int value) noexcept {
  return with(fd, [&](Object& object) {
    if (!object.is_socket()) {
      const int refusal = OptionValues::refusal_of(option, value);
      return refusal != 0 && option < SocketOption::ttl ? refusal : -ENOTSOCK;
    }
    if (option == SocketOption::ipv6_only && object.family == AddressFamily::ipv6 &&
        object.has_port()) {
      return -EINVAL;
    }
    return object.options.set(object.family, object.type, option, value);
  });
}

int SimNet::get(int fd, SocketOption option, int& value) noexcept {
  return with(fd, [&](Object& object) {
    if (!object.is_socket()) return -ENOTSOCK;
    return object.options.get(object.family, object.type, option, value);
  });
}

int SimNet::option(int fd, int level, int name, MutableBytes value) noexcept {
  return with(fd, [&](Object& object) {
    if (!object.is_socket()) return -ENOTSOCK;
    int found = 0;
    if (level != SOL_SOCKET) return -ENOPROTOOPT;
    if (name == SO_ERROR) {
      found = object.take_error();
    } else if (name == SO_ACCEPTCONN) {
      found = object.listens() ? 1 : 0;
    } else if (name == SO_TYPE) {
      found = object.type == SocketType::stream     ? SOCK_STREAM
              : object.type == SocketType::datagram ? SOCK_DGRAM
                                                    : SOCK_SEQPACKET;
    } else {
      return -ENOPROTOOPT;
    }
    const std::size_t size = std::min(sizeof(found), value.size());
    std::memcpy(value.data(), &found, size);
    return static_cast<int>(size);
  });
}

int SimNet::set_option(int fd, int, int, Bytes) noexcept {
  return with(fd, [](Object& object) { return object.is_socket() ? -ENOPROTOOPT : -ENOTSOCK; });
}

int SimNet::local_endpoint(int fd, Endpoint& address) noexcept {
  return with(
      fd, [&](Object& object) { return object.is_socket() ? object.local(address) : -ENOTSOCK; });
}

int SimNet::remote_endpoint(int fd, Endpoint& address) noexcept {
  return with(
      fd, [&](Object& object) { return object.is_socket() ? object.peer(address) : -ENOTSOCK; });
}

int SimNet::credentials(int fd, Credentials& peer) noexcept {
  return with(fd, [&](Object& object) {
    return object.is_socket() ? object.credentials(peer) : -ENOTSOCK;
  });
}

int SimNet::take_error(int fd) noexcept {
  return with(fd,
              [](Object& object) { return object.is_socket() ? object.take_error() : -ENOTSOCK; });
}

}  // namespace rondo::sim
