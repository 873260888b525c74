// SPDX-License-Identifier: MIT
// Text from outside in a message.
#pragma once

#include <string>
#include <string_view>

namespace rondo::detail {

/// The text in quotes, on one line, and shortened if it is long.
std::string quoted(std::string_view text);

}  // namespace rondo::detail
