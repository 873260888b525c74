// Foreign text in a message.
#pragma once

#include <string>
#include <string_view>

namespace rondo::detail {

/// As it may stand in a message: in quotes, on one line, and not too long.
std::string quoted(std::string_view text);

}  // namespace rondo::detail
