// SPDX-License-Identifier: MIT
// The cork: gathers what a stream writes inside its own on_data, so that the answer leaves in one
// system call.
#pragma once

#include <cstddef>
#include <cstring>

#include <rondo/net.h>

namespace rondo::detail {

class StreamImpl;

/// All streams of a reactor share one. It is free while no handler is called. During a call it is
/// held by the stream that is called, or, if that stream does not gather, blocked. So one
/// comparison after the call shows that the stream still exists, and that it still gathers.
class Cork {
 public:
  static constexpr std::size_t size = std::size_t{8} << 10U;

  [[nodiscard]] bool is_free() const noexcept { return holder_ == nullptr; }
  [[nodiscard]] bool is_held_by(const StreamImpl& stream) const noexcept {
    return holder_ == &stream;
  }
  void hold(const StreamImpl& stream) noexcept { holder_ = &stream; }
  /// What was gathered is dropped.
  void block() noexcept {
    holder_ = this;
    used_ = 0;
  }
  void release() noexcept { holder_ = nullptr; }

  /// Whether `stream` holds it, and there is room for `piece`, which is not empty.
  [[nodiscard]] bool accepts(const StreamImpl& stream, Bytes piece) const noexcept {
    return holder_ == &stream && piece.size() - 1 < size - used_;
  }
  [[nodiscard]] bool has_room(std::size_t more) const noexcept { return more <= size - used_; }
  /// There is room for `piece`.
  void append(Bytes piece) noexcept {
    std::byte* const end = data_ + used_;
    used_ += piece.size();
    std::memcpy(end, piece.data(), piece.size());
  }
  [[nodiscard]] bool empty() const noexcept { return used_ == 0; }
  [[nodiscard]] Bytes gathered() const noexcept { return {data_, used_}; }
  void clear() noexcept { used_ = 0; }

 private:
  const void* holder_ = nullptr;  // null: free; itself: blocked; else the stream
  std::size_t used_ = 0;
  std::byte data_[size];
};

}  // namespace rondo::detail
