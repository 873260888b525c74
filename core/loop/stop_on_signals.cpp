// What the signals count as. A signal that comes while the one before it has not been noticed,
// since a callback takes long, counts too, by the help of the signal handler (SignalInbox::again).
//
//   first    begin(), and the deadline runs
//   second   stop(); the signals have their default effect again
//   third    kills
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

  Result<void> listen() {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      auto signal = Signal::make(reactor_, numbers[i], [this, i] { arrived(numbers[i]); });
      if (!signal) return std::move(signal).error();
      signal->unref();
      loop_.signals().insist_on(numbers[i]);
      signals_[i].emplace(std::move(*signal));
    }
    return {};
  }

  void check(const char* call) const noexcept { loop_.check_thread(call); }
  [[nodiscard]] int first() const noexcept { return first_; }

 private:
  static constexpr std::array numbers{SIGINT, SIGTERM};

  void arrived(int number) {
    const bool is_first = std::exchange(first_, first_ == 0 ? number : first_) == 0;
    if (!is_first || loop_.signals().arrived_again(number)) return end();
    if (timeout_ != forever) deadline_.arm_after(timeout_);
    Function<void()> begin = std::move(begin_);  // the call may destroy this object
    begin();
  }

  void end() {
    reactor_.stop();
    for (auto& signal : signals_) signal.reset();
  }

  Reactor& reactor_;
  detail::Loop& loop_;
  Function<void()> begin_;
  const Duration timeout_;
  Timer deadline_;
  std::array<std::optional<Signal>, numbers.size()> signals_;
  int first_ = 0;
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
    : StopOnSignals(detail::value_or_throw(make(reactor, std::move(begin), timeout))) {}

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
