// SPDX-License-Identifier: MIT
// What every call of a public object requires, checked in builds with assertions.
#pragma once

#include <rondo/assert.h>

namespace rondo::detail {

/// The implementation behind a public object, for the function `call` of it: the object must not
/// be empty, and this must be the reactor's thread. Impl::check(call) checks the latter.
template <typename Impl>
Impl& used(Impl* impl, const char* call) noexcept {
  RONDO_REQUIRE(impl != nullptr, call, moved_from);
  impl->check(call);
  return *impl;
}

}  // namespace rondo::detail
