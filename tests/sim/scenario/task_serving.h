// SPDX-License-Identifier: MIT
// A server whose clients are served by tasks.
#pragma once

#include <string_view>

#include <rondo/coroutine.h>
#include <rondo/rondo.h>

#include "serving.h"

namespace rondo::sim::scenario {

/// A subclass says only how it answers.
class TaskServing : public Serving {
 protected:
  TaskServing(Site& site, std::string_view role, std::string_view where)
      : Serving(site, role, where) {}

 private:
  /// All that it does until no more input comes; it may throw Disconnected, and is cancelled now
  /// and then when the server drains.
  virtual Task<> answer(Connection& client, StreamCheck& calls) = 0;

  Result<Server> serve_now() final;
  Task<> converse(Connection& client, StreamCheck& calls);
};

}  // namespace rondo::sim::scenario
