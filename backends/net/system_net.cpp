// SPDX-License-Identifier: MIT
// The system's own sockets.
//
// Each function makes one system call. No function repeats a call after EINTR: an interrupted call
// returns EAGAIN, and a level-triggered poller reports the descriptor again. On a non-blocking
// descriptor a signal never interrupts read and write, so they are the bare calls. connect and
// close differ: an interrupted connect continues by itself (-EINPROGRESS), and an interrupted close
// has closed the descriptor. A second close could hit one that another thread has opened meanwhile.
//
// Sockets are written with send and sendmsg, which take a flag against SIGPIPE. Other descriptors
// are written with SIGPIPE blocked for this thread; the signal is consumed if the write raised it.
// A SIGPIPE that was pending before stays pending.
//
// The arrays are on the stack, so batches are bounded. receive and send make one kernel batch per
// call, because an error after the first batch would be lost.
#include "batch.h"
#include "calls.h"
#include "files.h"
#include "groups.h"
#include "options.h"
#include "parts.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <rondo/assert.h>
#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo {
namespace {

using backends::Address;
using backends::Batch;
using backends::copy_parts;
using backends::lacks_segments;
using backends::parts_max;
using backends::send_flags;

/// The result of a call that failed.
[[gnu::cold]] int failure() noexcept { return errno == EINTR ? -EAGAIN : -errno; }

template <typename Number>
Number or_failure(Number result) noexcept {
  if (result < 0) [[unlikely]]
    return failure();
  return result;
}

int domain_of(AddressFamily family) noexcept {
  switch (family) {
    case AddressFamily::ipv4:
      return AF_INET;
    case AddressFamily::ipv6:
      return AF_INET6;
    case AddressFamily::unix_domain:
      break;
  }
  return AF_UNIX;
}

int type_of(SocketType type) noexcept {
  switch (type) {
    case SocketType::stream:
      return SOCK_STREAM;
    case SocketType::datagram:
      return SOCK_DGRAM;
    case SocketType::seqpacket:
      break;
  }
  return SOCK_SEQPACKET;
}

int how_of(Direction direction) noexcept {
  switch (direction) {
    case Direction::read:
      return SHUT_RD;
    case Direction::write:
      return SHUT_WR;
    case Direction::both:
      break;
  }
  return SHUT_RDWR;
}

// The C library does not declare these noexcept, because they are cancellation points. As noexcept
// functions, the calls in read() and write() below compile to jumps.
const auto read_noexcept = reinterpret_cast<ssize_t (*)(int, void*, std::size_t) noexcept>(::read);
const auto send_noexcept =
    reinterpret_cast<ssize_t (*)(int, const void*, std::size_t, int) noexcept>(::send);

/// Whether sendfile may have failed because of the kind of file, such as one of /proc.
bool refuses_file(int error) noexcept {
  // NOLINTNEXTLINE(misc-redundant-expression): the last two differ on other systems than Linux
  return error == EINVAL || error == ENOSYS || error == EOVERFLOW || error == EOPNOTSUPP ||
         error == ENOTSUP;
}

class SystemNet final : public Net {
 public:
  int socket(AddressFamily family, SocketType type) noexcept override {
    return or_failure(backends::open_socket(domain_of(family), type_of(type)));
  }
  int pair(SocketType type, int (&fds)[2]) noexcept override {
    return or_failure(backends::open_pair(type_of(type), fds));
  }
  int bind(int fd, const Endpoint& local) noexcept override {
    return or_failure(::bind(fd, local.system(), static_cast<socklen_t>(local.system_size())));
  }
  int listen(int fd, int backlog) noexcept override { return or_failure(::listen(fd, backlog)); }
  int accept(int fd, Endpoint* peer) noexcept override;
  int connect(int fd, const Endpoint& peer) noexcept override {
    const auto size = static_cast<socklen_t>(peer.system_size());
    if (::connect(fd, peer.system(), size) == 0) return 0;
    return errno == EINTR ? -EINPROGRESS : -errno;
  }

  std::ptrdiff_t read(MutableBytes into, int fd) noexcept override {
    return read_noexcept(fd, into.data(), into.size());
  }
  std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept override;
  std::ptrdiff_t write(Bytes data, int fd) noexcept override {
    return send_noexcept(fd, data.data(), data.size(), send_flags);
  }
  std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept override;
  std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept override;
  std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                           int fd) noexcept override {
    return backends::write_quietly([&] {
      const std::ptrdiff_t sent = backends::send_file(file, offset, size, fd);
      return sent < 0 && refuses_file(errno) ? backends::copy_file(file, offset, size, fd) : sent;
    });
  }

  int opened_for(int fd) noexcept override { return or_failure(backends::opened_for(fd)); }
  int set_nonblocking(int fd) noexcept override {
    return or_failure(backends::make_nonblocking(fd));
  }
  [[nodiscard]] bool is_terminal(int fd) noexcept override { return ::isatty(fd) != 0; }
  int reopen(int fd) noexcept override { return or_failure(backends::open_again(fd)); }
  std::ptrdiff_t read_shared(MutableBytes into, int fd) noexcept override {
    return backends::read_shared(fd, into);
  }
  std::ptrdiff_t write_shared(std::span<const Bytes> data, int fd) noexcept override {
    iovec parts[parts_max];
    return backends::write_shared(fd, std::span{parts}.first(copy_parts(data, std::span{parts})));
  }

  int receive(int fd, std::span<Message> messages) noexcept override;
  int send(int fd, std::span<Message> messages) noexcept override;

  int membership(int fd, const Endpoint& group, std::uint32_t interface,
                 bool member) noexcept override;
  int source_membership(int fd, const Endpoint& group, const Endpoint& source,
                        std::uint32_t interface, bool member) noexcept override {
    const bool is_ip = group.family() != AddressFamily::unix_domain;
    if (!is_ip || group.family() != source.family()) return -EAFNOSUPPORT;
    return or_failure(backends::change_source_membership(fd, group, source, interface, member));
  }
  int disconnect(int fd) noexcept override {
    sockaddr_storage nowhere{};
    nowhere.ss_family = AF_UNSPEC;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&nowhere), sizeof(sockaddr_in)) == 0)
      return 0;
    return errno == EAFNOSUPPORT ? 0 : failure();  // BSD and macOS report this and do it
  }

  int shutdown(int fd, Direction direction) noexcept override {
    return or_failure(::shutdown(fd, how_of(direction)));
  }
  int close(int fd) noexcept override {
    return ::close(fd) == 0 || errno == EINTR || errno == EINPROGRESS ? 0 : -errno;
  }

  int set(int fd, SocketOption option, int value) noexcept override {
    return backends::set_option(fd, option, value);
  }
  int get(int fd, SocketOption option, int& value) noexcept override {
    return backends::get_option(fd, option, value);
  }
  [[nodiscard]] bool accepted_inherit_options() const noexcept override {
    return backends::accepted_inherit_options;
  }
  int option(int fd, int level, int name, MutableBytes value) noexcept override {
    auto size = static_cast<socklen_t>(value.size());
    const int result = ::getsockopt(fd, level, name, value.data(), &size);
    return result == 0 ? static_cast<int>(size) : failure();
  }
  int set_option(int fd, int level, int name, Bytes value) noexcept override {
    const auto size = static_cast<socklen_t>(value.size());
    return or_failure(::setsockopt(fd, level, name, value.data(), size));
  }
  int local_endpoint(int fd, Endpoint& address) noexcept override {
    Address local;
    if (::getsockname(fd, local.get(), &local.size) != 0) return failure();
    return local.copy_to(address);
  }
  int remote_endpoint(int fd, Endpoint& address) noexcept override {
    Address peer;
    if (::getpeername(fd, peer.get(), &peer.size) != 0) return failure();
    return peer.copy_to(address);
  }
  int credentials(int fd, Credentials& peer) noexcept override {
    return or_failure(backends::peer_credentials(fd, peer));
  }
  int take_error(int fd) noexcept override {
    int error = 0;
    socklen_t size = sizeof(error);
    const int result = ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return result == 0 ? error : failure();
  }
  [[nodiscard]] std::size_t descriptors_max() const noexcept override {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > SIZE_MAX) return SIZE_MAX;
    return static_cast<std::size_t>(limit.rlim_cur);
  }
};

int SystemNet::accept(int fd, Endpoint* peer) noexcept {
  if (peer == nullptr) return or_failure(backends::open_accepted(fd, nullptr, nullptr));
  Address address;
  const int accepted = backends::open_accepted(fd, address.get(), &address.size);
  if (accepted < 0) return failure();
  // A client with an address of an unsupported family is accepted with an empty endpoint.
  if (address.copy_to(*peer) != 0) *peer = Endpoint{};
  return accepted;
}

std::ptrdiff_t SystemNet::readv(std::span<const MutableBytes> into, int fd) noexcept {
  iovec parts[parts_max];
  return ::readv(fd, parts, static_cast<int>(copy_parts(into, std::span{parts})));
}

std::ptrdiff_t SystemNet::writev(std::span<const Bytes> data, int fd) noexcept {
  iovec parts[parts_max];
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = static_cast<decltype(header.msg_iovlen)>(copy_parts(data, std::span{parts}));
  return ::sendmsg(fd, &header, send_flags);
}

std::ptrdiff_t SystemNet::write_file(std::span<const Bytes> data, int fd) noexcept {
  iovec parts[parts_max];
  const int count = static_cast<int>(copy_parts(data, std::span{parts}));
  return backends::write_quietly([&] { return ::writev(fd, parts, count); });
}

int SystemNet::receive(int fd, std::span<Message> messages) noexcept {
  if (messages.empty()) return 0;
  Batch batch{messages, Batch::Purpose::receive};
  if (batch.empty()) return -EMSGSIZE;
  const int moved =
      backends::receive_messages(fd, batch.headers(), batch.sizes(), batch.sizes_wanted());
  if (moved < 0) return failure();
  for (std::size_t i = 0; i < static_cast<std::size_t>(moved); ++i) batch.received(messages[i], i);
  return moved;
}

int SystemNet::send(int fd, std::span<Message> messages) noexcept {
  if (messages.empty()) return 0;
  Batch batch{messages, Batch::Purpose::send};
  if (batch.empty()) return lacks_segments(messages.front()) ? -EOPNOTSUPP : -EMSGSIZE;
  const int moved = backends::send_messages(fd, batch.headers(), batch.sizes());
  if (moved < 0) return failure();
  for (std::size_t i = 0; i < static_cast<std::size_t>(moved); ++i) {
    messages[i].size = batch.sizes()[i];
  }
  return moved;
}

int SystemNet::membership(int fd, const Endpoint& group, std::uint32_t interface,
                          bool member) noexcept {
  if (group.family() == AddressFamily::unix_domain) return -EAFNOSUPPORT;
  return or_failure(backends::change_membership(fd, group, interface, member));
}

/// Never destroyed: sockets in static objects may be closed after all other destructors ran. Each
/// `Purpose` has an object of its own.
template <int Purpose>
Net& immortal() noexcept {
  alignas(SystemNet) static std::byte storage[sizeof(SystemNet)];
  static Net* const net = std::construct_at(reinterpret_cast<SystemNet*>(storage));
  return *net;
}

}  // namespace

Net& system_net() noexcept { return immortal<0>(); }

// The system refuses -1, the descriptor of an empty Socket, in each call.
Net& detail::no_net() noexcept { return immortal<1>(); }

}  // namespace rondo
