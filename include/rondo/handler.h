// SPDX-License-Identifier: MIT
// rondo: the interface of objects that a reactor calls.
#pragma once

#include <rondo/ready.h>

namespace rondo {

/// Implement this class and register the object with Reactor::watch():
///
///     struct Printer final : rondo::Handler {
///       void on_ready(rondo::Ready ready) override { std::puts("something arrived"); }
///     };
class Handler {
 public:
  /// Called when the watched descriptor may be ready. `ready` is part of the current interest of
  /// the watch. It is a hint: a read or write may still return operation_would_block. Readiness is
  /// level-triggered: while data is left unread, the handler is called again. The callback may
  /// destroy anything except the reactor, including this handler. An exception leaves through
  /// Reactor::run().
  virtual void on_ready(Ready ready) = 0;

 protected:
  ~Handler() = default;
};

}  // namespace rondo
