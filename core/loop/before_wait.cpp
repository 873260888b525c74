// SPDX-License-Identifier: MIT
// The public side of a hook before the wait. The calls are in wait_hooks.cpp.
#include <rondo/before_wait.h>
#include <rondo/reactor.h>

#include <memory>
#include <utility>

#include "loop.h"

namespace rondo {

BeforeWait::BeforeWait(Reactor& reactor, Function<void()> callback) {
  detail::Loop& loop = *reactor.loop_;
  loop.check_thread("BeforeWait's constructor");
  auto entry = std::make_unique<Entry>(loop, std::move(callback));
  loop.wait_hooks().add(*entry);
  entry_ = entry.release();
  loop.request_turn();
}

BeforeWait::BeforeWait(BeforeWait&& other) noexcept
    : entry_(std::exchange(other.entry_, nullptr)) {}

BeforeWait::~BeforeWait() {
  if (entry_ == nullptr) return;
  const std::unique_ptr<Entry> entry{entry_};
  entry->loop.check_thread("the destructor of BeforeWait");
  entry->loop.wait_hooks().remove(*entry);
}

}  // namespace rondo
