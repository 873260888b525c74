// SPDX-License-Identifier: MIT
#include <rondo/resolve.h>

#include <utility>

#include "names/target.h"
#include "stream/stream_context.h"
#include "task_context.h"

namespace rondo {

/// False: the target is an address.
bool Resolving::suspend(detail::TaskPromise& task) {
  Reactor& reactor = task.context().reactor();
  if (question_.resolver == nullptr) {
    question_.resolver = &detail::StreamContext::of(reactor).resolver(reactor);
    if (question_.host.find(':') != std::string_view::npos) {  // else a name without a port
      const auto target = detail::parse_target(question_.host).value_or_throw();
      if (target.endpoint) {
        result_.emplace(std::vector{*target.endpoint});
        return false;
      }
      question_.host = target.host;
      question_.port = target.port;
    }
  }
  const auto resolved = [this](Result<std::vector<Endpoint>> result) {
    result_.emplace(std::move(result));
    wait_.resume();
  };
  lookup_ = question_.resolver->resolve(question_.host, question_.port, resolved, question_.family);
  wait_.suspend(task, "resolve");
  return true;
}

std::vector<Endpoint> Resolving::await_resume() { return std::move(*result_).value_or_throw(); }

}  // namespace rondo
