// SPDX-License-Identifier: MIT
// The other side of a conversation in a world: sockets without a stream, which the input controls.
// Also the text that both sides send, in which each byte shows its position.
#pragma once

#include <string>
#include <vector>

#include <rondo/options.h>
#include <rondo/socket.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

/// The n-th byte of each conversation, in both directions.
constexpr char byte_at(std::uint64_t n) noexcept {
  return static_cast<char>(n * 0x9e3779b97f4a7c15U >> 56U);
}
inline std::string text_from(std::uint64_t start, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = byte_at(start + i);
  return text;
}
/// Counts the received bytes and checks their order.
inline void hear(std::uint64_t& heard, Bytes data) {
  for (const std::byte byte : data) {
    require(static_cast<char>(byte) == byte_at(heard++), "bytes come whole and in order");
  }
}

class RawPeers {
 public:
  static constexpr std::size_t peers_max = 6;

  explicit RawPeers(Net& net) noexcept : net_(net) {}

  void connect(const Endpoint& to) {
    if (peers_.size() >= peers_max) return;
    auto socket = Socket::connect(net_, to);
    if (socket) peers_.push_back({std::move(*socket)});
  }
  void accept(Socket& listener) {
    if (peers_.size() >= peers_max) return;
    auto accepted = listener.accept();
    if (accepted) peers_.push_back({std::move(accepted->socket)});
  }
  /// One operation on one of the sockets.
  void operate(Input& input) {
    if (peers_.empty()) return;
    const std::size_t i = input.below(peers_.size());
    switch (input.below(6)) {
      case 0:
      case 1:
        return write(peers_[i], input);
      case 2:
      case 3:
        return read(peers_[i], std::size_t{1} << input.below(17));
      case 4:
        // It fails if the socket is not connected.
        (void)net_.shutdown(peers_[i].socket.fd(), Direction::write);
        return;
      default:
        // Resets the connection; if that fails, it closes.
        if (input.flag()) (void)net_.set(peers_[i].socket.fd(), SocketOption::linger, 0);
        close(i);
    }
  }
  void read_all() {
    for (Peer& peer : peers_) read(peer, std::size_t{1} << 20U);
  }
  void close_all() { peers_.clear(); }

 private:
  struct Peer {
    Socket socket;
    std::uint64_t sent = 0;
    std::uint64_t heard = 0;
  };

  void write(Peer& peer, Input& input) {
    const std::size_t drawn = input.byte();
    const std::size_t size = drawn < 224 ? 1 + drawn : drawn * 256;
    const auto written = peer.socket.write(bytes_of(text_from(peer.sent, size)));
    if (written) peer.sent += *written;
  }
  void read(Peer& peer, std::size_t size) {
    std::vector<std::byte> room(size);
    const auto received = peer.socket.read(room);
    if (received) hear(peer.heard, Bytes{room}.first(*received));
  }
  void close(std::size_t i) {
    peers_[i] = std::move(peers_.back());
    peers_.pop_back();
  }

  Net& net_;
  std::vector<Peer> peers_;
};

}  // namespace rondo::fuzz
