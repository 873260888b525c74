// SPDX-License-Identifier: MIT
// Timers against a model that is obviously correct, a sorted map. RONDO_SEED replays a run.
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <rondo/timer.h>

#include "support/manual_reactor.h"
#include "support/seed.h"

namespace rondo::test {
namespace {

class TimerModel : public ManualReactor {
 protected:
  static constexpr std::size_t timers_max = 300;
  static constexpr int operations_max = 100'000;

  struct Modelled {
    std::unique_ptr<Timer> timer;
    bool armed = false;
    TimePoint deadline;
    std::uint64_t order = 0;
    Duration period{-1};
  };
  using Key = std::pair<TimePoint, std::uint64_t>;

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_);
  }
  Duration some_delay() {
    // Few different values, so that deadlines are often equal; some lie beyond the end of the test.
    return below(20) == 0 ? Duration{1'000'000} : Duration{static_cast<int>(below(40)) * 5};
  }

  void arm_in_model(std::size_t i, TimePoint deadline, Duration period) {
    Modelled& m = modelled_[i];
    drop_from_model(i);
    m.armed = true;
    m.deadline = deadline;
    m.order = ++orders_;
    m.period = period;
    queue_.emplace(Key{m.deadline, m.order}, i);
  }
  void drop_from_model(std::size_t i) {
    Modelled& m = modelled_[i];
    if (!m.armed) return;
    queue_.erase({m.deadline, m.order});
    due_.erase({m.deadline, m.order});
    m.armed = false;
  }

  /// Applies one random operation to one random timer, and to the model.
  void operate() {
    ++operations_;
    const std::size_t i = below(timers_max);
    Modelled& m = modelled_[i];
    switch (below(6)) {
      case 0:
      case 1: {
        const Duration delay = some_delay();
        m.timer->arm_after(delay);
        arm_in_model(i, backend.time() + delay, Duration{-1});
        break;
      }
      case 2: {
        const TimePoint deadline = backend.time() + some_delay() - Duration{30};
        m.timer->arm_at(deadline);
        arm_in_model(i, deadline, Duration{-1});
        break;
      }
      case 3: {
        const Duration period = some_delay();
        m.timer->arm_every(period);
        arm_in_model(i, backend.time() + period, period);
        break;
      }
      case 4:
        m.timer->cancel();
        drop_from_model(i);
        break;
      case 5:
        replace(i);
        break;
    }
    EXPECT_EQ(m.timer->armed(), m.armed);
    EXPECT_EQ(m.timer->deadline(), m.armed ? m.deadline : never);
  }

  /// Destroys the timer, or moves it to another object.
  void replace(std::size_t i) {
    Modelled& m = modelled_[i];
    if (below(2) == 0) {
      m.timer = std::make_unique<Timer>(std::move(*m.timer));
    } else {
      m.timer = std::make_unique<Timer>(reactor, [this, i] { fired(i); });
      drop_from_model(i);
    }
  }

  void fired(std::size_t i) {
    ++fired_;
    ASSERT_FALSE(due_.empty()) << "fired without being due: " << i;
    ASSERT_EQ(due_.begin()->second, i) << "out of order";
    Modelled& m = modelled_[i];
    const Duration period = m.period;
    const TimePoint deadline = m.deadline;
    drop_from_model(i);
    if (period >= Duration::zero()) {
      const Duration late = pass_time_ - deadline;
      const auto missed = period == Duration::zero() ? 0 : late / period;
      EXPECT_EQ(m.timer->missed(), static_cast<std::uint64_t>(missed));
      arm_in_model(i, period == Duration::zero() ? pass_time_ : deadline + (missed + 1) * period,
                   period);
    }
    for (std::size_t n = below(4); n > 0; --n) operate();
    if (below(10) == 0) backend.advance(Duration{static_cast<int>(below(20))});
  }

  void pass() {
    pass_time_ = backend.time();
    const auto end = queue_.upper_bound({pass_time_, ~std::uint64_t{0}});
    due_.insert(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    turn();
    EXPECT_TRUE(due_.empty()) << due_.size() << " timers that were due did not fire";
    queue_.merge(due_);
    due_.clear();
  }

  std::mt19937_64 random_{chosen_seed()};
  std::vector<Modelled> modelled_{timers_max};
  std::map<Key, std::size_t> queue_;
  std::map<Key, std::size_t> due_;  // in the pass that is running
  TimePoint pass_time_{};
  std::uint64_t orders_ = 0;
  int operations_ = 0;
  int fired_ = 0;
};

TEST_F(TimerModel, AgreesOnEveryStep) {
  for (std::size_t i = 0; i < timers_max; ++i) {
    modelled_[i].timer = std::make_unique<Timer>(reactor, [this, i] { fired(i); });
  }
  while (operations_ < operations_max && !HasFailure()) {
    for (std::size_t n = below(20); n > 0; --n) operate();
    backend.advance(Duration{static_cast<int>(below(30))});
    pass();
    EXPECT_EQ(reactor.alive(), !queue_.empty());
  }
  EXPECT_GT(fired_, operations_max / 20);
}

}  // namespace
}  // namespace rondo::test
