// SPDX-License-Identifier: MIT
// The version of the loaded library.
#include <rondo/version.h>

namespace rondo {

std::uint32_t library_version() noexcept { return headers_version; }

const char* library_version_string() noexcept { return RONDO_VERSION_STRING; }

}  // namespace rondo
