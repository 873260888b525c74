// SPDX-License-Identifier: MIT
// rondo: a call before each wait, for libraries that must act before their thread sleeps.
#pragma once

#include <rondo/export.h>
#include <rondo/function.h>

namespace rondo {

class Reactor;
namespace detail {
class Loop;
}

/// Calls `callback` before each wait of the reactor, after the work of the turn. It may use the
/// reactor in any way: if it leaves work to do, the reactor does not sleep. Libraries with buffers
/// of their own need it: wl_display_flush() of Wayland, XPending() of Xlib, mosquitto_want_write().
/// In a hosted reactor it is called at the end of each turn; in a nested one also by
/// Reactor::next_deadline(), after which its caller sleeps. It does not keep run() from returning.
/// An exception leaves through Reactor::run(). Several are called in the order in which they were
/// made. Destroying it ends the calls, also from inside one. Destroy it before the reactor. Use it
/// on the reactor's thread only.
///
///     rondo::BeforeWait flush{reactor, [&] { wl_display_flush(display); }};
class RONDO_EXPORT BeforeWait {
 public:
  /// The calls begin with the next wait. Throws std::bad_alloc.
  BeforeWait(Reactor& reactor, Function<void()> callback);
  BeforeWait(BeforeWait&& other) noexcept;
  BeforeWait& operator=(BeforeWait&& other) = delete;
  ~BeforeWait();

  struct Entry;

 private:
  Entry* entry_;
};

}  // namespace rondo
