// The clients take turns, one each period / count, so that one deadline is enough. The firehose
// moves a bounded piece in each direction a turn, so that the pings of this process, too, are read
// soon after they have come.
#include "pings.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <span>

#include "system.h"

namespace load {
namespace {

constexpr std::uint64_t period_ns = 100'000'000;
constexpr std::uint64_t silence_max_ns = 20'000'000'000;
constexpr std::uint64_t wait_max_ns = 100'000'000;
constexpr std::size_t events_per_wait_max = 256;
constexpr std::size_t piece_size = std::size_t{64} << 10U;
constexpr std::size_t pattern_period = 251;  // a prime: shifted by a block's size it does not match
constexpr std::uint64_t firehose_number = std::numeric_limits<std::uint64_t>::max();

int connect_to(const sockaddr_in& server) {
  const int fd = begin_connecting(server);
  if (fd < 0) die_with_errno("connect");
  return fd;
}

}  // namespace

Firehose::Firehose(const sockaddr_in& server)
    : fd_(connect_to(server)), pattern_(piece_size + pattern_period), input_(piece_size) {
  for (std::size_t i = 0; i < pattern_.size(); ++i)
    pattern_[i] = static_cast<std::byte>(i % pattern_period);
}

Firehose::~Firehose() { reset(fd_); }

void Firehose::pour() {
  const auto* const from = pattern_.data() + poured_ % pattern_period;
  const ssize_t sent = send(fd_, from, piece_size, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) die_with_errno("send to the firehose's server");
  if (sent > 0) poured_ += static_cast<std::uint64_t>(sent);
}

void Firehose::catch_back() {
  const ssize_t got = recv(fd_, input_.data(), input_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) die_with_errno("recv from the firehose's server");
  if (got == 0) die("the server closed the firehose");
  const auto* const expected = pattern_.data() + caught_ % pattern_period;
  caught_ += static_cast<std::uint64_t>(got);
  if (caught_ > poured_ || std::memcmp(input_.data(), expected, static_cast<std::size_t>(got)) != 0)
    die("the server sent back something else than the firehose poured");
}

Pings::Pings(const sockaddr_in& server, std::size_t message_size, int server_pid,
             bool with_firehose)
    : server_(server),
      server_pid_(server_pid),
      poller_(epoll_create1(EPOLL_CLOEXEC)),
      events_(events_per_wait_max),
      message_(message_size),
      input_(message_size + 1) {
  if (poller_ < 0) die_with_errno("epoll_create1");
  if (with_firehose) firehose_.emplace(server);
  if (firehose_) watch(firehose_->fd(), firehose_number, EPOLLIN, EPOLL_CTL_ADD);
}

Pings::~Pings() {
  for (const Client& client : clients_) reset(client.fd);
  close(poller_);
}

std::size_t Pings::connect(std::size_t count) {
  clients_.reserve(count);
  for (std::size_t number = 0; number < count; ++number) {
    clients_.push_back({.fd = connect_to(server_)});
    watch(clients_.back().fd, number, EPOLLIN, EPOLL_CTL_ADD);
  }
  // All have been accepted once each has had an answer.
  const std::uint64_t start = due_at_ns_ = now_ns();
  run_until(start + period_ns);
  drain();
  return count;
}

void Pings::watch(int fd, std::uint64_t number, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  if (epoll_ctl(poller_, operation, fd, &event) != 0) die_with_errno("epoll_ctl");
}

std::uint64_t Pings::gap_ns() const noexcept { return period_ns / clients_.size(); }

void Pings::ping_those_due() {
  for (const std::uint64_t now = now_ns(); due_at_ns_ <= now; due_at_ns_ += gap_ns()) {
    Client& client = clients_[next_];
    next_ = (next_ + 1) % clients_.size();
    if (!client.waits) ping(client);
  }
}

void Pings::ping(Client& client) {
  client.waits = true;
  client.received = 0;
  ++client.sequence;
  ++in_flight_;
  message_.make(static_cast<std::uint64_t>(&client - clients_.data()), client.sequence);
  client.sent_at_ns = now_ns();
  const auto data = message_.bytes();
  if (send(client.fd, data.data(), data.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(data.size()))
    die_with_errno("send a ping");
}

void Pings::receive(Client& client) {
  const ssize_t got = recv(client.fd, input_.data(), input_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) die_with_errno("recv a ping");
  if (got == 0) die("the server closed a client who pings");
  message_.make(static_cast<std::uint64_t>(&client - clients_.data()), client.sequence);
  const auto data = std::span{input_}.first(static_cast<std::size_t>(got));
  if (!client.waits || !message_.has(data, client.received))
    die("the server sent back something else than it was sent");
  client.received += data.size();
  if (client.received < message_.size()) return;
  client.waits = false;
  --in_flight_;
  ++measurement_.messages;
  measurement_.latency_ns.record(now_ns() - client.sent_at_ns);
}

void Pings::turn(std::uint64_t wake_at_ns) {
  const std::uint64_t now = now_ns();
  const std::uint64_t left = std::min(wake_at_ns > now ? wake_at_ns - now : 0, wait_max_ns);
  const timespec timeout{.tv_sec = static_cast<time_t>(left / ns_per_second),
                         .tv_nsec = static_cast<long>(left % ns_per_second)};
  const int count =
      epoll_pwait2(poller_, events_.data(), static_cast<int>(events_.size()), &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.u64 != firehose_number) {
      receive(clients_[event.data.u64]);
      continue;
    }
    if ((event.events & EPOLLOUT) != 0 && pours_) firehose_->pour();
    if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) firehose_->catch_back();
  }
}

void Pings::run_until(std::uint64_t deadline_ns) {
  while (now_ns() < deadline_ns) {
    ping_those_due();
    turn(std::min(due_at_ns_, deadline_ns));
  }
}

// Waits for what is under way, the firehose's too.
void Pings::drain() {
  const std::uint64_t until = now_ns() + silence_max_ns;
  while (in_flight_ > 0 || (firehose_ && !firehose_->is_dry())) {
    if (now_ns() > until) die("the server does not answer");
    turn(until);
  }
}

Measurement Pings::measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) {
  due_at_ns_ = now_ns();
  pours_ = firehose_.has_value();
  if (pours_) watch(firehose_->fd(), firehose_number, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  run_until(now_ns() + warm_up_ns);
  measurement_ = {};
  const std::uint64_t caught = firehose_ ? firehose_->caught() : 0;
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  run_until(start + duration_ns);
  measurement_.duration_ns = now_ns() - start;
  measurement_.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  measurement_.streamed_bytes = firehose_ ? firehose_->caught() - caught : 0;
  pours_ = false;
  if (firehose_) watch(firehose_->fd(), firehose_number, EPOLLIN, EPOLL_CTL_MOD);
  drain();  // the last pings, however late, are counted
  return measurement_;
}

/// As long as so many pings take.
Measurement Pings::exchange(std::uint64_t messages) { return measure(0, messages * gap_ns()); }

}  // namespace load
