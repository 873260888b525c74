// SPDX-License-Identifier: MIT
// The number before a frame, in bytes.
#pragma once

#include <cstdint>

#include <rondo/framing.h>

namespace rondo::detail {

/// A format that is not valid is reported, and made valid.
[[nodiscard]] LengthFormat checked(LengthFormat format) noexcept;
/// `prefix` has format.size bytes.
[[nodiscard]] std::uint64_t parse_length(Bytes prefix, LengthFormat format) noexcept;

}  // namespace rondo::detail
