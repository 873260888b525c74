// SPDX-License-Identifier: MIT
// What the signals count as, SIGINT and SIGTERM together. The signal handler counts them
// (SignalInbox::insistent), so one counts too that arrives while a callback does not return.
//
//   first    begin(), and the deadline runs
//   second   stop()
//   third    has its default effect, inside the signal handler: it kills
#include <rondo/stop_on_signals.h>

#include <signal.h>

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <rondo/signal.h>
#include <rondo/timer.h>

#include "loop.h"
#include "used.h"

namespace rondo {

class StopOnSignals::Impl {
 public:
  Impl(Reactor& reactor, detail::Loop& loop, Function<void()> begin, Duration timeout)
      : reactor_(reactor),
        loop_(loop),
        begin_(std::move(begin)),
        timeout_(timeout),
        deadline_(reactor, [this] { reactor_.stop(); }) {
    deadline_.unref();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (insists_) loop_.signals().end_insisting();  // while the signals exist
  }

  Result<void> listen() {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      auto signal = Signal::make(reactor_, numbers[i], [this, i] { arrived(numbers[i]); });
      if (!signal) return std::move(signal).error();
      signal->unref();
      signals_[i].emplace(std::move(*signal));
    }
    loop_.signals().begin_insisting(detail::signal_bit(SIGINT) | detail::signal_bit(SIGTERM));
    insists_ = true;
    return {};
  }

  void check(const char* call) const noexcept { loop_.check_thread(call); }
  [[nodiscard]] int first() const noexcept { return first_; }

 private:
  static constexpr std::array numbers{SIGINT, SIGTERM};

  void arrived(int number) {
    const bool is_first = std::exchange(first_, first_ == 0 ? number : first_) == 0;
    const bool is_last = !is_first || loop_.signals().insistent_arrivals() > 1;
    if (is_last) return end();
    if (timeout_ != forever) deadline_.arm_after(timeout_);
    Function<void()> begin = std::move(begin_);  // the call may destroy this object
    begin();
  }

  /// Two of different numbers may be noticed together: run() is ended once.
  void end() {
    if (!std::exchange(has_ended_, true)) reactor_.stop();
  }

  Reactor& reactor_;
  detail::Loop& loop_;
  Function<void()> begin_;
  const Duration timeout_;
  Timer deadline_;
  std::array<std::optional<Signal>, numbers.size()> signals_;
  int first_ = 0;
  bool has_ended_ = false;
  bool insists_ = false;
};

Result<StopOnSignals> StopOnSignals::make(Reactor& reactor, Function<void()> begin,
                                          Duration timeout) {
  reactor.loop_->check_thread("StopOnSignals::make");
  auto impl = std::make_unique<Impl>(reactor, *reactor.loop_, std::move(begin), timeout);
  if (auto listens = impl->listen(); !listens) return std::move(listens).error();
  return StopOnSignals{std::move(impl)};
}

StopOnSignals::StopOnSignals(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

StopOnSignals::StopOnSignals(Reactor& reactor, Function<void()> begin, Duration timeout)
    : StopOnSignals(make(reactor, std::move(begin), timeout).value_or_throw()) {}

StopOnSignals::StopOnSignals(Reactor& reactor)
    : StopOnSignals(reactor, [&reactor] { reactor.stop(); }) {}

StopOnSignals::StopOnSignals(StopOnSignals&& other) noexcept = default;
StopOnSignals::~StopOnSignals() {
  if (impl_ != nullptr) impl_->check("the destructor of StopOnSignals");
}

int StopOnSignals::signal() const noexcept {
  return detail::used(impl_.get(), "StopOnSignals::signal").first();
}

}  // namespace rondo
