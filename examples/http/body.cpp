// SPDX-License-Identifier: MIT
// A chunked body is a sequence of lines and of chunks (RFC 9112, 7.1):
//
//   chunk_size  "5;extension" CR LF   ->  chunk, or trailer if the size is 0
//   chunk       5 bytes               ->  chunk_end
//   chunk_end   CR LF                 ->  chunk_size
//   trailer     "name: value" CR LF   ->  trailer, or done at an empty line
//
// Extensions and trailers are checked, counted together against one limit, and dropped.
#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "body.h"
#include "parser.h"

namespace http {
namespace {

constexpr std::size_t size_digits_max = 16;

}  // namespace

Body::Body(const Request& request, const Limits& limits)
    : limits_(limits),
      state_(request.is_chunked ? State::chunk_size : State::content),
      left_(request.content_length) {
  if (state_ == State::content && left_ == 0) state_ = State::done;
}

std::size_t Body::feed(std::string_view input) {
  std::size_t used = 0;
  while (used < input.size() && refusal_ == 0 && !is_done()) {
    const std::string_view rest = input.substr(used);
    const bool is_content = state_ == State::content || state_ == State::chunk;
    used += is_content ? take_content(rest) : take_line(rest);
  }
  return used;
}

std::size_t Body::take_content(std::string_view input) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  text_.append(input.substr(0, size));
  left_ -= size;
  if (left_ == 0) state_ = state_ == State::chunk ? State::chunk_end : State::done;
  return size;
}

std::size_t Body::take_line(std::string_view input) {
  const std::size_t end = input.find('\n');
  const std::size_t size = end == std::string_view::npos ? input.size() : end + 1;
  if (state_ != State::chunk_end) overhead_ += size;
  line_.append(input.substr(0, size));
  if (overhead_ > limits_.chunk_overhead_max || line_.size() > limits_.line_max) {
    refuse(state_ == State::trailer ? 431 : 400);
  } else if (end != std::string_view::npos) {
    const std::string line = std::exchange(line_, {});
    if (line.ends_with("\r\n")) {
      read_line(std::string_view{line}.substr(0, line.size() - 2));
    } else {
      refuse(400);
    }
  } else if (state_ == State::chunk_end && line_ != "\r") {
    refuse(400);
  }
  return size;
}

void Body::read_line(std::string_view line) {
  if (state_ == State::chunk_size) return read_chunk_size(line);
  if (state_ == State::chunk_end) {
    if (!line.empty()) return refuse(400);
    state_ = State::chunk_size;
  } else if (line.empty()) {
    state_ = State::done;
  } else {
    Field dropped;
    if (!parse_field(line, dropped)) refuse(400);
  }
}

void Body::read_chunk_size(std::string_view line) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const auto digits = static_cast<std::size_t>(end - line.data());
  if (error == std::errc::invalid_argument || digits > size_digits_max) return refuse(400);
  if (error != std::errc{} || left_ > limits_.body_max - text_.size()) return refuse(413);
  const std::string_view extension = line.substr(digits);
  Field checked;
  if (!extension.empty()) {
    // The same characters as in a field, behind a semicolon.
    if (extension.front() != ';' || !parse_field("x:" + std::string{extension}, checked))
      return refuse(400);
  }
  overhead_ -= digits + 2;  // what a chunk without an extension needs is no overhead
  state_ = left_ == 0 ? State::trailer : State::chunk;
}

void Body::refuse(int status) noexcept { refusal_ = status; }

}  // namespace http
