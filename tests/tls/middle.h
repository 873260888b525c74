// SPDX-License-Identifier: MIT
// A host between a client and a server of a simulated network. It passes on as many bytes as the
// test lets pass, and can end the connection.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <rondo/sim.h>
#include <rondo/socket.h>

namespace rondo::test {

/// For one connection at a time. It does nothing by itself: the test calls pump() after each step
/// of the world.
class Middle {
 public:
  static constexpr std::size_t everything = std::size_t{1} << 40U;

  /// Listens on `host`, and connects to `server`.
  Middle(sim::World& world, sim::Host& host, const Endpoint& server)
      : world_(world),
        net_(host.net()),
        server_(server),
        listener_(Socket::listen(net_, address_of(host)).value()) {}

  /// What clients connect to.
  [[nodiscard]] std::string where() const { return listener_.local_endpoint()->to_string(); }
  /// From now on, so many bytes may pass, in the order in which they come from either side.
  void let_pass(std::size_t bytes) noexcept { left_ = bytes; }
  [[nodiscard]] bool has_passed_them() const noexcept {
    return left_ == 0 && ways_[0].bytes.empty() && ways_[1].bytes.empty();
  }
  [[nodiscard]] bool is_idle() const noexcept { return !near_; }
  /// Whether the trace of the world is to show what passes. It has sizes alone otherwise.
  void note_contents(bool notes) noexcept { notes_contents_ = notes; }

  void pump() {
    if (!near_ && !begin()) return;
    if (const std::error_code result = far_.connect_result()) {
      if (result != std::errc::operation_in_progress) reset();
      return;
    }
    const bool goes_on = pass(ways_[0], near_, far_) && pass(ways_[1], far_, near_);
    if (goes_on && (!ways_[0].has_ended || !ways_[1].has_ended)) return;
    goes_on ? forget() : reset();
  }
  /// Both sides get the end of their input, as if the other one had finished.
  void finish() {
    (void)near_.shutdown(Direction::write);  // a side that is gone has nothing to learn
    (void)far_.shutdown(Direction::write);
  }
  /// Both sides get a reset.
  void reset() noexcept {
    near_.reset();
    far_.reset();
    forget();
  }

 private:
  struct Way {
    std::string bytes;
    bool ends = false;       // no more come
    bool has_ended = false;  // the other side knows
  };

  static Endpoint address_of(const sim::Host& host) {
    return Endpoint::parse(std::string{host.address()} += ":0").value();
  }
  bool begin() {
    auto accepted = listener_.accept();
    if (!accepted) return false;
    near_ = std::move(accepted->socket);
    auto socket = Socket::connect(net_, server_);
    if (!socket) return near_.reset(), false;
    far_ = std::move(*socket);
    return true;
  }
  void forget() noexcept {
    near_.close();
    far_.close();
    ways_ = {};
  }
  /// False: the connection is broken.
  bool pass(Way& way, Socket& from, Socket& to) {
    std::array<std::byte, 4'096> room;
    while (left_ > 0 && !way.ends) {
      const auto got = from.read(MutableBytes{room}.first(std::min(left_, room.size())));
      if (!got && got.error() == std::errc::operation_would_block) break;
      if (!got) return false;
      way.ends = *got == 0;
      take(way, {reinterpret_cast<const char*>(room.data()), *got});
    }
    while (!way.bytes.empty()) {
      const auto put = to.write(std::as_bytes(std::span{way.bytes}));
      if (!put && put.error() == std::errc::operation_would_block) return true;
      if (!put) return false;
      way.bytes.erase(0, *put);
    }
    if (way.ends && !way.has_ended) way.has_ended = to.shutdown(Direction::write).has_value();
    return true;
  }
  void take(Way& way, std::string_view bytes) {
    left_ -= bytes.size();
    way.bytes += bytes;
    if (notes_contents_) world_.note(std::to_string(std::hash<std::string_view>{}(bytes)));
  }

  sim::World& world_;
  Net& net_;
  const Endpoint server_;
  Socket listener_;
  Socket near_;
  Socket far_;
  std::array<Way, 2> ways_{};
  std::size_t left_ = everything;
  bool notes_contents_ = false;
};

}  // namespace rondo::test
