// SPDX-License-Identifier: MIT
// rondo: an owned network descriptor and the calls on it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include <rondo/assert.h>
#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/options.h>
#include <rondo/result.h>

namespace rondo {

/// Owns a non-blocking, close-on-exec descriptor and closes it. It can be moved, not copied. End
/// its Watch before the Socket: a member that is declared after it is destroyed before it. The Net
/// must outlive the Socket. Each call but listen(), connect() and close() is one system call.
///
///     auto listener = rondo::Socket::listen(reactor.net(), rondo::Endpoint::loopback(8888));
///     if (!listener) return rondo::print_error(listener.error());
class RONDO_EXPORT Socket {
 public:
  /// Empty, until another Socket is moved to it. In builds with assertions, a call that needs a
  /// descriptor ends the program; in others, its error is bad_file_descriptor.
  Socket() noexcept : net_(&detail::no_net()) {}
  /// Adopts a descriptor made by `net`.
  Socket(Net& net, int fd) noexcept : net_(&net), fd_(fd) {}
  Socket(Socket&& other) noexcept : net_(other.net_), fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() {
    if (fd_ >= 0) close();
  }

  /// An unbound socket. Errors: those of socket(2), as `make a socket: ...`.
  [[nodiscard]] static Result<Socket> make(Net& net, AddressFamily family,
                                           SocketType type) noexcept;

  /// Two sockets of the Unix family that are connected to each other. Errors: those of
  /// socketpair(2), as `make a pair: ...`.
  [[nodiscard]] static Result<std::array<Socket, 2>> pair(Net& net, SocketType type) noexcept;

  /// Makes a socket, applies the options, binds it and listens. Errors name the address:
  /// `listen on 127.0.0.1:80: Permission denied`. If an option cannot be applied, that is an error
  /// too, unless `unapplied` is given; then the option is appended to it and listen() continues.
  [[nodiscard]] static Result<Socket> listen(Net& net, const Endpoint& local,
                                             const SocketOptions& options = {},
                                             std::vector<UnappliedOption>* unapplied = nullptr);
  /// Begins to connect. When the socket becomes writable, connect_result() has the outcome. An
  /// error that is known at once is returned here; its message names the address as for listen().
  [[nodiscard]] static Result<Socket> connect(Net& net, const Endpoint& peer);

  struct Accepted;
  /// Accepts one connection. Errors: operation_would_block if none waits. An error for which
  /// is_transient_accept_error() is true, such as connection_aborted, concerns that connection
  /// only.
  [[nodiscard]] Result<Accepted, std::error_code> accept() noexcept;

  /// The outcome of the connect: no error, the error, or operation_in_progress. It comes from
  /// SO_ERROR, which the first call reads and clears.
  [[nodiscard]] std::error_code connect_result() noexcept;
  /// True if the socket is connected to itself, which TCP on loopback allows while no socket
  /// listens on the port. Close it and connect again.
  [[nodiscard]] bool is_self_connected() const noexcept;

  /// Reads the bytes that have arrived, at most the size of `into`. 0 means the end of input.
  /// Errors: operation_would_block, connection_reset and others.
  [[nodiscard]] Result<std::size_t, std::error_code> read(MutableBytes into) noexcept {
    require("Socket::read");
    return checked(net_->read(into, fd_));
  }
  /// The same into several parts, which are filled in their order.
  [[nodiscard]] Result<std::size_t, std::error_code> readv(
      std::span<const MutableBytes> into) noexcept {
    require("Socket::readv");
    return checked(net_->readv(into, fd_));
  }
  /// Writes as many bytes as fit and returns their number, which may be less than the size of
  /// `data`. Errors: operation_would_block, broken_pipe, connection_reset and others. No SIGPIPE.
  [[nodiscard]] Result<std::size_t, std::error_code> write(Bytes data) noexcept {
    require("Socket::write");
    return checked(net_->write(data, fd_));
  }
  /// The same from several parts, which leave in their order.
  [[nodiscard]] Result<std::size_t, std::error_code> writev(std::span<const Bytes> data) noexcept {
    require("Socket::writev");
    return checked(net_->writev(data, fd_));
  }

  /// Ends input, output or both; the descriptor stays open: shutdown(2). Errors: not_connected.
  Result<void> shutdown(Direction direction);

  /// Sets one option. To set many, pass SocketOptions where the socket is made. The message of an
  /// error names the option: `set nodelay: Protocol not available`.
  Result<void> set(SocketOption option, int value);
  /// The value of an option now; its unit is that of the SocketOption.
  [[nodiscard]] Result<int> get(SocketOption option) const;
  /// The same with the numbers of the system, such as SOL_SOCKET and SO_RCVBUF.
  Result<void> set_option(int level, int name, int value);
  /// The value of an option by the numbers of the system.
  [[nodiscard]] Result<int> option(int level, int name) const;

  /// Errors name the descriptor: `remote endpoint of descriptor 7: Transport endpoint is not
  /// connected`.
  [[nodiscard]] Result<Endpoint> local_endpoint() const;
  /// The address of the peer. Errors as above, not_connected among them.
  [[nodiscard]] Result<Endpoint> remote_endpoint() const;
  /// The process at the other end of a Unix socket. Errors: not_connected for all other sockets.
  [[nodiscard]] Result<Credentials> peer_credentials() const;

  /// The descriptor, or -1 if it is empty. It stays owned.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The Net that made this socket.
  [[nodiscard]] Net& net() const noexcept { return *net_; }
  /// Whether it has a descriptor.
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Hands over the open descriptor. The socket is empty afterwards.
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  /// Closes the descriptor now. The result of close(2) is ignored: the descriptor is closed in any
  /// case.
  void close() noexcept;
  /// Closes so that a TCP peer receives a reset. Unsent data is discarded.
  void reset() noexcept;

 private:
  void require([[maybe_unused]] const char* call) const noexcept {
    RONDO_REQUIRE(net_ != &detail::no_net(), call,
                  " was called on a Socket that is empty, because it was made without a "
                  "descriptor. Move one to it that was made by Socket::make, connect or accept.");
  }
  static Result<std::size_t, std::error_code> checked(std::ptrdiff_t result) noexcept {
    if (result < 0) [[unlikely]]
      return last_system_error();
    return static_cast<std::size_t>(result);
  }

  Net* net_;
  int fd_ = -1;
};

/// What accept() returns: the connection, and the address of its other end.
struct Socket::Accepted {
  Socket socket;  ///< non-blocking, close-on-exec
  Endpoint peer;  ///< `unix:` for a client without a name
};

/// True if accept() failed because of one connection or was interrupted, so the next call may
/// succeed.
[[nodiscard]] RONDO_EXPORT bool is_transient_accept_error(std::error_code error) noexcept;
/// True if accept() failed because descriptors or memory are exhausted: EMFILE, ENFILE, ENOBUFS,
/// ENOMEM.
[[nodiscard]] RONDO_EXPORT bool is_exhaustion(std::error_code error) noexcept;

}  // namespace rondo
