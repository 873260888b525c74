// The DnsChannel that c-ares stands behind.
#pragma once

#include <ares.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <rondo/handler.h>
#include <rondo/reactor.h>
#include <rondo/socket.h>
#include <rondo/timer.h>

#include "dns.h"

namespace rondo::detail {

/// An error of c-ares as one of names.
[[nodiscard]] std::error_code cares_error(int status) noexcept;

class CaresChannel final : public DnsChannel {
 public:
  CaresChannel(Reactor& reactor, const ResolverOptions& options)
      : reactor_(reactor),
        net_(reactor.net()),
        options_(options),
        timer_(reactor, [this] { on_timer(); }) {}
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;
  ~CaresChannel() override {
    if (channel_ == nullptr) return;
    cancel();
    ::ares_destroy(channel_);
  }

  std::error_code open();
  void ask(const std::string& name, std::optional<AddressFamily> family, OnEnd on_end) override;
  void cancel() noexcept override;

 private:
  /// A socket of c-ares.
  class Conversation final : public Handler {
   public:
    Conversation(CaresChannel& channel, Socket socket, bool datagrams)
        : socket_(std::move(socket)), datagrams_(datagrams), channel_(channel) {}
    // It may be gone when process() returns.
    void on_ready(Ready ready) override { channel_.process(socket_.fd(), ready); }

    [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
    [[nodiscard]] bool datagrams() const noexcept { return datagrams_; }
    std::error_code await(Ready ready) noexcept {
      if (ready == Ready::none) {
        watch_.cancel();
      } else if (watch_) {
        watch_.set(ready);
      } else {
        auto watch = detail::watch(channel_.reactor_, fd(), ready, *this);
        if (!watch) return watch.error();
        watch_ = std::move(*watch);
      }
      return {};
    }

   private:
    Socket socket_;
    bool datagrams_;
    CaresChannel& channel_;
    Watch watch_;
  };

  /// For the addresses of one family.
  struct Question {
    AddressFamily family;
    bool wanted = false;
    bool pending = false;
    int status = ARES_ETIMEOUT;
    std::vector<Endpoint> addresses{};
  };

  std::error_code read_configuration();
  std::error_code use_server(std::size_t index);
  void list_candidates(const std::string& name);
  void begin_candidate();
  void begin_try();
  void process(int fd, Ready ready);
  void on_timer();
  void settle();
  void end_try();
  void try_next_server(std::error_code error);
  void end(Result<std::vector<Endpoint>, std::error_code> result);
  [[nodiscard]] bool is_hopeless() const noexcept;
  [[nodiscard]] bool pending() const noexcept {
    return std::any_of(questions_.begin(), questions_.end(), [](auto& q) { return q.pending; });
  }
  Conversation* find(int fd) noexcept {
    for (const auto& conversation : conversations_) {
      if (conversation->fd() == fd) return conversation.get();
    }
    return nullptr;
  }

  /// A flood of answers does not keep the neighbours waiting.
  static constexpr int reads_per_turn_max = 64;

  // What c-ares calls. Its frames are C's: nothing may be thrown through them.
  static void answered(void* asked, int status, int timeouts, ares_addrinfo* found) noexcept;
  static void state_changed(void* self, ares_socket_t fd, int readable, int writable) noexcept;
  static ares_socket_t open_socket(int family, int type, int protocol, void* self) noexcept;
  static int close_socket(ares_socket_t fd, void* self) noexcept;
  static int connect_socket(ares_socket_t fd, const sockaddr* address, ares_socklen_t size,
                            void* self) noexcept;
  static ares_ssize_t receive(ares_socket_t fd, void* into, size_t size, int flags, sockaddr* from,
                              ares_socklen_t* from_size, void* self) noexcept;
  static ares_ssize_t send(ares_socket_t fd, const iovec* parts, int count, void* self) noexcept;
  static constexpr ares_socket_functions socket_functions{open_socket, close_socket, connect_socket,
                                                          receive, send};

  Reactor& reactor_;
  Net& net_;
  const ResolverOptions& options_;
  ares_channel channel_ = nullptr;
  std::vector<std::unique_ptr<Conversation>> conversations_;
  std::vector<ares_addr_port_node> servers_;
  std::size_t server_ = 0;
  std::vector<std::string> domains_;
  std::ptrdiff_t dots_min_ = 1;

  std::vector<std::string> candidates_;
  std::size_t candidate_ = 0;
  std::size_t attempt_ = 0;
  bool exists_ = false;  // a candidate does, but has no address
  std::array<Question, 2> questions_{Question{AddressFamily::ipv6}, Question{AddressFamily::ipv4}};
  std::error_code trouble_;  // with the sockets of this try
  int reads_left_ = 0;
  OnEnd on_end_;
  Timer timer_;
};

}  // namespace rondo::detail
