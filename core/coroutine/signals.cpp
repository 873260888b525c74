// SPDX-License-Identifier: MIT
#include <rondo/signals.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <rondo/signal.h>

#include "task_context.h"

namespace rondo {

class Signals::Impl {
 public:
  explicit Impl(Reactor& reactor) noexcept : reactor_(reactor) {}

  [[nodiscard]] Result<void> listen(std::initializer_list<int> numbers) {
    arrived_.reserve(numbers.size());  // so that come() cannot fail
    signals_.reserve(numbers.size());
    for (const int number : numbers) {
      auto signal = Signal::make(reactor_, number, [this, number] { come(number); });
      if (!signal) return std::move(signal).error();
      signal->unref();
      signals_.push_back(std::move(*signal));
    }
    return {};
  }

  [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }
  [[nodiscard]] detail::WaitPlace& place() noexcept { return place_; }
  [[nodiscard]] bool has_some() const noexcept { return !arrived_.empty(); }
  [[nodiscard]] int take() noexcept {
    const int number = arrived_.front();
    arrived_.erase(arrived_.begin());
    return number;
  }

 private:
  /// The task that is resumed may destroy this object.
  void come(int number) {
    if (std::find(arrived_.begin(), arrived_.end(), number) == arrived_.end())
      arrived_.push_back(number);
    place_.resume();
  }

  Reactor& reactor_;
  std::vector<int> arrived_;
  std::vector<Signal> signals_;
  detail::WaitPlace place_{"Signals::next"};
};

Signals::Signals(Reactor& reactor, std::initializer_list<int> numbers)
    : Signals(make(reactor, numbers).value_or_throw()) {}
Signals::Signals(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Signals::Signals(Signals&& other) noexcept = default;
Signals::~Signals() = default;

Result<Signals> Signals::make(Reactor& reactor, std::initializer_list<int> numbers) {
  detail::check_thread(reactor, "Signals::make");
  auto impl = std::make_unique<Impl>(reactor);
  if (auto listens = impl->listen(numbers); !listens) return std::move(listens).error();
  return Signals{std::move(impl)};
}

bool Signals::Next::await_ready() const noexcept { return impl_.has_some(); }

void Signals::Next::suspend(detail::TaskPromise& task) {
  work_guard_ = impl_.reactor().work_guard();
  suspend_at(impl_.place(), task);
}

int Signals::Next::await_resume() noexcept { return impl_.take(); }

}  // namespace rondo
