// SPDX-License-Identifier: MIT
// rondo and libuv: a reactor inside your libuv loop, or your handles inside the loop of a reactor.
// Installed with builds that have the uv backend. Include <uv.h> yourself.
#pragma once

#include <memory>

#include <rondo/backend.h>
#include <rondo/export.h>

struct uv_loop_s;

namespace rondo {

/// A backend for a reactor inside `loop`, which you run: `Reactor reactor{host_on(loop)}`, which
/// throws std::system_error if this returns an error. The reactor works while uv_run runs, and
/// keeps it from returning while it waits for something. Destroy the reactor before the loop; then
/// run the loop until uv_run returns 0 before uv_loop_close, as with handles of your own. Use the
/// reactor on the thread of the loop. Start prepare handles that may close a descriptor of the
/// reactor after this call: libuv runs the last one started first.
[[nodiscard]] RONDO_EXPORT Result<std::unique_ptr<HostedBackend>> host_on(uv_loop_s* loop);

/// The loop of a backend, for handles of your own; null if the backend does not use libuv. Their
/// callbacks run inside Reactor::run(), and may use the reactor. Use it on the reactor's thread.
/// Before you destroy the reactor, close the handles and call run_once(), which runs the close
/// callbacks. They do not keep run() from returning: use a WorkGuard for that.
[[nodiscard]] RONDO_EXPORT uv_loop_s* uv_loop_of(Backend& backend) noexcept;

}  // namespace rondo
