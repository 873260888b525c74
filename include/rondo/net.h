// rondo: the seam under every socket call. The system's sockets are one Net, a simulated network
// another; a test wraps either to make a call fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <rondo/export.h>

namespace rondo {

class Endpoint;
enum class SocketOption : std::uint8_t;  // <rondo/options.h>

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

enum class AddressFamily : std::uint8_t { ipv4, ipv6, unix_domain };
enum class SocketType : std::uint8_t { stream, datagram, seqpacket };
enum class Direction : std::uint8_t { read, write, both };

struct MessageInfo;

/// One datagram, or one message with descriptors or other control data, of a batch.
struct Message {
  Endpoint* address =
      nullptr;  ///< receive: filled with the sender. send: the destination. Or null.
  std::span<MutableBytes> parts{};  ///< receive: filled in order. send: read in order.
  MutableBytes control{};           ///< control messages as cmsg(3) lays them out, or empty
  /// Of datagrams, and instead of `control`: receive fills it, where the first of the batch has one
  /// too; send takes from it. Or null.
  MessageInfo* info = nullptr;
  std::size_t size = 0;            ///< out: bytes moved
  std::size_t control_size = 0;    ///< out of receive: bytes of `control` that were filled
  bool truncated = false;          ///< out of receive: the datagram was larger than `parts`
  bool control_truncated = false;  ///< out of receive: there was more control data than room
};

/// The process that made the other end of a Unix socket, when it was connected or paired.
struct Credentials {
  std::int64_t process = -1;  ///< -1: this system does not tell it
  std::uint32_t user = 0;
  std::uint32_t group = 0;
};

/// The socket calls. Results follow the kernel: 0 or more is success, less is the negative errno.
/// Every descriptor made here is non-blocking and close-on-exec from its creation on. No call
/// blocks or raises SIGPIPE, or says EINTR: one that a signal interrupts says EAGAIN, not now.
/// Used by one thread at a time.
class Net {
 public:
  virtual ~Net() = default;

  /// Returns the new descriptor: socket(2).
  virtual int socket(AddressFamily family, SocketType type) noexcept = 0;
  /// Two connected sockets of the Unix family: socketpair(2).
  virtual int pair(SocketType type, int (&fds)[2]) noexcept = 0;
  virtual int bind(int fd, const Endpoint& local) noexcept = 0;
  virtual int listen(int fd, int backlog) noexcept = 0;
  /// Returns the accepted descriptor; `peer`, where given, is filled: accept4(2).
  virtual int accept(int fd, Endpoint* peer) noexcept = 0;
  /// -EINPROGRESS (or -EAGAIN for a Unix socket whose listener's queue is full) is not an end.
  virtual int connect(int fd, const Endpoint& peer) noexcept = 0;

  // The calls that move bytes, many times a turn, follow the C library instead: -1 and errno, and
  // the descriptor last. So the system's Net passes on what it was called with, in the registers
  // where it is.

  /// Returns the bytes read, 0 at the end of input. Also from pipes and terminals.
  virtual std::ptrdiff_t read(MutableBytes into, int fd) noexcept = 0;
  virtual std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept = 0;
  /// Returns the bytes taken, which may be fewer. To sockets alone: ENOTSOCK.
  virtual std::ptrdiff_t write(Bytes data, int fd) noexcept = 0;
  virtual std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept = 0;
  /// The same for what is no socket: a pipe, a terminal.
  virtual std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept = 0;

  /// Up to `size` bytes of the regular file `file`, from `offset` on, to a socket or a pipe without
  /// passing through the program: sendfile(2). 0: the file ends before `offset`.
  virtual std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                                   int fd) noexcept = 0;

  // What is no socket, a pipe or a terminal, was not made here.

  /// The direction that it was opened for, as the number of a Direction: F_GETFL.
  virtual int opened_for(int fd) noexcept = 0;
  /// From now on no call blocks: O_NONBLOCK.
  virtual int set_nonblocking(int fd) noexcept = 0;

  /// Up to `messages.size()` messages; returns how many were moved: recvmmsg(2), sendmmsg(2). A
  /// batch may be cut short, so a smaller number does not mean that no more could be moved.
  /// Received descriptors are close-on-exec. -EMSGSIZE: one message of more than 256 parts.
  virtual int receive(int fd, std::span<Message> messages) noexcept = 0;
  virtual int send(int fd, std::span<Message> messages) noexcept = 0;

  /// Becomes a member of a multicast group, or leaves it, on an interface (its index; 0: the
  /// system's choice). -EINVAL: no multicast address; -EADDRINUSE, -EADDRNOTAVAIL: it is already,
  /// or is not, a member.
  virtual int membership(int fd, const Endpoint& group, std::uint32_t interface,
                         bool member) noexcept = 0;

  virtual int shutdown(int fd, Direction direction) noexcept = 0;
  /// The descriptor is gone whatever is returned: close(2).
  virtual int close(int fd) noexcept = 0;

  /// An option of the socket by its name in <rondo/options.h>, which tells the units. -EINVAL: a
  /// value out of range; -ENOPROTOOPT or -EOPNOTSUPP: this system or this socket has no such
  /// option.
  virtual int set(int fd, SocketOption option, int value) noexcept = 0;
  virtual int get(int fd, SocketOption option, int& value) noexcept = 0;
  /// Whether what was set on a listening socket holds for those that it accepts.
  [[nodiscard]] virtual bool accepted_inherit_options() const noexcept = 0;
  /// Level and name are the system's numbers. Returns the size of the value.
  virtual int option(int fd, int level, int name, MutableBytes value) noexcept = 0;
  virtual int set_option(int fd, int level, int name, Bytes value) noexcept = 0;
  virtual int local_endpoint(int fd, Endpoint& address) noexcept = 0;
  virtual int remote_endpoint(int fd, Endpoint& address) noexcept = 0;
  /// -ENOTCONN: the other end is unknown, as with all but Unix sockets.
  virtual int credentials(int fd, Credentials& peer) noexcept = 0;
  /// The error that ended a connect or the connection, as a positive number: SO_ERROR, which
  /// reading clears. 0: none. Below 0, as everywhere: it could not be asked.
  virtual int take_error(int fd) noexcept = 0;
  /// Whether bind() to a path of the Unix family makes a file of the system, which stays until
  /// it is removed.
  [[nodiscard]] virtual bool binds_files() const noexcept { return true; }
};

/// The system's own sockets: stateless, lives for ever, any thread.
[[nodiscard]] RONDO_EXPORT Net& system_net() noexcept;

}  // namespace rondo
