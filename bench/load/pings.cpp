// SPDX-License-Identifier: MIT
// The clients take turns, one each period / count, so one deadline is enough. In a turn the
// firehose moves a bounded piece in each direction, so that this process reads the pings soon after
// they have come.
#include "pings.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "system.h"

namespace load {
namespace {

constexpr std::uint64_t period_ns = 100'000'000;
constexpr std::size_t piece_size = std::size_t{64} << 10U;
constexpr std::size_t pattern_period = 251;  // a prime: shifted by a block's size it does not match

int connect_to(const sockaddr_in& server) {
  const int fd = begin_connecting(server, 0);
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

void Firehose::send_some() {
  const auto* const from = pattern_.data() + sent_ % pattern_period;
  const ssize_t sent = send(fd_, from, piece_size, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) die_with_errno("send to the firehose's server");
  if (sent > 0) sent_ += static_cast<std::uint64_t>(sent);
}

std::size_t Firehose::receive_some() {
  const ssize_t got = recv(fd_, input_.data(), input_.size(), 0);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got < 0) die_with_errno("recv from the firehose's server");
  if (got == 0) die("the server closed the firehose");
  const auto* const expected = pattern_.data() + received_ % pattern_period;
  const auto size = static_cast<std::size_t>(got);
  received_ += size;
  if (received_ > sent_ || std::memcmp(input_.data(), expected, size) != 0)
    die("the server sent back something else than the firehose sent");
  return size;
}

Pings::Pings(const Target& server, std::size_t message_size, int server_pid, Progress& progress,
             bool with_firehose)
    : Connections(server, message_size, server_pid, progress) {
  if (with_firehose) firehose_.emplace(server.address);
  if (firehose_) watch(firehose_->fd(), other, EPOLLIN, EPOLL_CTL_ADD);
}

std::size_t Pings::connect(std::size_t count) {
  connections_.resize(count);
  for (Connection& connection : connections_)
    if (!open(connection)) die_with_errno("connect");
  run_until(without_limit);  // each has had a reply, so the server has accepted it
  return count;
}

void Pings::begin() {
  due_at_ns_ = now_ns();
  if (firehose_) watch(firehose_->fd(), other, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

bool Pings::is_busy() const noexcept {
  return unsent_ > 0 || Connections::is_busy() || (firehose_ && !firehose_->is_dry());
}

std::uint64_t Pings::gap_ns() const noexcept { return period_ns / connections_.size(); }

void Pings::ping_those_due() {
  for (const std::uint64_t now = now_ns(); due_at_ns_ <= now; due_at_ns_ += gap_ns()) {
    Connection& connection = connections_[next_];
    next_ = (next_ + 1) % connections_.size();
    if (!connection.is_in_flight) send_message(connection, now_ns());
  }
}

void Pings::turn(std::uint64_t until_ns) {
  if (unsent_ == 0) return Connections::turn(until_ns);
  ping_those_due();
  Connections::turn(std::min(due_at_ns_, until_ns));
}

void Pings::on_other(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && unsent_ > 0) firehose_->send_some();
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0)
    measurement_.streamed_bytes += firehose_->receive_some();
}

// The last pings, however late, are counted.
void Pings::finish(Measurement& result) {
  if (firehose_) watch(firehose_->fd(), other, EPOLLIN, EPOLL_CTL_MOD);
  Load::finish(result);
  result.messages = measurement_.messages;
  result.latency_ns = measurement_.latency_ns;
}

}  // namespace load
