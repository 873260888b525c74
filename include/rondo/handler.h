// rondo: what a reactor calls.
#pragma once

#include <rondo/ready.h>

namespace rondo {

/// Implement it, and register the object with Reactor::watch.
class Handler {
 public:
  /// The watched descriptor may be able to do `ready`, which is part of what the watch asks for
  /// now. A hint: a read or write may still say operation_would_block. Level-triggered: what is
  /// left undone is told again. May destroy anything but the reactor, this handler included. An
  /// exception leaves through Reactor::run.
  virtual void on_ready(Ready ready) = 0;

 protected:
  ~Handler() = default;
};

}  // namespace rondo
