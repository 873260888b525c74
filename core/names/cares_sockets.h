// SPDX-License-Identifier: MIT
// The sockets of a c-ares channel, made through the reactor's Net and watched by the reactor.
#pragma once

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/ready.h>
#include <rondo/socket.h>

namespace rondo {

class Reactor;

namespace detail {

class CaresSockets {
 public:
  class Owner {
   public:
    /// Call ares_process_fd(). This may destroy the CaresSockets.
    virtual void on_socket_ready(int fd, Ready ready) = 0;

   protected:
    ~Owner() = default;
  };

  CaresSockets(Reactor& reactor, Owner& owner) noexcept;
  CaresSockets(const CaresSockets&) = delete;
  CaresSockets& operator=(const CaresSockets&) = delete;
  ~CaresSockets();

  /// The name server that all sockets connect to from now on. c-ares knows only a stand-in for it,
  /// since it has no place for the zone of a link-local address.
  void use_server(const Endpoint& server) noexcept { server_ = server; }
  [[nodiscard]] static sockaddr_in stand_in() noexcept;

  /// These, with the CaresSockets as user data, are for ares_set_socket_functions() and for
  /// ares_options::sock_state_cb.
  static const ares_socket_functions functions;
  static void state_changed(void* self, ares_socket_t fd, int readable, int writable) noexcept;

  /// Why a socket could not be made or watched since clear_error().
  [[nodiscard]] std::error_code error() const noexcept { return error_; }
  void clear_error() noexcept { error_.clear(); }

  /// So many datagrams are read from name servers in one call of on_socket_ready(). Then the other
  /// handlers have their turn, so that a flood of answers does not keep them waiting.
  static constexpr int reads_per_turn_max = 64;

 private:
  class Watched;

  [[nodiscard]] Watched* find(ares_socket_t fd) const noexcept;

  // Called by c-ares, through whose C functions nothing may be thrown.
  static ares_socket_t open(int family, int type, int protocol, void* self) noexcept;
  static int close(ares_socket_t fd, void* self) noexcept;
  static int connect(ares_socket_t fd, const sockaddr* address, ares_socklen_t size,
                     void* self) noexcept;
  static ares_ssize_t receive(ares_socket_t fd, void* into, size_t size, int flags, sockaddr* from,
                              ares_socklen_t* from_size, void* self) noexcept;
  static ares_ssize_t send(ares_socket_t fd, const iovec* parts, int count, void* self) noexcept;

  Reactor& reactor_;
  Owner& owner_;
  Endpoint server_;
  std::vector<std::unique_ptr<Watched>> sockets_;
  std::error_code error_;
  int reads_left_ = reads_per_turn_max;
};

}  // namespace detail
}  // namespace rondo
