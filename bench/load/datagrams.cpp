// Between one socket and another loopback keeps the order, so that the next answer is known.
#include "datagrams.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <span>

#include "system.h"

namespace load {
namespace {

constexpr std::size_t under_way_max = 128;  // half of what a default buffer holds of small ones
constexpr timeval silence_max{.tv_sec = 20, .tv_usec = 0};

}  // namespace

Datagrams::Datagrams(const sockaddr_in& server, std::size_t size, int server_pid)
    : server_pid_(server_pid),
      fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      message_(size),
      room_(size + 1) {
  if (fd_ < 0) die_with_errno("socket");
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &silence_max, sizeof silence_max);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0)
    die_with_errno("connect");
}

Datagrams::~Datagrams() { close(fd_); }

std::size_t Datagrams::connect(std::size_t count) {
  const std::size_t window = std::min(count, under_way_max);
  bytes_.resize(window * room_);
  parts_.resize(window);
  batch_.resize(window);
  for (std::size_t i = 0; i < window; ++i) {
    parts_[i].iov_base = bytes_.data() + i * room_;
    batch_[i].msg_hdr.msg_iov = &parts_[i];
    batch_[i].msg_hdr.msg_iovlen = 1;
  }
  return window;
}

void Datagrams::send_more() {
  const std::uint64_t under_way = sequence_ - answered_;
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(batch_.size() - under_way, unsent_));
  for (std::size_t i = 0; i < count; ++i) {
    message_.make(0, ++sequence_);
    std::memcpy(parts_[i].iov_base, message_.bytes().data(), message_.size());
    parts_[i].iov_len = message_.size();
  }
  unsent_ -= count;
  for (std::size_t sent = 0; sent < count;) {
    const auto left = static_cast<unsigned>(count - sent);
    const int taken = sendmmsg(fd_, batch_.data() + sent, left, 0);
    if (taken < 0) die_with_errno("sendmmsg");
    sent += static_cast<std::size_t>(taken);
  }
}

void Datagrams::receive_some() {
  for (iovec& part : parts_) part.iov_len = room_;
  const auto room = static_cast<unsigned>(batch_.size());
  const int count = recvmmsg(fd_, batch_.data(), room, MSG_WAITFORONE, nullptr);
  if (count < 0 && errno == EAGAIN) die("datagrams were lost, or the server does not answer");
  if (count < 0) die_with_errno("recvmmsg");
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) check(i, batch_[i].msg_len);
  measurement_.messages += static_cast<std::uint64_t>(count);
}

void Datagrams::check(std::size_t place, std::size_t size) {
  message_.make(0, ++answered_);
  const auto data = std::span{bytes_}.subspan(place * room_, size);
  if (size != message_.size() || !message_.has(data, 0))
    die("the server sent back another datagram than it was sent");
}

Measurement Datagrams::measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) {
  unsent_ = std::numeric_limits<std::uint64_t>::max();
  const auto run_for = [this](std::uint64_t limit_ns) {
    for (const std::uint64_t end = now_ns() + limit_ns; now_ns() < end;) {
      send_more();
      receive_some();
    }
  };
  run_for(warm_up_ns);
  measurement_ = {};
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  run_for(duration_ns);
  Measurement result = measurement_;
  result.duration_ns = now_ns() - start;
  result.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  while (answered_ < sequence_) receive_some();
  return result;
}

Measurement Datagrams::exchange(std::uint64_t messages) {
  measurement_ = {};
  unsent_ = messages;
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  while (measurement_.messages < messages) {
    send_more();
    receive_some();
  }
  measurement_.duration_ns = now_ns() - start;
  measurement_.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  return measurement_;
}

}  // namespace load
