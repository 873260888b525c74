#include "exchange.h"

#include <unistd.h>

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

std::size_t Churn::connect(std::size_t count) {
  connections_.resize(count);
  return count;
}

void Churn::begin() {
  for (Connection& connection : connections_)
    if (connection.fd < 0 && may_begin() && !open(connection)) die_with_errno("connect");
}

void Churn::on_reply(Connection& connection, std::uint64_t) {
  reset(take(connection));
  if (may_begin() && !open(connection)) die_with_errno("connect");
}

}  // namespace load
