// SPDX-License-Identifier: MIT
#include "exchange.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "system.h"

namespace load {
namespace {

constexpr std::size_t connecting_max = 256;

}  // namespace

std::size_t Exchange::connect(std::size_t count) {
  connections_.reserve(count);
  for (std::size_t left = count; left > 0 || connecting_ > 0;) {
    while (left > 0 && connecting_ < connecting_max) left = open_one() ? left - 1 : 0;
    turn(without_limit);
    const std::uint64_t now = now_ns();
    check_silence(now);
    if (progress_.is_due(now))
      progress_.show("connected", static_cast<double>(connections_.size() - connecting_),
                     "clients");
  }
  return connections_.size() - lost_;
}

bool Exchange::open_one() {
  ++connecting_;
  if (open(connections_.emplace_back())) return true;
  exhaustion_ = errno;
  connections_.pop_back();
  --connecting_;
  return false;
}

void Exchange::begin() {
  const std::uint64_t now = now_ns();
  for (Connection& connection : connections_)
    if (connection.fd >= 0 && may_begin()) send_message(connection, now);
}

void Exchange::on_reply(Connection& connection, std::uint64_t now) {
  if (connection.sequence == 1) {
    --connecting_;
  } else if (may_begin()) {
    send_message(connection, now);
  }
}

void Exchange::on_end(Connection& connection, int error) {
  if (error == ECONNREFUSED) Connections::on_end(connection, error);
  if (connection.is_in_flight && connection.sequence == 1) --connecting_;
  ++lost_;
  close(take(connection));
}

Churn::Churn(const Target& server, std::size_t message_size, int server_pid, Progress& progress,
             double rate) noexcept
    : Connections(server, message_size, server_pid, progress),
      gap_ns_(rate > 0 ? static_cast<std::uint64_t>(1e9 / rate) : 0) {}

std::size_t Churn::connect(std::size_t count) {
  connections_.resize(count);
  return count;
}

bool Churn::is_busy() const noexcept {
  return Connections::is_busy() || (gap_ns_ > 0 && unsent_ > 0);
}

void Churn::begin() {
  due_at_ns_ = now_ns();
  if (gap_ns_ > 0) return;
  for (Connection& connection : connections_)
    if (connection.fd < 0 && may_begin() && !open(connection)) die_with_errno("connect");
}

void Churn::on_reply(Connection& connection, std::uint64_t) {
  if (connection.ssl != nullptr && Security::is_resumed(*connection.ssl)) ++measurement_.resumed;
  reset(take(connection));
  if (gap_ns_ == 0 && may_begin() && !open(connection)) die_with_errno("connect");
}

void Churn::turn(std::uint64_t until_ns) {
  if (gap_ns_ == 0 || unsent_ == 0) return Connections::turn(until_ns);
  open_those_due();
  Connections::turn(std::min(due_at_ns_, until_ns));
}

void Churn::open_those_due() {
  for (const std::uint64_t now = now_ns(); due_at_ns_ <= now; due_at_ns_ += gap_ns_) {
    Connection& connection = connections_[next_];
    next_ = (next_ + 1) % connections_.size();
    if (connection.fd < 0 && may_begin() && !open(connection)) die_with_errno("connect");
  }
}

}  // namespace load
