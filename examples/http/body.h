// SPDX-License-Identifier: MIT
// The body of a request, as it arrives: in chunks, or with a length that is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "request.h"

namespace http {

class Body {
 public:
  /// `request` was parsed; its length is within the limits, which outlive the body.
  Body(const Request& request, const Limits& limits);

  /// Takes from `input` what belongs to the body, and returns how much that was.
  std::size_t feed(std::string_view input);

  [[nodiscard]] bool is_done() const noexcept { return state_ == State::done; }
  /// The status of the answer to a body that is malformed or too large; 0: it is neither.
  [[nodiscard]] int refusal() const noexcept { return refusal_; }
  /// What has arrived.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  enum class State : std::uint8_t { content, chunk_size, chunk, chunk_end, trailer, done };

  std::size_t take_content(std::string_view input);
  std::size_t take_line(std::string_view input);
  void read_line(std::string_view line);
  void read_chunk_size(std::string_view line);
  void refuse(int status) noexcept;

  const Limits& limits_;
  State state_;
  std::uint64_t left_ = 0;    // bytes of the content, or of the chunk
  std::size_t overhead_ = 0;  // bytes of extensions and trailers
  int refusal_ = 0;
  std::string line_;  // the beginning of a line that has not arrived whole
  std::string text_;
};

}  // namespace http
