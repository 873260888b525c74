// SPDX-License-Identifier: MIT
// The function that backends/kqueue.cpp defines. Where the library has this backend,
// built_backends() leads to it.
#pragma once

#include <memory>

#include <rondo/backend.h>

namespace rondo::backends {

Result<std::unique_ptr<Backend>, std::error_code> make_kqueue();

}  // namespace rondo::backends
