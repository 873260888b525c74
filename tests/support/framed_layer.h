// SPDX-License-Identifier: MIT
// A layer with a handshake, frames and an end of its own: what TLS does, without the cryptography.
//
// Each side sends four bytes first. Then come frames: two bytes of length, the first in front, and
// the bytes, each of them changed. A frame of length 0 is the end. Plain text does not pass for
// that: its first letters would be the length of a frame that is too long.
//
// Its calls are noexcept, so its buffers have all of their memory from the beginning.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/stream_layer.h>

namespace rondo::test {

class FramedLayer final : public StreamLayer {
 public:
  explicit FramedLayer(Duration timeout) : timeout_(timeout) {
    in_.reserve(frame_max + 1 + read_max);
    out_.reserve(greeting.size() + frame_max + 4);  // the last two bytes are the end
  }

  static constexpr std::string_view greeting = "layr";
  static constexpr std::size_t frame_max = 10'000;

  [[nodiscard]] Handshake shake_hands(LayerWire& wire) noexcept override {
    if (!has_greeted_) put(greeting);
    has_greeted_ = true;
    if (!flush(wire) && !is_transient()) return Handshake::failed;
    while (!is_greeted_ && in_.size() < greeting.size()) {
      const std::ptrdiff_t got = fill(wire);
      if (got == 0) return fail(CloseReason::truncated, "the peer left in the handshake");
      if (got < 0) return is_transient() ? Handshake::waits : Handshake::failed;
    }
    if (!is_greeted_) {
      if (!in_.starts_with(greeting)) return fail(CloseReason::error, something_else);
      in_.erase(0, greeting.size());
      is_greeted_ = true;
    }
    return out_.empty() ? Handshake::done : Handshake::waits;
  }

  void rest() noexcept override { ++rests; }
  /// The calls of rest(), on all layers.
  static inline int rests = 0;

  [[nodiscard]] std::ptrdiff_t read(LayerWire& wire, MutableBytes into) noexcept override {
    while (!has_frame()) {
      if (in_.size() >= 2 && frame_left() > frame_max)
        return fail_to_read(CloseReason::error, something_else);
      const std::ptrdiff_t got = fill(wire);
      if (got == 0) return fail_to_read(CloseReason::truncated, "the peer left in the middle");
      if (got < 0) return got;
    }
    const std::size_t left = frame_left();
    const std::size_t size = std::min(left, into.size());
    for (std::size_t i = 0; i < size; ++i) into[i] = changed(in_[i + 2]);
    if (size == left) {
      in_.erase(0, left + 2);
    } else {
      in_.erase(2, size);
      set_frame_left(left - size);
    }
    return static_cast<std::ptrdiff_t>(size);
  }

  [[nodiscard]] std::ptrdiff_t write(LayerWire& wire, Bytes data) noexcept override {
    if (out_.empty()) {
      pending_ = std::min(data.size(), frame_max);
      put_length(pending_);
      for (const std::byte one : data.first(pending_))
        out_.push_back(static_cast<char>(changed(static_cast<char>(one))));
    }
    if (!flush(wire)) return -1;
    return static_cast<std::ptrdiff_t>(pending_);
  }

  [[nodiscard]] bool finish(LayerWire& wire) noexcept override {
    if (!has_finished_) put_length(0);
    has_finished_ = true;
    return flush(wire) || !is_transient();
  }

  [[nodiscard]] bool has_input() const noexcept override { return has_frame(); }
  [[nodiscard]] const Failure* failure() const noexcept override {
    return failure_.what.empty() ? nullptr : &failure_;
  }
  [[nodiscard]] Duration handshake_timeout() const noexcept override { return timeout_; }

 private:
  static constexpr std::string_view something_else = "the peer speaks something else";
  static constexpr std::size_t read_max = 5'000;

  static bool is_transient() noexcept { return errno == EAGAIN; }
  static std::byte changed(char one) noexcept {
    return static_cast<std::byte>(static_cast<unsigned char>(one) ^ 0x5aU);
  }
  [[nodiscard]] std::size_t frame_left() const noexcept {
    return static_cast<unsigned char>(in_[0]) * 256U + static_cast<unsigned char>(in_[1]);
  }
  void set_frame_left(std::size_t size) noexcept {
    in_[0] = static_cast<char>(size / 256);
    in_[1] = static_cast<char>(size % 256);
  }
  [[nodiscard]] bool has_frame() const noexcept {
    return in_.size() >= 2 && in_.size() >= 2 + frame_left();
  }
  void put(std::string_view text) { out_ += text; }
  void put_length(std::size_t size) {
    out_ += static_cast<char>(size / 256);
    out_ += static_cast<char>(size % 256);
  }
  [[nodiscard]] std::ptrdiff_t fill(LayerWire& wire) noexcept {
    char room[read_max];
    const std::ptrdiff_t got = wire.read(std::as_writable_bytes(std::span{room}));
    if (got > 0) in_.append(room, static_cast<std::size_t>(got));
    return got;
  }
  /// False, and errno: something is left.
  [[nodiscard]] bool flush(LayerWire& wire) noexcept {
    while (!out_.empty()) {
      const std::ptrdiff_t taken = wire.write(std::as_bytes(std::span{out_}));
      if (taken < 0) return false;
      out_.erase(0, static_cast<std::size_t>(taken));
    }
    return true;
  }
  Handshake fail(CloseReason reason, std::string_view what) noexcept {
    failure_ = {reason, what};
    return Handshake::failed;
  }
  std::ptrdiff_t fail_to_read(CloseReason reason, std::string_view what) noexcept {
    (void)fail(reason, what);  // no handshake
    errno = EPROTO;
    return -1;
  }

  const Duration timeout_;
  std::string in_;
  std::string out_;
  std::size_t pending_ = 0;  // plain bytes of the frame that is in `out_`
  bool has_greeted_ = false;
  bool is_greeted_ = false;
  bool has_finished_ = false;
  Failure failure_;
};

class FramedLayers final : public StreamLayers {
 public:
  [[nodiscard]] Result<std::unique_ptr<StreamLayer>> make(std::string_view host) override {
    hosts.emplace_back(host);
    if (refuses) return Error{std::make_error_code(std::errc::permission_denied), "make a layer"};
    return std::unique_ptr<StreamLayer>{std::make_unique<FramedLayer>(timeout)};
  }

  std::vector<std::string> hosts;
  bool refuses = false;
  Duration timeout = std::chrono::minutes{10};
};

/// A text as on the wire.
inline std::string frame(std::string_view text) {
  std::string wire{static_cast<char>(text.size() / 256), static_cast<char>(text.size() % 256)};
  for (const char one : text) wire += static_cast<char>(one ^ 0x5a);
  return wire;
}

}  // namespace rondo::test
