// SPDX-License-Identifier: MIT
#include <rondo/lent_bytes.h>

#include "task_context.h"

namespace rondo::detail {

namespace {

constinit thread_local std::uint32_t lendings = 1;  // 0: what was lent is not checked

}  // namespace

std::uint32_t lending() noexcept { return lendings; }
void end_lending_now() noexcept { ++lendings; }
void restore_lending(std::uint32_t lending) noexcept { lendings = lending; }

}  // namespace rondo::detail
