// The signal as its user holds it. What a signal handler does is in signal_hub.cpp.
#include <rondo/reactor.h>
#include <rondo/signal.h>

#include <memory>
#include <string>
#include <utility>

#include "core.h"

namespace rondo {

Result<Signal, Error> Signal::make(Reactor& reactor, int number, Function<void()> callback) {
  detail::Core& core = *reactor.core_;
  core.check_thread();
  auto entry = std::make_unique<Entry>(core, number, true, std::move(callback));
  if (const std::error_code error = core.signals().add(*entry)) {
    return Error{error, "listen to signal " + std::to_string(number)};
  }
  core.nudge();
  return Signal{entry.release()};
}

Signal::Signal(Reactor& reactor, int number, Function<void()> callback)
    : Signal(detail::value_or_throw(make(reactor, number, std::move(callback)))) {}

Signal::Signal(Signal&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}

Signal::~Signal() {
  if (entry_ == nullptr) return;
  const std::unique_ptr<Entry> entry{entry_};
  entry->core.check_thread();
  entry->core.signals().remove(*entry);
  entry->core.nudge();
}

int Signal::number() const noexcept { return entry_->number; }

void Signal::ref() noexcept {
  entry_->referenced = true;
  entry_->core.nudge();
}

void Signal::unref() noexcept {
  entry_->referenced = false;
  entry_->core.nudge();
}

}  // namespace rondo
