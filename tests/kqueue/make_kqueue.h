// What backends/kqueue.cpp offers; in a build with the backend, built_backends() leads to it.
#pragma once

#include <memory>

#include <rondo/backend.h>

namespace rondo::backends {

Result<std::unique_ptr<Backend>> make_kqueue();

}  // namespace rondo::backends
