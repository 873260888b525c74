// SPDX-License-Identifier: MIT
#include "misuse.h"

#include <cstdio>
#include <cstdlib>

namespace rondo::sim {

void misuse(std::string_view what) noexcept {
  warn(what);
  std::abort();
}

void warn(std::string_view what) noexcept {
  std::fprintf(stderr, "rondo::sim: %.*s\n", static_cast<int>(what.size()), what.data());
}

}  // namespace rondo::sim
