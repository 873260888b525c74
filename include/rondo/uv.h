// rondo and libuv: a reactor inside your loop, and your handles inside rondo's. Present in builds
// with the uv backend. <uv.h> is yours to include.
#pragma once

#include <memory>

#include <rondo/backend.h>
#include <rondo/export.h>

struct uv_loop_s;

namespace rondo {

/// A backend driven by `loop`, which its owner runs: `Reactor reactor{host_on(loop)}`. The reactor
/// then works whenever uv_run does, and keeps it from returning while it has something to wait
/// for. `loop` outlives the reactor; after the reactor is destroyed, run the loop until uv_run
/// returns 0 before uv_loop_close, as with handles of your own. Thread: the loop's.
[[nodiscard]] RONDO_EXPORT Result<std::unique_ptr<HostedBackend>> host_on(uv_loop_s* loop);

/// The loop of a reactor's backend, for handles of your own, or null if it is not libuv's. They run
/// inside Reactor::run; close them, and let run_once() see it, before the reactor is destroyed.
/// They do not keep run() from returning: take a WorkGuard for that.
[[nodiscard]] RONDO_EXPORT uv_loop_s* uv_loop_of(Backend& backend) noexcept;

}  // namespace rondo
