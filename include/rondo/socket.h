// rondo: a descriptor of the network, owned. What the layers above stand on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/options.h>
#include <rondo/result.h>

namespace rondo {

/// Owns a non-blocking, close-on-exec descriptor and closes it. Moved, not copied. End its Watch
/// before it: a member declared after the Socket is destroyed before it. The Net outlives it.
class RONDO_EXPORT Socket {
 public:
  Socket() noexcept = default;
  /// Adopts a descriptor made by `net`.
  Socket(Net& net, int fd) noexcept : net_(&net), fd_(fd) {}
  Socket(Socket&& other) noexcept : net_(other.net_), fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() {
    if (fd_ >= 0) close();
  }

  [[nodiscard]] static Result<Socket, std::error_code> make(Net& net, AddressFamily family,
                                                            SocketType type) noexcept;

  /// Two that are connected to each other, of the Unix family: socketpair(2).
  [[nodiscard]] static Result<std::array<Socket, 2>, std::error_code> pair(
      Net& net, SocketType type) noexcept;

  /// Makes, applies the options, binds and listens. Errors say what was tried:
  /// `listen on 127.0.0.1:80: Permission denied`. An option that cannot be applied is such an error
  /// too, unless there is `unapplied` to add it to.
  [[nodiscard]] static Result<Socket> listen(Net& net, const Endpoint& local,
                                             const SocketOptions& options = {},
                                             std::vector<UnappliedOption>* unapplied = nullptr);
  /// Begins to connect. It has ended when the socket is writable: ask connect_result(). An error
  /// that is known at once comes back here, named like listen's.
  [[nodiscard]] static Result<Socket> connect(Net& net, const Endpoint& peer);

  struct Accepted;
  /// One client of a listening socket. Errors: operation_would_block when none waits;
  /// connection_aborted and their like (is_transient_accept_error) concern that client alone.
  [[nodiscard]] Result<Accepted, std::error_code> accept() noexcept;

  /// How the connect ended: no error, the error, or operation_in_progress. Decided by SO_ERROR,
  /// which the first call reads and clears.
  [[nodiscard]] std::error_code connect_result() noexcept;
  /// TCP on loopback can connect to itself when no socket listens: both ends are one. Close it and
  /// try again.
  [[nodiscard]] bool is_self_connected() const noexcept;

  /// Reads what is there, up to `into`'s size; 0 is the end of input. Errors:
  /// operation_would_block, connection_reset, ... Inline down to the Net's call.
  [[nodiscard]] Result<std::size_t, std::error_code> read(MutableBytes into) noexcept {
    return checked(net_->read(into, fd_));
  }
  [[nodiscard]] Result<std::size_t, std::error_code> readv(
      std::span<const MutableBytes> into) noexcept {
    return checked(net_->readv(into, fd_));
  }
  /// Writes what fits; may take fewer bytes than there are. Errors: operation_would_block,
  /// broken_pipe, connection_reset, ... No SIGPIPE.
  [[nodiscard]] Result<std::size_t, std::error_code> write(Bytes data) noexcept {
    return checked(net_->write(data, fd_));
  }
  [[nodiscard]] Result<std::size_t, std::error_code> writev(std::span<const Bytes> data) noexcept {
    return checked(net_->writev(data, fd_));
  }

  Result<void, std::error_code> shutdown(Direction direction) noexcept;

  /// A socket option by its name in <rondo/options.h>, where apply() sets many.
  Result<void> set(SocketOption option, int value);
  [[nodiscard]] Result<int, std::error_code> get(SocketOption option) const noexcept;
  /// The same by the system's numbers, such as SOL_SOCKET, SO_RCVBUF.
  Result<void> set_option(int level, int name, int value);
  [[nodiscard]] Result<int, std::error_code> option(int level, int name) const noexcept;

  [[nodiscard]] Result<Endpoint, std::error_code> local_endpoint() const noexcept;
  [[nodiscard]] Result<Endpoint, std::error_code> remote_endpoint() const noexcept;
  /// The process at the other end of a Unix socket. Errors: not_connected for all others.
  [[nodiscard]] Result<Credentials, std::error_code> peer_credentials() const noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The Net of this socket, which must not be empty.
  [[nodiscard]] Net& net() const noexcept { return *net_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives the descriptor away, unclosed; the socket is empty afterwards.
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  /// Closes now. What close(2) reports is dropped: the descriptor is gone in any case.
  void close() noexcept;
  /// Closes so that a TCP peer sees a reset and nothing lingers.
  void reset() noexcept;

 private:
  static Result<std::size_t, std::error_code> checked(std::ptrdiff_t result) noexcept {
    if (result < 0) [[unlikely]]
      return last_system_error();
    return static_cast<std::size_t>(result);
  }

  Net* net_ = nullptr;
  int fd_ = -1;
};

struct Socket::Accepted {
  Socket socket;
  Endpoint peer;
};

/// Whether accept() failed for one client, or was interrupted, and the next call may succeed.
[[nodiscard]] RONDO_EXPORT bool is_transient_accept_error(std::error_code error) noexcept;
/// Whether accept() failed for want of descriptors or memory: EMFILE, ENFILE, ENOBUFS, ENOMEM.
[[nodiscard]] RONDO_EXPORT bool is_exhaustion(std::error_code error) noexcept;

}  // namespace rondo
