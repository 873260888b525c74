// SPDX-License-Identifier: MIT
// The schedule does not wait for the server: request number i is due at start + i / rate, and its
// latency counts from then, also while it waits because every connection still has a request in
// flight. A server that stops for a second is therefore charged with all requests of that second,
// not with one for each connection. Without a rate, an idle connection's next request is due at
// once.
#include "paced.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "system.h"

namespace paced {
namespace {

using load::now_ns;

constexpr std::size_t events_max = 256;
constexpr std::size_t input_size = std::size_t{64} << 10U;
constexpr std::uint64_t answer_ns_max = 5 * load::ns_per_second;
// Shorter waits spin: the clock of epoll_wait counts milliseconds.
constexpr std::uint64_t spin_ns = 2'000'000;

// On loopback this does not wait. If the server's queue is full, it fails after a second.
int connect_to(const sockaddr_in& server) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) load::die_with_errno("socket");
  const timeval second{.tv_sec = 1, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* const address = reinterpret_cast<const sockaddr*>(&server);
  if (connect(fd, address, sizeof server) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

Clients::Clients(const Options& options, const sockaddr_in& server)
    : options_(options),
      server_(server),
      gap_ns_(options.rate > 0 ? static_cast<std::uint64_t>(1e9 / options.rate) : 0),
      poller_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.clients) {
  if (poller_ < 0) load::die_with_errno("epoll_create1");
}

Clients::~Clients() {
  for (const Connection& connection : connections_)
    if (connection.fd >= 0) load::reset(connection.fd);
  close(poller_);
}

bool Clients::open(Connection& connection) {
  connection.fd = connect_to(server_);
  if (connection.fd < 0) return false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(&connection - connections_.data());
  if (epoll_ctl(poller_, EPOLL_CTL_ADD, connection.fd, &event) != 0)
    load::die_with_errno("epoll_ctl");
  return true;
}

void Clients::lose(Connection& connection) {
  if (!options_.survives) load::die("the server closed a connection");
  close(connection.fd);
  connection.fd = -1;
  connection.input.clear();
  if (connection.due_at_ns != 0) count(connection, false);
}

void Clients::count(Connection& connection, bool is_good) {
  const std::uint64_t now = now_ns();
  if (is_good) {
    ++result_.requests;
    result_.latency_ns.record(now - std::min(now, connection.due_at_ns));
    result_.longest_gap_ns = std::max(result_.longest_gap_ns, now - answered_at_ns_);
    answered_at_ns_ = now;
  } else {
    ++result_.failed;
  }
  connection.due_at_ns = 0;
  --in_flight_;
  idle_.push_back(static_cast<std::size_t>(&connection - connections_.data()));
}

bool Clients::is_over(std::uint64_t now) const noexcept {
  return options_.requests > 0 ? scheduled_ >= options_.requests : now >= end_ns_;
}

void Clients::schedule(std::uint64_t now) {
  if (gap_ns_ == 0) {
    while (due_.size() < idle_.size() && !is_over(now)) {
      due_.push_back(now);
      ++scheduled_;
    }
    return;
  }
  for (std::uint64_t due = start_ns_ + scheduled_ * gap_ns_; due <= now && !is_over(due);
       due += gap_ns_) {
    due_.push_back(due);
    result_.lateness_ns.record(now - due);
    ++scheduled_;
  }
}

void Clients::send_what_is_due(std::uint64_t now) {
  schedule(now);
  while (!due_.empty() && !idle_.empty()) {
    Connection& connection = connections_[idle_.front()];
    idle_.pop_front();
    const std::uint64_t due_at_ns = due_.front();
    due_.pop_front();
    send_to(connection, due_at_ns);
  }
}

void Clients::send_to(Connection& connection, std::uint64_t due_at_ns) {
  ++in_flight_;
  connection.due_at_ns = due_at_ns;
  if (connection.fd < 0 && !open(connection)) return count(connection, false);
  const std::string& request = options_.request;
  const ssize_t sent = send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) lose(connection);
}

void Clients::receive(Connection& connection) {
  std::array<char, input_size> bytes;  // NOLINT(*-member-init): recv fills what is used
  const ssize_t got = recv(connection.fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return lose(connection);
  connection.input.append(bytes.data(), static_cast<std::size_t>(got));
  const auto reply = first_reply(options_.protocol, connection.input);
  if (!reply) load::die("the server's answer is not of its protocol");
  if (reply->size == 0) return;
  if (connection.due_at_ns == 0 || reply->size != connection.input.size())
    load::die("the server sent more than it was asked for");
  if (!reply->is_good && !options_.survives) load::die("the server refused a request");
  connection.input.clear();
  count(connection, reply->is_good);
}

Result Clients::run() {
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (!open(connections_[i])) load::die_with_errno("connect");
    idle_.push_back(i);
  }
  start_ns_ = answered_at_ns_ = now_ns();
  end_ns_ = start_ns_ + static_cast<std::uint64_t>(options_.seconds * 1e9);
  std::array<epoll_event, events_max> events{};
  for (std::uint64_t now = start_ns_; !is_over(now) || in_flight_ > 0 || !due_.empty();
       now = now_ns()) {
    send_what_is_due(now);
    if (now > answered_at_ns_ + answer_ns_max) load::die("the server does not answer");
    const bool spins = gap_ns_ > 0 && gap_ns_ < spin_ns && !is_over(now);
    const int count = epoll_wait(poller_, events.data(), events_max, spins ? 0 : 1);
    for (int i = 0; i < count; ++i) {
      Connection& connection = connections_[events[static_cast<std::size_t>(i)].data.u64];
      if (connection.fd >= 0) receive(connection);
    }
  }
  result_.duration_ns = now_ns() - start_ns_;
  return result_;
}

}  // namespace paced
