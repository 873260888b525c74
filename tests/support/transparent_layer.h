// SPDX-License-Identifier: MIT
// A layer that does not show on the wire, so that whatever a stream does with one can be tested
// against plain peers. It reads ahead, hands its input out in small pieces, and writes in pieces.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include <rondo/stream_layer.h>

namespace rondo::test {

class TransparentLayer final : public StreamLayer {
 public:
  [[nodiscard]] Handshake shake_hands(LayerWire&) noexcept override {
    return steps_++ == 0 ? Handshake::done : Handshake::failed;
  }
  [[nodiscard]] std::ptrdiff_t read(LayerWire& wire, MutableBytes into) noexcept override {
    if (begin_ == end_) {
      const std::ptrdiff_t got = wire.read(ahead_);
      if (got <= 0) return got;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    const std::size_t size = std::min({end_ - begin_, into.size(), piece});
    std::memcpy(into.data(), ahead_.data() + begin_, size);
    begin_ += size;
    return static_cast<std::ptrdiff_t>(size);
  }
  [[nodiscard]] std::ptrdiff_t write(LayerWire& wire, Bytes data) noexcept override {
    return wire.write(data.first(std::min(data.size(), piece)));
  }
  [[nodiscard]] bool finish(LayerWire& wire) noexcept override {
    wire.shutdown();
    return true;
  }
  [[nodiscard]] bool has_input() const noexcept override { return begin_ != end_; }
  [[nodiscard]] const Failure* failure() const noexcept override { return nullptr; }

 private:
  static constexpr std::size_t piece = std::size_t{16} << 10U;

  std::array<std::byte, std::size_t{40} << 10U> ahead_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  int steps_ = 0;
};

class TransparentLayers final : public StreamLayers {
 public:
  [[nodiscard]] Result<std::unique_ptr<StreamLayer>> make(std::string_view) override {
    return std::unique_ptr<StreamLayer>{std::make_unique<TransparentLayer>()};
  }
};

}  // namespace rondo::test
