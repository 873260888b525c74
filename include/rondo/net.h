// SPDX-License-Identifier: MIT
// rondo: the interface below every socket call. The sockets of the system are one Net, a simulated
// network is another. A test can wrap either of them to make a call fail.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <rondo/export.h>

namespace rondo {

class Endpoint;
enum class SocketOption : std::uint8_t;  // <rondo/options.h>

/// Bytes of another object, which must live as long as they are used.
using Bytes = std::span<const std::byte>;
/// Room in another object, which a call fills from the front.
using MutableBytes = std::span<std::byte>;

/// The same bytes as text, without a copy, in whatever encoding they are.
[[nodiscard]] inline std::string_view as_text(Bytes data) noexcept {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// The families of addresses: IPv4, IPv6 and the names of Unix sockets.
enum class AddressFamily : std::uint8_t {
  ipv4,         ///< AF_INET
  ipv6,         ///< AF_INET6
  unix_domain,  ///< AF_UNIX
};
/// A byte stream (TCP), datagrams (UDP), or a connection that keeps messages apart.
enum class SocketType : std::uint8_t {
  stream,     ///< SOCK_STREAM
  datagram,   ///< SOCK_DGRAM
  seqpacket,  ///< SOCK_SEQPACKET
};
/// Input, output or both.
enum class Direction : std::uint8_t {
  read,   ///< input
  write,  ///< output
  both,   ///< input and output
};

struct MessageInfo;

/// One datagram, or one message with descriptors or other control data, of a batch.
struct Message {
  /// receive: filled with the sender. send: the destination. May be null.
  Endpoint* address = nullptr;
  std::span<MutableBytes> parts{};  ///< receive: filled in order. send: read in order.
  MutableBytes control{};           ///< control messages as cmsg(3) lays them out, or empty
  /// For datagrams, instead of `control`; may be null. receive fills it if the first message of the
  /// batch has one too. send reads it.
  MessageInfo* info = nullptr;
  std::size_t size = 0;            ///< out: bytes received or sent
  std::size_t control_size = 0;    ///< out of receive: bytes of `control` that were filled
  bool truncated = false;          ///< out of receive: the datagram was larger than `parts`
  bool control_truncated = false;  ///< out of receive: `control` was too small
};

/// The process that made the other end of a Unix socket, when it was connected or paired.
struct Credentials {
  std::int64_t process = -1;  ///< -1: this system does not report it
  std::uint32_t user = 0;     ///< its effective user id
  std::uint32_t group = 0;    ///< its effective group id
};

/// The socket calls. Results follow the kernel: 0 or more is success, less is a negative errno.
/// Every descriptor made here is non-blocking and close-on-exec from its creation on. No call
/// blocks, raises SIGPIPE or returns EINTR: a call that a signal interrupts returns EAGAIN. Use it
/// from one thread at a time.
class Net {
 public:
  virtual ~Net() = default;

  /// Returns the new descriptor: socket(2).
  virtual int socket(AddressFamily family, SocketType type) noexcept = 0;
  /// Two connected sockets of the Unix family: socketpair(2).
  virtual int pair(SocketType type, int (&fds)[2]) noexcept = 0;
  /// Gives the socket its own address: bind(2).
  virtual int bind(int fd, const Endpoint& local) noexcept = 0;
  /// Lets clients connect, of which `backlog` may wait to be accepted: listen(2).
  virtual int listen(int fd, int backlog) noexcept = 0;
  /// Returns the accepted descriptor and fills `peer` unless it is null: accept4(2).
  virtual int accept(int fd, Endpoint* peer) noexcept = 0;
  /// -EINPROGRESS: the connect continues. -EAGAIN: the queue of a Unix listener is full.
  virtual int connect(int fd, const Endpoint& peer) noexcept = 0;

  // The calls that move bytes, many times in a turn, follow the C library instead: they return -1
  // and set errno, and the descriptor is the last argument. So the Net of the system passes on its
  // arguments in the registers in which they arrived.

  /// Returns the bytes read, 0 at the end of input. Also from pipes and terminals.
  virtual std::ptrdiff_t read(MutableBytes into, int fd) noexcept = 0;
  /// The same for several parts, filled in their order: readv(2).
  virtual std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept = 0;
  /// Returns the bytes written, which may be fewer. Fails with ENOTSOCK if `fd` is not a socket.
  virtual std::ptrdiff_t write(Bytes data, int fd) noexcept = 0;
  /// The same for several parts, which leave in their order: writev(2).
  virtual std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept = 0;
  /// The same for other descriptors: a pipe, a terminal.
  virtual std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept = 0;

  /// Up to `size` bytes of the regular file `file`, from `offset` on, to a socket or a pipe without
  /// passing through the program: sendfile(2). 0: the file ends before `offset`.
  virtual std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                                   int fd) noexcept = 0;

  // What is no socket, a pipe or a terminal, was not made here.

  /// The direction for which it was opened, as the number of a Direction: F_GETFL.
  virtual int opened_for(int fd) noexcept = 0;
  /// From now on no call blocks: O_NONBLOCK. Where the system allows it, `fd` gets a file
  /// description of its own, so that other programs that share the old one do not notice.
  virtual int set_nonblocking(int fd) noexcept = 0;
  /// Whether it is a terminal: isatty(3).
  [[nodiscard]] virtual bool is_terminal(int fd) noexcept {
    (void)fd;  // a network that is not the system's has no terminals
    return false;
  }

  // A descriptor that other programs use too, such as standard output, must stay as it is.

  /// Opens what `fd` refers to again, for the same directions: non-blocking, close-on-exec, with
  /// flags that are not shared. -ENOTSUP: neither a pipe nor a terminal, or not on this system.
  virtual int reopen(int fd) noexcept {
    (void)fd;  // descriptors that are not the system's are not shared
    return -ENOTSUP;
  }
  /// read() and write_file() where reopen() has failed. They do not block although `fd` may, unless
  /// another program takes the data, or the room, at the same moment.
  virtual std::ptrdiff_t read_shared(MutableBytes into, int fd) noexcept { return read(into, fd); }
  /// As read_shared(), for output.
  virtual std::ptrdiff_t write_shared(std::span<const Bytes> data, int fd) noexcept {
    return write_file(data, fd);
  }

  /// Up to `messages.size()` messages; returns how many were moved: recvmmsg(2), sendmmsg(2). A
  /// batch may be cut short, so a smaller number does not mean that no more could be moved.
  /// Received descriptors are close-on-exec. -EMSGSIZE: one message of more than 256 parts.
  virtual int receive(int fd, std::span<Message> messages) noexcept = 0;
  /// The same for output.
  virtual int send(int fd, std::span<Message> messages) noexcept = 0;

  /// Joins a multicast group, or leaves it, on the interface with this index (0: the choice of the
  /// system). -EINVAL: not a multicast address. -EADDRINUSE: it is a member already.
  /// -EADDRNOTAVAIL: it is not a member.
  virtual int membership(int fd, const Endpoint& group, std::uint32_t interface,
                         bool member) noexcept = 0;
  /// The same for the datagrams of one source only (RFC 3678). -EADDRNOTAVAIL: it is a member
  /// already, or it is none. -EOPNOTSUPP: not on this system, or not in this Net.
  virtual int source_membership(int fd, const Endpoint& group, const Endpoint& source,
                                std::uint32_t interface, bool member) noexcept {
    (void)fd, (void)group, (void)source, (void)interface, (void)member;  // not supported
    return -EOPNOTSUPP;
  }
  /// Undoes connect() of a socket of datagrams. A port that the system has chosen may be lost.
  virtual int disconnect(int fd) noexcept {
    (void)fd;  // not supported
    return -EOPNOTSUPP;
  }

  /// Ends input, output or both, and keeps the descriptor: shutdown(2).
  virtual int shutdown(int fd, Direction direction) noexcept = 0;
  /// The descriptor is closed whatever is returned: close(2).
  virtual int close(int fd) noexcept = 0;

  /// An option by its name in <rondo/options.h>, which gives the units. -EINVAL: a value out of
  /// range. -ENOPROTOOPT or -EOPNOTSUPP: this system or this socket has no such option.
  /// -EOPNOTSUPP also for a linger time, since no call may block.
  virtual int set(int fd, SocketOption option, int value) noexcept = 0;
  /// Reads an option; the errors are those of set().
  virtual int get(int fd, SocketOption option, int& value) noexcept = 0;
  /// True if accepted sockets inherit the options of their listener.
  [[nodiscard]] virtual bool accepted_inherit_options() const noexcept = 0;
  /// Level and name are numbers of the system. Returns the size of the value.
  virtual int option(int fd, int level, int name, MutableBytes value) noexcept = 0;
  /// Sets an option that SocketOption does not have: setsockopt(2).
  virtual int set_option(int fd, int level, int name, Bytes value) noexcept = 0;
  /// The socket's own address: getsockname(2).
  virtual int local_endpoint(int fd, Endpoint& address) noexcept = 0;
  /// The peer's address: getpeername(2).
  virtual int remote_endpoint(int fd, Endpoint& address) noexcept = 0;
  /// -ENOTCONN: the peer is not known, as for all sockets but those of the Unix family.
  virtual int credentials(int fd, Credentials& peer) noexcept = 0;
  /// The error that ended a connect or the connection, as a positive number: SO_ERROR, which
  /// reading clears. 0: no error. Below 0, as everywhere: the call failed.
  virtual int take_error(int fd) noexcept = 0;
  /// True if bind() to a path of the Unix family makes a file in the file system, which stays until
  /// it is removed.
  [[nodiscard]] virtual bool binds_files() const noexcept { return true; }
  /// How many descriptors this process may have open: RLIMIT_NOFILE. SIZE_MAX: no limit is known.
  [[nodiscard]] virtual std::size_t descriptors_max() const noexcept { return SIZE_MAX; }
};

/// The sockets of the system. It has no state, lives for ever, and may be used on any thread.
[[nodiscard]] RONDO_EXPORT Net& system_net() noexcept;

namespace detail {
/// The Net of a Socket that was made without a descriptor. As it has no descriptors, each call
/// fails with bad_file_descriptor.
[[nodiscard]] RONDO_EXPORT Net& no_net() noexcept;
}  // namespace detail

}  // namespace rondo
