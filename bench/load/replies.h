// SPDX-License-Identifier: MIT
// paced: where a reply ends, in the protocols that it speaks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace paced {

enum class Protocol : std::uint8_t { http, resp, memcached };

struct Reply {
  std::size_t size = 0;  ///< bytes from the beginning of the input; 0: not all of it is there
  bool is_good = false;  ///< false: the server refused the request
};

/// The first reply in `input`. Only what benchmarks ask for: HTTP with a Content-Length, RESP
/// without arrays, and memcached's get and set. Nothing: this is none of these.
std::optional<Reply> first_reply(Protocol protocol, std::string_view input);

}  // namespace paced
