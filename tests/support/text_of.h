// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <rondo/net.h>

namespace rondo::test {

inline Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }
inline std::string text_of(Bytes data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace rondo::test
