// SPDX-License-Identifier: MIT
// cache: the replies to one client, gathered so that those to many requests leave in one piece.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <rondo/stream.h>

#include "number.h"

namespace cache {

/// Where replies are gathered. All clients share one: it is empty between their calls.
class ReplyBuffer {
 public:
  static constexpr std::size_t size = std::size_t{16} << 10U;

  ReplyBuffer() : memory_(size) {}
  [[nodiscard]] char* data() noexcept { return memory_.data(); }

 private:
  std::vector<char> memory_;
};

/// The replies to one client during one call. What the buffer cannot hold goes to the stream at
/// once, in its order; the rest does with flush().
class Reply {
 public:
  Reply(rondo::Stream& client, ReplyBuffer& buffer) noexcept
      : client_(client), begin_(buffer.data()), end_(begin_) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() = default;

  void ok() { raw("+OK\r\n"); }
  void null() { raw("$-1\r\n"); }
  void status(std::string_view text) { line('+', text); }
  void integer(std::int64_t number) { number_line(':', number); }
  void integer(const Digits& digits) { line(':', digits.text()); }
  /// So many replies follow, which are its elements.
  void array(std::size_t size) { number_line('*', static_cast<std::int64_t>(size)); }
  void bulk(std::string_view text);
  /// `-ERR what`. Line breaks become spaces.
  void error(std::string_view what);
  void error_with_code(std::string_view text) { line('-', text); }

  void flush();
  /// The client does not take its replies as fast as it gets them.
  [[nodiscard]] bool is_slow() const noexcept { return slow_; }

 private:
  static constexpr std::size_t line_extra = 3;  // a type, and the end of the line
  static constexpr std::size_t number_line_max = line_extra + Digits::size_max;

  [[nodiscard]] bool has_room(std::size_t more) const noexcept {
    return more <= ReplyBuffer::size - static_cast<std::size_t>(end_ - begin_);
  }
  void put(std::string_view text) noexcept { end_ += text.copy(end_, text.size()); }
  void raw(std::string_view text) {
    if (!has_room(text.size())) flush();
    put(text);
  }
  void line(char type, std::string_view text) {
    if (!has_room(text.size() + line_extra)) return long_line(type, text);
    *end_++ = type;
    put(text);
    put("\r\n");
  }
  void number_line(char type, std::int64_t number) {
    if (!has_room(number_line_max)) flush();
    put_number_line(type, number);
  }
  void put_number_line(char type, std::int64_t number) noexcept {
    *end_++ = type;
    end_ = std::to_chars(end_, end_ + Digits::size_max, number).ptr;
    put("\r\n");
  }
  void long_line(char type, std::string_view text);
  void long_bulk(std::string_view text);
  void send(std::span<const rondo::Bytes> parts);

  rondo::Stream& client_;
  char* const begin_;
  char* end_;
  bool slow_ = false;
};

}  // namespace cache
