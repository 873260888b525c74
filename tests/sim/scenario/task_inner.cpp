// SPDX-License-Identifier: MIT
// Actors of coroutines without a network: tasks that sleep, and tasks that wait for each other.
// What they do is cancelled as a whole now and then, and goes on where it was.
#include <utility>

#include "cast.h"
#include "task_actor.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskClockwork final : public TaskActor {
 public:
  explicit TaskClockwork(Site& site)
      : TaskActor(site, "task clockwork"), left_(5 + scene().draw(30)) {}
  ~TaskClockwork() override { ends(); }

  [[nodiscard]] bool is_over() const override { return left_ == 0 && !is_acting(); }
  void wind_down() override { left_ = 0; }

 private:
  Task<> act() override {
    TaskGroup hands{reactor()};
    for (std::uint64_t count = 1 + scene().draw(5); count > 0; --count) hands.spawn(strike());
    co_await hands.join();
  }

  Task<> strike() {
    while (left_ > 0) {
      --left_;
      const std::uint64_t before = cancelled();
      const TimePoint due = reactor().now() + scene().draw_time(3s);
      switch (scene().draw(4)) {
        case 0:
          co_await sleep_until(due);
          break;
        case 1:
          co_await sleep(due - reactor().now());
          break;
        case 2: {
          const TimePoint other = reactor().now() + scene().draw_time(3s);
          const auto first = co_await when_any(sleep_until(due), sleep_until(other));
          expect((first.index() == 0) == (due <= other), "the later one of two points in time");
          break;
        }
        default:
          co_await when_all(sleep_until(due), turn());
          break;
      }
      expect(cancelled() == before, "a task that was cancelled went on");
      act_up();
    }
  }

  std::uint64_t left_;
};

/// Numbers go through a queue, one after the other.
class TaskWorker final : public TaskActor {
 public:
  explicit TaskWorker(Site& site)
      : TaskActor(site, "task worker"),
        total_(20 + scene().draw(100)),
        places_max_(1 + scene().draw(3)),
        numbers_(1 + scene().draw(4)),
        places_(places_max_) {}
  ~TaskWorker() override { ends(); }

  [[nodiscard]] bool is_over() const override { return popped_ == total_ && !is_acting(); }
  [[nodiscard]] std::string describe() const override {
    return who() + ": " + std::to_string(pushed_) + " pushed, " + std::to_string(popped_) +
           " popped of " + std::to_string(total_);
  }
  void check() override {
    expect(pushed_ - popped_ == numbers_.size(), "a number is lost in the queue");
  }

 private:
  Task<> act() override {
    expect(places_.available() == places_max_ && !turns_.is_locked(), "a permit is lost");
    TaskGroup group{reactor()};
    for (std::uint64_t count = 1 + scene().draw(3); count > 0; --count) group.spawn(push());
    for (std::uint64_t count = 1 + scene().draw(5); count > 0; --count) group.spawn(pop());
    co_await when_any(end_.wait(), group.join());
    expect(popped_ == total_, "an event that did not happen");
    co_await group.join();
  }

  [[nodiscard]] Duration patience() const {
    return scene().one_in(2) ? forever : scene().draw_time(300ms);
  }

  Task<> push() {
    while (pushed_ < total_) {
      const auto lock = co_await turns_.lock();
      if (pushed_ == total_) co_return;
      const std::uint64_t before = cancelled();
      const auto done = co_await timeout(patience(), numbers_.push(pushed_));
      expect(cancelled() == before, "a task that was cancelled went on");
      if (done) ++pushed_;
      if (scene().one_in(4)) co_await sleep(scene().draw_time(300ms));
      act_up();
    }
  }

  Task<> pop() {
    while (popped_ < total_) {
      auto place = co_await timeout(patience(), places_.acquire());
      if (!place) continue;
      const auto number = co_await timeout(patience(), numbers_.pop());
      if (number && *number) expect(**number == popped_++, "not the number that follows");
      if (scene().one_in(2)) place->release();
      if (scene().one_in(4)) co_await sleep(scene().draw_time(300ms));
      act_up();
    }
    numbers_.close();  // the others wait for nothing
    end_.set();
  }

  const std::uint64_t total_;
  const std::size_t places_max_;
  std::uint64_t pushed_ = 0;
  std::uint64_t popped_ = 0;
  Queue<std::uint64_t> numbers_;
  Mutex turns_;  // for those that push
  Semaphore places_;
  Event end_;
};

}  // namespace

std::unique_ptr<Actor> make_task_clockwork(Site& site) {
  return std::make_unique<TaskClockwork>(site);
}
std::unique_ptr<Actor> make_task_worker(Site& site) { return std::make_unique<TaskWorker>(site); }

}  // namespace rondo::sim::scenario
