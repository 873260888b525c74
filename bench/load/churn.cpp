// A place is empty (fd is -1), connecting or waiting for its answer. Only `unbegun_` decides
// whether another visit follows in it.
//
// On loopback a connection stands when connect() returns, so the message is tried at once, and
// writability is only waited for where that was too early.
#include "churn.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <span>

#include "system.h"

namespace load {
namespace {

constexpr std::uint64_t without_limit = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t events_per_wait_max = 256;
constexpr int wait_max_ms = 100;
constexpr std::uint64_t silence_max_ns = 20'000'000'000;

}  // namespace

Churn::Churn(const sockaddr_in& server, std::size_t message_size, int server_pid)
    : server_(server),
      server_pid_(server_pid),
      poller_(epoll_create1(EPOLL_CLOEXEC)),
      events_(events_per_wait_max),
      message_(message_size),
      input_(message_size + 1) {
  if (poller_ < 0) die_with_errno("epoll_create1");
}

Churn::~Churn() {
  for (const Visit& visit : visits_)
    if (visit.fd >= 0) reset(visit.fd);
  close(poller_);
}

std::size_t Churn::connect(std::size_t count) {
  visits_.resize(count);
  return count;
}

void Churn::begin(Visit& visit) {
  --unbegun_;
  visit = {
      .fd = begin_connecting(server_), .sequence = visit.sequence + 1, .began_at_ns = now_ns()};
  if (visit.fd < 0) die_with_errno("connect");
  ++under_way_;
  watch(visit, EPOLLIN, EPOLL_CTL_ADD);
  send_message(visit);
  if (!visit.has_sent) watch(visit, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

void Churn::send_message(Visit& visit) {
  message_.make(static_cast<std::uint64_t>(&visit - visits_.data()), visit.sequence);
  const auto data = message_.bytes();
  const ssize_t sent = send(visit.fd, data.data(), data.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) die_with_errno("send");
  if (sent >= 0 && static_cast<std::size_t>(sent) < data.size())
    die("the message of a churn is too large for a socket's buffer");
  visit.has_sent = sent >= 0;
}

void Churn::receive(Visit& visit) {
  const ssize_t got = recv(visit.fd, input_.data(), input_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) die_with_errno("recv");
  if (got == 0) die("the server closed before it answered");
  message_.make(static_cast<std::uint64_t>(&visit - visits_.data()), visit.sequence);
  if (!message_.has(std::span{input_}.first(static_cast<std::size_t>(got)), visit.received))
    die("the server sent back something else than it was sent");
  visit.received += static_cast<std::size_t>(got);
  if (visit.received == message_.size()) finish(visit);
}

void Churn::finish(Visit& visit) {
  reset(visit.fd);
  visit.fd = -1;
  --under_way_;
  ++measurement_.messages;
  measurement_.latency_ns.record(now_ns() - visit.began_at_ns);
  if (unbegun_ > 0) begin(visit);
}

void Churn::watch(const Visit& visit, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(&visit - visits_.data());
  if (epoll_ctl(poller_, operation, visit.fd, &event) != 0) die_with_errno("epoll_ctl");
}

void Churn::turn(int wait_ms) {
  const int count = epoll_wait(poller_, events_.data(), static_cast<int>(events_.size()), wait_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    Visit& visit = visits_[event.data.u64];
    if (!visit.has_sent) {
      send_message(visit);
      if (visit.has_sent) watch(visit, EPOLLIN, EPOLL_CTL_MOD);
    } else {
      receive(visit);
    }
  }
}

void Churn::fill_places() {
  for (Visit& visit : visits_)
    if (visit.fd < 0 && unbegun_ > 0) begin(visit);
}

// Ends at the deadline, or when the last visit has.
void Churn::run_until(std::uint64_t deadline_ns) {
  std::uint64_t heard_at = now_ns();
  std::uint64_t heard = measurement_.messages;
  while (under_way_ > 0) {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) return;
    if (measurement_.messages != heard) {
      heard = measurement_.messages;
      heard_at = now;
    } else if (now - heard_at > silence_max_ns) {
      die("the server does not answer");
    }
    const std::uint64_t left_ms = (deadline_ns - now) / 1'000'000;
    turn(static_cast<int>(std::min<std::uint64_t>(left_ms, wait_max_ms - 1)) + 1);
  }
}

Measurement Churn::measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) {
  unbegun_ = without_limit;
  fill_places();
  run_until(now_ns() + warm_up_ns);
  measurement_ = {};
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  run_until(start + duration_ns);
  Measurement result = measurement_;
  result.duration_ns = now_ns() - start;
  result.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  unbegun_ = 0;
  run_until(without_limit);
  return result;
}

Measurement Churn::exchange(std::uint64_t messages) {
  measurement_ = {};
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  unbegun_ = messages;
  fill_places();
  run_until(without_limit);
  Measurement result = measurement_;
  result.duration_ns = now_ns() - start;
  result.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  return result;
}

}  // namespace load
