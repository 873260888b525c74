// SPDX-License-Identifier: MIT
// The head of a request: RFC 9112, and nothing that it merely tolerates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "request.h"

namespace http {

struct Parsed {
  enum class State : std::uint8_t { needs_more, done, refused };

  State state = State::needs_more;
  std::size_t size = 0;  // done: the bytes of the head
  int status = 0;        // refused: the status of the answer
};

/// Reads the head that `input` begins with, into `request`, whose texts are views of `input`.
/// Nothing is kept between calls: if more is needed, call it again with all of the input. It has
/// seen each line that is whole, so a bad one is refused before the others have arrived.
[[nodiscard]] Parsed parse_head(std::string_view input, const Limits& limits, Request& request);

/// By its name, with its capitals.
[[nodiscard]] Method method_of(std::string_view name) noexcept;

/// A line of a head, or of a trailer, without its end; but behind it there is a byte that no line
/// has: the CR, or a zero. False: it is none.
[[nodiscard]] bool parse_field(std::string_view line, Field& field) noexcept;

/// The text with its escapes (`%41`) replaced, in `decoded`. False: a bad escape, or a zero byte.
[[nodiscard]] bool decode_path(std::string_view path, std::string& decoded);

}  // namespace http
