// SPDX-License-Identifier: MIT
// A queue of bytes, which has no memory while it is empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include <rondo/net.h>

namespace rondo::sim {

class ByteQueue {
 public:
  static constexpr std::size_t copied_max = 256;

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - taken_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  void append(Bytes data) {
    if (taken_ > bytes_.size() / 2) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    bytes_.insert(bytes_.end(), data.begin(), data.end());
  }

  /// Moves as many bytes as fit; returns their number.
  std::size_t take(MutableBytes into) noexcept {
    const std::size_t count = std::min(into.size(), size());
    if (count != 0) std::memcpy(into.data(), bytes_.data() + taken_, count);
    drop(count);
    return count;
  }
  /// Moves the first `count` bytes to `into`, and replaces its contents. There must be that many.
  void take(std::size_t count, std::vector<std::byte>& into) {
    if (taken_ == 0 && bytes_.size() == count && count > copied_max) {
      into = std::move(bytes_);
      return clear();
    }
    into.resize(count);
    (void)take(MutableBytes{into});  // takes exactly `count`
  }
  void drop(std::size_t count) noexcept {
    taken_ += count;
    if (taken_ == bytes_.size()) clear();
  }
  void clear() noexcept {
    bytes_ = {};
    taken_ = 0;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t taken_ = 0;
};

}  // namespace rondo::sim
