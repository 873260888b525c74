// SPDX-License-Identifier: MIT
// On loopback a connection stands when connect() returns, so a message is sent at once, and the
// loop waits for writability only if that was too early, or if the kernel does not take all of it.
#include "connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <span>
#include <utility>

#include "system.h"

namespace load {
namespace {

constexpr std::size_t events_per_wait_max = 1024;
constexpr std::uint64_t wait_max_ns = 100'000'000;

}  // namespace

Connections::Connections(const Target& server, std::size_t message_size, int server_pid,
                         Progress& progress)
    : Load(server_pid, progress),
      server_(server),
      poller_(epoll_create1(EPOLL_CLOEXEC)),
      events_(events_per_wait_max),
      message_(message_size),
      input_(message_size + 1) {
  if (poller_ < 0) die_with_errno("epoll_create1");
}

Connections::~Connections() {
  for (Connection& connection : connections_)
    if (connection.fd >= 0) reset(take(connection));
  close(poller_);
}

void Connections::on_end(Connection&, int error) {
  if (error == 0) die("the server closed a connection");
  errno = error;
  die_with_errno("exchange a message");
}

bool Connections::open(Connection& connection) {
  const std::uint64_t began_at_ns = now_ns();
  connection = {.fd = begin_connecting(server_.address, number_of(connection)),
                .sequence = connection.sequence};
  if (connection.fd < 0) return false;
  if (server_.security != nullptr) connection.ssl = server_.security->begin(connection.fd);
  watch(connection.fd, number_of(connection), EPOLLIN, EPOLL_CTL_ADD);
  send_message(connection, began_at_ns);
  return true;
}

int Connections::take(Connection& connection) noexcept {
  if (std::exchange(connection.is_in_flight, false)) --in_flight_;
  if (connection.ssl != nullptr) Security::end(*std::exchange(connection.ssl, nullptr));
  return std::exchange(connection.fd, -1);
}

void Connections::watch(int fd, std::uint64_t number, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  if (epoll_ctl(poller_, operation, fd, &event) != 0) die_with_errno("epoll_ctl");
}

void Connections::send_message(Connection& connection, std::uint64_t began_at_ns) {
  ++connection.sequence;
  connection.sent = 0;
  connection.received = 0;
  connection.is_in_flight = true;
  connection.began_at_ns = began_at_ns;
  ++in_flight_;
  continue_sending(connection);
}

void Connections::continue_sending(Connection& connection) {
  message_.make(number_of(connection), connection.sequence);
  const auto rest = message_.bytes().subspan(connection.sent);
  const ssize_t sent = connection.ssl != nullptr
                           ? Security::send(*connection.ssl, rest)
                           : send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return on_end(connection, errno);
  if (sent == 0) return on_end(connection, 0);
  if (sent > 0) connection.sent += static_cast<std::uint32_t>(sent);
  const bool is_sent = connection.sent == message_.size();
  // A record may be taken although there is room for more.
  watch_for_room(connection, !is_sent && (connection.ssl == nullptr || sent > 0 ||
                                          Security::waits_to_write(*connection.ssl)));
}

void Connections::watch_for_room(Connection& connection, bool is_blocked) {
  if (std::exchange(connection.is_blocked, is_blocked) != is_blocked)
    watch(connection.fd, number_of(connection), is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN,
          EPOLL_CTL_MOD);
}

void Connections::receive(Connection& connection) {
  const ssize_t got = connection.ssl != nullptr
                          ? Security::receive(*connection.ssl, input_)
                          : recv(connection.fd, input_.data(), input_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return on_end(connection, got == 0 ? 0 : errno);
  const auto data = std::span{input_}.first(static_cast<std::size_t>(got));
  if (data.size() > connection.sent - connection.received)
    die("the server sent back more than it was sent");
  message_.make(number_of(connection), connection.sequence);
  if (!message_.has(data, connection.received))
    die("the server sent back something else than it was sent");
  connection.received += static_cast<std::uint32_t>(got);
  if (connection.received < message_.size()) return;
  connection.is_in_flight = false;
  --in_flight_;
  ++measurement_.messages;
  const std::uint64_t now = now_ns();
  measurement_.latency_ns.record(now - connection.began_at_ns);
  on_reply(connection, now);
}

void Connections::turn(std::uint64_t until_ns) {
  const std::uint64_t now = now_ns();
  const std::uint64_t left = std::min(until_ns > now ? until_ns - now : 0, wait_max_ns);
  const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(left)};
  const int count =
      epoll_pwait2(poller_, events_.data(), static_cast<int>(events_.size()), &timeout, nullptr);
  if (count < 0 && errno != EINTR) die_with_errno("epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.u64 == other) {
      on_other(event.events);
      continue;
    }
    Connection& connection = connections_[event.data.u64];
    const bool shakes_hands = connection.ssl != nullptr && connection.sent < message_.size();
    if ((event.events & EPOLLOUT) != 0 || shakes_hands) continue_sending(connection);
    if (connection.fd >= 0 && (event.events & ~std::uint32_t{EPOLLOUT}) != 0) receive(connection);
  }
}

}  // namespace load
