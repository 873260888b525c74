// SPDX-License-Identifier: MIT
// The public side of a signal. The work of the signal handler is in signal_hub.cpp.
#include <rondo/reactor.h>
#include <rondo/signal.h>

#include <memory>
#include <string>
#include <utility>

#include "loop.h"

namespace rondo {

Result<Signal> Signal::make(Reactor& reactor, int number, Function<void()> callback) {
  detail::Loop& loop = *reactor.loop_;
  loop.check_thread("Signal::make");
  auto entry = std::make_unique<Entry>(loop, number, true, std::move(callback));
  if (const std::error_code error = loop.signals().add(*entry)) {
    return Error{error, "listen to signal " + std::to_string(number)};
  }
  loop.request_turn();
  return Signal{entry.release()};
}

Signal::Signal(Reactor& reactor, int number, Function<void()> callback)
    : Signal(make(reactor, number, std::move(callback)).value_or_throw()) {}

Signal::Signal(Signal&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}

Signal::~Signal() {
  if (entry_ == nullptr) return;
  const std::unique_ptr<Entry> entry{entry_};
  entry->loop.check_thread("the destructor of Signal");
  entry->loop.signals().remove(*entry);
  entry->loop.request_turn();
}

int Signal::number() const noexcept {
  RONDO_REQUIRE(entry_ != nullptr, "Signal::number", detail::moved_from);
  entry_->loop.check_thread("Signal::number");
  return entry_->number;
}

void Signal::ref() noexcept {
  RONDO_REQUIRE(entry_ != nullptr, "Signal::ref", detail::moved_from);
  entry_->loop.check_thread("Signal::ref");
  entry_->referenced = true;
  entry_->loop.request_turn();
}

void Signal::unref() noexcept {
  RONDO_REQUIRE(entry_ != nullptr, "Signal::unref", detail::moved_from);
  entry_->loop.check_thread("Signal::unref");
  entry_->referenced = false;
  entry_->loop.request_turn();
}

}  // namespace rondo
