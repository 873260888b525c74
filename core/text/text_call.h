// SPDX-License-Identifier: MIT
// The guard of the calls that a TextStream makes.
#pragma once

#include <utility>

#include <rondo/text_stream.h>

namespace rondo {

/// Calls of the handler are running: knows whether one of them has destroyed the TextStream.
class TextStream::Call {
 public:
  // Not inlined: g++ 12 would take `text.call_` for a pointer that dangles.
  [[gnu::noinline]] explicit Call(TextStream& text) noexcept
      : text_(&text), outer_(std::exchange(text.call_, this)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (text_ != nullptr) text_->call_ = outer_;
  }
  [[nodiscard]] bool text_is_gone() const noexcept { return text_ == nullptr; }
  static void end_all(Call* innermost) noexcept {
    for (Call* call = innermost; call != nullptr; call = call->outer_) call->text_ = nullptr;
  }

 private:
  TextStream* text_;
  Call* outer_;
};

}  // namespace rondo
