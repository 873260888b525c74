// SPDX-License-Identifier: MIT
#include "reply.h"

#include <algorithm>
#include <array>
#include <string>

namespace cache {
namespace {

rondo::Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

}  // namespace

void Reply::bulk(std::string_view text) {
  if (!has_room(number_line_max + text.size() + line_extra)) [[unlikely]]
    return long_bulk(text);
  put_number_line('$', static_cast<std::int64_t>(text.size()));
  put(text);
  put("\r\n");
}

void Reply::long_bulk(std::string_view text) {
  number_line('$', static_cast<std::int64_t>(text.size()));
  if (text.size() > ReplyBuffer::size / 2) {  // not copied, if the system takes it
    const std::array parts{bytes_of({begin_, static_cast<std::size_t>(end_ - begin_)}),
                           bytes_of(text), bytes_of("\r\n")};
    end_ = begin_;
    return send(parts);
  }
  raw(text);
  raw("\r\n");
}

void Reply::error(std::string_view what) {
  std::string text{"ERR "};
  text += what;
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  line('-', text);
}

void Reply::long_line(char type, std::string_view text) {
  flush();
  if (has_room(text.size() + line_extra)) return line(type, text);
  const std::array parts{bytes_of({&type, 1}), bytes_of(text), bytes_of("\r\n")};
  send(parts);
}

void Reply::flush() {
  if (end_ == begin_) return;
  const rondo::WriteStatus status =
      client_.write(std::string_view{begin_, static_cast<std::size_t>(end_ - begin_)});
  end_ = begin_;
  if (status != rondo::WriteStatus::accepted) slow_ = true;
}

void Reply::send(std::span<const rondo::Bytes> parts) {
  if (client_.write_parts(parts) != rondo::WriteStatus::accepted) slow_ = true;
}

}  // namespace cache
