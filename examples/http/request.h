// SPDX-License-Identifier: MIT
// A request, as the parser has understood it. Its texts are views of the input, which is valid
// while the request is answered.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <rondo/time.h>

#include "text.h"

namespace http {

enum class Method : std::uint8_t { get, head, post, put, patch, remove, options, unknown };
constexpr std::size_t methods_count = static_cast<std::size_t>(Method::unknown) + 1;

struct Field {
  std::string_view name;
  std::string_view value;  // without blanks around it
};

struct Request {
  static constexpr std::size_t fields_max = 100;

  std::string_view line;  // the request line, without its end; empty if it was malformed
  Method method = Method::unknown;
  std::string_view path;   // as sent, with its escapes
  std::string_view query;  // behind the `?`, which is not part of it
  int minor_version = 1;   // HTTP/1.x
  std::string_view host;

  std::array<Field, fields_max> fields;
  std::size_t fields_count = 0;

  std::uint64_t content_length = 0;
  bool is_chunked = false;
  bool expects_continue = false;
  bool keeps_alive = true;

  std::string_view body;  // whole, when a handler is called

  [[nodiscard]] bool has_body() const noexcept { return is_chunked || content_length > 0; }
  /// The value of the first field of this name; a null view if there is none.
  [[nodiscard]] std::string_view field(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < fields_count; ++i)
      if (is_same(fields[i].name, name)) return fields[i].value;
    return {};
  }
};

/// What a client may ask of the server.
struct Limits {
  std::size_t line_max = std::size_t{8} << 10U;  ///< the request line, or one field
  std::size_t head_max = std::size_t{16} << 10U;
  std::size_t fields_max = Request::fields_max;  ///< in a head; no more than this
  std::size_t body_max = std::size_t{1} << 20U;
  std::size_t chunk_overhead_max = std::size_t{16} << 10U;  ///< extensions and trailers of a body
  std::size_t requests_max = 100'000;                       ///< on one connection
  rondo::Duration head_timeout = std::chrono::seconds{10};  ///< from the first byte to the last
  rondo::Duration body_timeout = std::chrono::seconds{60};
};

}  // namespace http
