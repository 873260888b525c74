// SPDX-License-Identifier: MIT
// A forest of tasks, each of which does what the input says: it waits, calls others, gives them
// deadlines, throws, and cancels, maybe itself. Beside it is a model: which tasks exist, how each
// has ended, what each waits for, and the order of each line of waiting tasks.
#include <memory>
#include <optional>
#include <utility>

#include "fuzz/target.h"
#include "fuzz/tasks_model.h"
#include "support/manual_backend.h"

namespace rondo::fuzz {
namespace {

class Machine final : private Forest {
 public:
  explicit Machine(Input& input) : input_(input) {
    auto made = std::make_unique<test::ManualBackend>();
    backend_ = made.get();
    reactor_ = std::make_unique<Reactor>(std::unique_ptr<Backend>{std::move(made)});
    places_.free = place_count;
    room_.free = queue_room;
    set_.is_event = true;
    for (auto& slot : slots_) slot = std::make_unique<Group>(*reactor_, heard_);
  }

  void run() {
    while (!input_.empty()) {
      for (std::size_t count = input_.below(4); count > 0; --count) act();
      backend_->advance(Duration{static_cast<int>(input_.below(16))});
      turn();
    }
    for (std::size_t i = 0; i < slots_.size(); ++i) cancel(static_cast<int>(i), true);
    while (!heard_.empty()) turn();
    turn();
    require(count_if([](const Node& node) { return !node.gone; }) == 0, "no task is left");
  }

 private:
  static constexpr std::size_t place_count = 2;
  static constexpr std::size_t queue_room = 2;
  static constexpr std::size_t nodes_max = 200;
  static constexpr int depth_max = 4;
  static constexpr int none = -1;

  /// A permit that a task has.
  class Held {
   public:
    Held(Machine& machine, Semaphore::Permit permit) noexcept
        : machine_(machine), permit_(std::move(permit)) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
      permit_.release();
      machine_.places_.give(machine_.pass());
    }

   private:
    Machine& machine_;
    Semaphore::Permit permit_;
  };

  [[noreturn]] void fail(Node& node) {
    node.threw = true;
    if (node.group != nullptr && node.condemned) {
      thrown_ = node.id;
    } else if (node.group != nullptr && !node.group->fault) {
      node.group->fault = node.id;
    }
    throw Fault{node.id};
  }
  /// After a child of it has thrown.
  void caught(Node& node, const Node& child, Fault fault) {
    continues(node);
    require(fault.of == child.id && child.threw && child.gone, "the exception of its child");
    if (input_.flag()) fail(node);
  }

  // --- operations that do not wait ---
  void act() {
    const int slot = static_cast<int>(input_.below(slots_.size()));
    switch (input_.below(8)) {
      case 0:
        return cancel(slot, false);
      case 1:
        return cancel(slot, true);
      case 2:
        event_.set();
        return set_.set(pass());
      case 3:
        event_.reset();
        set_.is_set = false;
        return;
      case 4:
        return try_push();
      case 5:
        return try_pop();
      default:
        return spawn(*slots_[static_cast<std::size_t>(slot)], nullptr, slot, 0);
    }
  }
  void spawn(Group& group, Node* parent, int slot, int depth) {
    if (size() >= nodes_max) return;
    Node& node = make(parent, &group, slot);
    group.tasks.spawn(drop(body(Mark{*this, node}, depth)));
    require(node.gone == group.fault.has_value(), "a group that has failed takes no more");
  }
  void cancel(int slot, bool destroys) {
    auto& group = slots_[static_cast<std::size_t>(slot)];
    destroys ? group.reset() : group->tasks.cancel();
    is_cancelled(slot);
    if (destroys) group = std::make_unique<Group>(*reactor_, heard_);
  }
  void try_push() {
    const bool has_room = room_.free > 0;
    const int value = next_value_++;
    require(queue_.try_push(int{value}) == has_room, "as there is room");
    if (!has_room) return;
    --room_.free;
    appended(value);
  }
  void try_pop() {
    const auto value = queue_.try_pop();
    require(value.has_value() == (items_.free > 0), "as there is a value");
    if (!value) return;
    --items_.free;
    taken(*value);
  }
  void appended(int value) {
    values_.push_back(value);
    items_.give(pass());
  }
  void taken(int value) {
    require(value == values_.front(), "values keep their order");
    values_.pop_front();
    room_.give(pass());
  }

  // --- tasks ---
  static Task<> drop(Task<int> task) { (void)co_await std::move(task); }  // only its end counts

  Task<int> body(Mark mark, int depth) {
    Node& node = mark.node();
    std::optional<Held> held;
    node.started = true;
    continues(node);
    for (std::size_t steps = input_.below(6); steps > 0; --steps) {
      if (input_.flag()) {
        act();
      } else {
        co_await wait(node, held, depth + 1);
      }
    }
    if (input_.below(8) == 7) fail(node);
    node.ended = true;
    co_return node.id;
  }
  Task<> wait(Node& node, std::optional<Held>& held, int depth) {
    const bool is_full = depth > depth_max || size() + 4 > nodes_max;
    switch (input_.below(is_full ? 5 : 10)) {
      case 0:
        return sleeps(node);
      case 1:
        return waits_for_event(node);
      case 2:
        return acquires(node, held);
      case 3:
        return pushes(node);
      case 4:
        return pops(node);
      case 5:
      case 6:
        return awaits(node, depth);
      case 7:
        return awaits_for_a_time(node, depth);
      case 8:
        return awaits_one_of_two(node, depth);
      default:
        return groups(node, depth);
    }
  }
  Duration some_delay() { return Duration{static_cast<int>(input_.below(24))}; }
  [[nodiscard]] TimePoint after_now(Duration delay) const { return backend_->time() + delay; }
  void require_time(TimePoint deadline) const {
    require(backend_->time() >= deadline, "no deadline is early");
  }

  Task<> sleeps(Node& node) {
    const Duration delay = some_delay();
    const TimePoint deadline = after_now(delay);
    suspends(node, deadline);
    node.waits = true;
    co_await sleep(delay);
    is_resumed(node);
    require_time(deadline);
  }
  Task<> waits_for_event(Node& node) {
    Waiting waiting{*this, node, set_};
    co_await event_.wait();
    waiting.served();
  }
  Task<> acquires(Node& node, std::optional<Held>& held) {
    const Duration delay = some_delay();
    const TimePoint deadline = after_now(delay);
    const bool is_patient = input_.flag();
    Waiting waiting{*this, node, places_};
    if (is_patient) {
      auto permit = co_await semaphore_.acquire();
      waiting.served();
      held.emplace(*this, std::move(permit));
      co_return;
    }
    node.deadline = deadline;
    auto permit = co_await timeout(delay, semaphore_.acquire());
    if (permit) {
      waiting.served();
      held.emplace(*this, std::move(*permit));
    } else {
      waiting.is_late();
      is_resumed(node);
      require_time(deadline);
    }
  }
  Task<> pushes(Node& node) {
    Waiting waiting{*this, node, room_};
    const int value = next_value_++;
    const bool is_pushed = co_await queue_.push(value);
    require(is_pushed, "it is not closed");
    waiting.served();
    appended(value);
  }
  Task<> pops(Node& node) {
    Waiting waiting{*this, node, items_};
    const auto value = co_await queue_.pop();
    waiting.served();
    require(value.has_value(), "it is not closed");
    taken(*value);
  }
  Task<> awaits(Node& node, int depth) {
    Node& child = make(&node, nullptr, node.slot);
    suspends(node, never);
    try {
      const int result = co_await body(Mark{*this, child}, depth);
      continues(node);
      require(child.ended && child.gone && result == child.id, "the result of its child");
    } catch (const Fault& fault) {
      caught(node, child, fault);
    }
  }
  Task<> awaits_for_a_time(Node& node, int depth) {
    Node& child = make(&node, nullptr, node.slot);
    const Duration delay = some_delay();
    const TimePoint deadline = after_now(delay);
    suspends(node, deadline);
    try {
      const auto result = co_await timeout(delay, body(Mark{*this, child}, depth));
      continues(node);
      require(child.gone && child.ended == result.has_value() && !child.threw, "either");
      if (!result) require_time(deadline);
    } catch (const Fault& fault) {
      caught(node, child, fault);
    }
  }
  Task<> awaits_one_of_two(Node& node, int depth) {
    Node& a = make(&node, nullptr, node.slot);
    Node& b = make(&node, nullptr, node.slot);
    suspends(node, never);
    try {
      const auto first =
          co_await when_any(body(Mark{*this, a}, depth), body(Mark{*this, b}, depth));
      continues(node);
      const Node& winner = first.index() == 0 ? a : b;
      require(winner.ended && a.gone && b.gone && a.ended + b.ended == 1, "one of them");
      require(!a.threw && !b.threw, "and nothing else");
    } catch (const Fault& fault) {
      require(a.gone && b.gone && a.threw + b.threw == 1 && !a.ended && !b.ended, "one has thrown");
      caught(node, a.threw ? a : b, fault);
    }
  }
  Task<> groups(Node& node, int depth) {
    Group own{*reactor_, heard_};
    for (std::size_t count = 1 + input_.below(3); count > 0; --count)
      spawn(own, &node, node.slot, depth);
    const Duration delay = some_delay();
    const TimePoint deadline = after_now(delay);
    const std::size_t way = input_.below(4);
    suspends(node, way == 0 ? never : deadline);
    own.is_joined = way < 2;
    try {
      if (way == 0) {
        co_await own.tasks.join();
      } else if (way == 1) {
        const auto joined = co_await timeout(delay, own.tasks.join());
        if (!joined) own.fault.reset();  // what it was to hear is dropped
      } else {
        node.waits = true;
        co_await sleep(delay);
      }
    } catch (const Fault& fault) {
      require(own.fault == fault.of, "the first exception of the group");
      own.fault.reset();
    }
    continues(node);
    own.is_joined = false;
    if (way >= 2) own.tasks.cancel();
    const bool has_ended = own.tasks.size() == 0;
    require(has_ended || way == 1, "joined or cancelled");
    const auto is_left = [&](const Node& one) { return !one.gone && one.parent == &node; };
    require(!has_ended || count_if(is_left) == 0, "all of a group have ended");
  }

  // --- turns of the loop ---
  void turn() {
    begin_pass();
    const TimePoint time = backend_->time();
    try {
      require(reactor_->run_once(Duration::zero()).has_value(), "a turn");
    } catch (const Fault& fault) {  // what it leaves is done in the next turn
      if (fault.of == std::exchange(thrown_, none)) return;
      require(!heard_.empty() && fault.of == heard_.front(), "the next exception");
      heard_.pop_front();
      return;
    }
    thrown_ = none;
    check(time);
    require(semaphore_.available() == places_.free, "the permits that are free");
    require(queue_.size() == values_.size(), "the values in the queue");
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const auto here = [&](const Node& node) {
        return !node.gone && node.parent == nullptr && node.slot == static_cast<int>(i);
      };
      require(slots_[i]->tasks.size() == count_if(here), "the size of a group");
    }
  }
  Input& input_;
  test::ManualBackend* backend_;
  std::unique_ptr<Reactor> reactor_;
  std::deque<int> heard_;  // exceptions that leave through the reactor, in this order
  int thrown_ = none;      // by a task that was cancelled: it may leave before them
  Event event_;
  Semaphore semaphore_{place_count};
  Queue<int> queue_{queue_room};
  Line set_;
  Line places_;
  Line room_;
  Line items_;
  std::deque<int> values_;
  int next_value_ = 0;
  std::array<std::unique_ptr<Group>, 3> slots_;
};

}  // namespace

void tasks(Input& input) { Machine{input}.run(); }

const Target target{"tasks", tasks};

}  // namespace rondo::fuzz
