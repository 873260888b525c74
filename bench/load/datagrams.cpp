// SPDX-License-Identifier: MIT
// Between two sockets loopback keeps the order, so the next reply is known.
#include "datagrams.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "system.h"

namespace load {
namespace {

constexpr std::size_t in_flight_max = 128;  // half of what a default buffer holds of small ones
constexpr timeval silence_max{.tv_sec = 20, .tv_usec = 0};

}  // namespace

Datagrams::Datagrams(const sockaddr_in& server, std::size_t size, int server_pid,
                     Progress& progress)
    : Load(server_pid, progress),
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
  const std::size_t window = std::min(count, in_flight_max);
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
  std::size_t count = 0;
  for (; sequence_ - answered_ < batch_.size() && may_begin(); ++count) {
    message_.make(0, ++sequence_);
    std::memcpy(parts_[count].iov_base, message_.bytes().data(), message_.size());
    parts_[count].iov_len = message_.size();
  }
  for (std::size_t sent = 0; sent < count;) {
    const auto left = static_cast<unsigned>(count - sent);
    const int taken = sendmmsg(fd_, batch_.data() + sent, left, 0);
    if (taken < 0) die_with_errno("sendmmsg");
    sent += static_cast<std::size_t>(taken);
  }
}

// Waits beyond `until_ns` only if the server is silent, which is an error.
void Datagrams::turn(std::uint64_t) {
  for (iovec& part : parts_) part.iov_len = room_;
  const auto room = static_cast<unsigned>(batch_.size());
  const int count = recvmmsg(fd_, batch_.data(), room, MSG_WAITFORONE, nullptr);
  if (count < 0 && errno == EAGAIN) die("datagrams were lost, or the server does not answer");
  if (count < 0) die_with_errno("recvmmsg");
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) check(i, batch_[i].msg_len);
  measurement_.messages += static_cast<std::uint64_t>(count);
  send_more();
}

void Datagrams::check(std::size_t index, std::size_t size) {
  message_.make(0, ++answered_);
  const auto data = std::span{bytes_}.subspan(index * room_, size);
  if (size != message_.size() || !message_.has(data, 0))
    die("the server sent back another datagram than it was sent");
}

}  // namespace load
