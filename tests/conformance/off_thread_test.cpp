// SPDX-License-Identifier: MIT
// Tasks that wait for functions on other threads, on each backend.
#include <rondo/off_thread.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <rondo/coroutine.h>

#include "support/child_process.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// Holds the threads that pass through it until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock{mutex_};
    ++waiting_;
    opened_.wait(lock, [this] { return is_open_; });
  }
  void open() {
    {
      const std::lock_guard lock{mutex_};
      is_open_ = true;
    }
    opened_.notify_all();
  }
  [[nodiscard]] int waiting() {
    const std::lock_guard lock{mutex_};
    return waiting_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
  int waiting_ = 0;
};

/// Counts those that are destroyed on another thread than the first of them was made on.
class Traced {
 public:
  explicit Traced(std::atomic<int>& elsewhere) : elsewhere_(&elsewhere) {}
  Traced(const Traced&) = default;
  Traced& operator=(const Traced&) = default;
  ~Traced() {
    if (std::this_thread::get_id() != home_) ++*elsewhere_;
  }

 private:
  std::atomic<int>* elsewhere_;
  std::thread::id home_ = std::this_thread::get_id();
};

int add(int a, int b) { return a + b; }
std::string doubled(std::string text) { return text + text; }

class OffThreadTest : public ReactorOnEveryBackend {
 protected:
  void SetUp() override {
    RONDO_NEEDS(threads);
    RONDO_NEEDS(real_time);
  }
};
RONDO_ON_EVERY_BACKEND(OffThreadTest);

TEST_P(OffThreadTest, GivesTheResultOfAnotherThread) {
  std::string log;
  const auto body = [&]() -> Task<> {
    EXPECT_EQ(co_await off_thread(add, 1, 2), 3);
    std::string text = "ab";
    log += co_await off_thread(doubled, text);
    log += co_await off_thread(doubled, std::string{"cd"});
    log += co_await off_thread(doubled, std::move(text));
    EXPECT_TRUE(text.empty()) << "it was moved";
    std::thread::id thread;
    const auto note = [&] { thread = std::this_thread::get_id(); };
    co_await off_thread(note);
    EXPECT_NE(thread, std::this_thread::get_id());
    EXPECT_EQ(co_await off_thread([](int number) { return number; }, 4), 4);
    const auto owned = co_await off_thread([] { return std::make_unique<int>(5); });
    EXPECT_EQ(*owned, 5);
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(log, "ababcdcdabab");
}

TEST_P(OffThreadTest, ThrowsTheExceptionOfTheFunction) {
  std::string message;
  const auto body = [&]() -> Task<> {
    const auto fails = [] { throw std::runtime_error{"no"}; };
    try {
      co_await off_thread(fails);
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
  };
  EXPECT_TRUE(run_task(reactor, body()));
  EXPECT_EQ(message, "no");
}

TEST_P(OffThreadTest, LetsTheReactorServeOthersMeanwhile) {
  Gate gate;
  int turns = 0;
  bool ended = false;
  const auto waits = [&]() -> Task<> {
    const auto pass = [&] { gate.pass(); };
    co_await off_thread(pass);
    ended = true;
  };
  const auto counts = [&]() -> Task<> {
    for (; turns < 10; ++turns) co_await turn();
    EXPECT_FALSE(ended);
    gate.open();
  };
  TaskGroup group{reactor};
  group.spawn(waits());
  group.spawn(counts());
  EXPECT_TRUE(reactor.run()) << "it keeps run() from returning";
  EXPECT_TRUE(ended);
}

TEST_P(OffThreadTest, HasNoMoreThreadsThanItMay) {
  set_thread_pool(reactor, {.threads_max = 2, .queue_max = 1});
  constexpr int count = 20;
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  int ended = 0;
  const auto work = [&] {
    const int running = ++now;
    for (int before = most; running > before && !most.compare_exchange_weak(before, running);) {
    }
    std::this_thread::yield();
    --now;
  };
  const auto body = [&]() -> Task<> {
    co_await off_thread(work);
    ++ended;
  };
  TaskGroup group{reactor};
  for (int i = 0; i < count; ++i) group.spawn(body());
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  EXPECT_EQ(ended, count);
  EXPECT_LE(most, 2);
}

// One runs, one is in the queue, and two wait in their tasks.
TEST_P(OffThreadTest, MayBeCancelledWhereverItWaits) {
  set_thread_pool(reactor, {.threads_max = 1, .queue_max = 1});
  Gate gate;
  std::atomic<int> called = 0;
  std::atomic<int> destroyed_elsewhere = 0;
  int resumed = 0;
  const Traced traced{destroyed_elsewhere};
  const auto work = [&](const Traced& argument) {
    ++called;
    gate.pass();
    return argument;
  };
  const auto body = [&]() -> Task<> {
    (void)co_await off_thread(work, traced);
    ++resumed;
  };
  {
    std::optional<TaskGroup> groups[4];
    for (auto& group : groups) {
      group.emplace(reactor);
      group->spawn(body());
      run_turns(reactor, 1);
    }
    EXPECT_TRUE(run_until(reactor, [&] { return gate.waiting() == 1; }));
    groups[2].reset();  // in the line
    groups[1].reset();  // in the queue
    groups[0].reset();  // running
    EXPECT_EQ(called, 1);
    gate.open();
    EXPECT_TRUE(run_until(reactor, [&] { return groups[3]->size() == 0; }));
  }
  EXPECT_EQ(resumed, 1);
  EXPECT_EQ(called, 2) << "those that had not begun are left out";
  EXPECT_EQ(destroyed_elsewhere, 0) << "results and arguments";
}

TEST_P(OffThreadTest, CopiesNothingForTasksBeyondTheQueue) {
  set_thread_pool(reactor, {.threads_max = 1, .queue_max = 1});
  Gate gate;
  const auto argument = std::make_shared<int>(1);
  const auto work = [&](const std::shared_ptr<int>&) { gate.pass(); };
  const auto body = [&]() -> Task<> { co_await off_thread(work, argument); };
  TaskGroup group{reactor};
  for (int i = 0; i < 5; ++i) group.spawn(body());
  EXPECT_TRUE(run_until(reactor, [&] { return gate.waiting() == 1; }));
  EXPECT_EQ(argument.use_count(), 3) << "one runs, one is in the queue";
  gate.open();
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  EXPECT_EQ(argument.use_count(), 1);
}

TEST_P(OffThreadTest, IsCancelledByATimeout) {
  auto gate = std::make_shared<Gate>();
  const auto body = [&]() -> Task<> {
    const auto pass = [gate] { gate->pass(); };
    EXPECT_FALSE(co_await timeout(1ms, off_thread(pass)));
  };
  EXPECT_TRUE(run_task(reactor, body()));
  gate->open();
}

TEST_P(OffThreadTest, ThrowsWhatTheCopyOfAnArgumentThrows) {
  set_thread_pool(reactor, {.threads_max = 1, .queue_max = 0});
  struct Fails {
    Fails() = default;
    Fails(const Fails&) { throw std::runtime_error{"copy"}; }
    Fails& operator=(const Fails&) = delete;
    ~Fails() = default;
  };
  Gate gate;
  int thrown = 0;
  const Fails argument;
  const auto take = [](const Fails&) {};
  const auto pass = [&] { gate.pass(); };
  const auto body = [&]() -> Task<> {
    try {
      co_await off_thread(take, argument);
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  };
  EXPECT_TRUE(run_task(reactor, body())) << "at once";
  const auto holds = [&]() -> Task<> { co_await off_thread(pass); };
  TaskGroup group{reactor};
  group.spawn(holds());
  group.spawn(body());  // waits in the line
  run_turns(reactor, 2);
  gate.open();
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  EXPECT_EQ(thrown, 2);
}

// The destructor of the reactor waits for the call, and destroys its result.
TEST_P(OffThreadTest, MayOutliveItsTask) {
  std::atomic<bool> ended = false;
  std::atomic<int> destroyed_elsewhere = 0;
  std::optional<Reactor> other{GetParam().make()};
  Gate gate;
  const Traced traced{destroyed_elsewhere};
  const auto work = [&](const Traced& argument) {
    gate.pass();
    ended = true;
    return argument;
  };
  const auto body = [&]() -> Task<> { (void)co_await off_thread(work, traced); };
  {
    TaskGroup group{*other};
    group.spawn(body());
    EXPECT_TRUE(run_until(*other, [&] { return gate.waiting() == 1; }));
  }
  gate.open();
  other.reset();
  EXPECT_TRUE(ended);
  EXPECT_EQ(destroyed_elsewhere, 0);
}

TEST_P(OffThreadTest, OneThousandAreAllAnswered) {
  constexpr int count = 1000;
  int sum = 0;
  const auto body = [&](int number) -> Task<> { sum += co_await off_thread(add, number, 1); };
  TaskGroup group{reactor};
  for (int i = 0; i < count; ++i) group.spawn(body(i));
  EXPECT_TRUE(run_until(reactor, [&] { return group.size() == 0; }));
  EXPECT_EQ(sum, count * (count - 1) / 2 + count);
}

TEST_P(OffThreadTest, AForkedChildHasThreadsOfItsOwn) {
  set_thread_pool(reactor, {.threads_max = 1, .queue_max = 0});
  Gate gate;
  const auto pass = [&] { gate.pass(); };
  const auto holds = [&]() -> Task<> { co_await off_thread(pass); };
  std::optional<TaskGroup> group{std::in_place, reactor};
  group->spawn(holds());
  EXPECT_TRUE(run_until(reactor, [&] { return gate.waiting() == 1; }));
  EXPECT_EQ(in_child([&] {
              int sum = 0;
              const auto body = [&]() -> Task<> { sum = co_await off_thread(add, 1, 2); };
              RONDO_CHILD_REQUIRE(run_task(reactor, body()));
              RONDO_CHILD_REQUIRE(sum == 3);
              group.reset();  // what the parent's thread runs does not end here
              return 0;
            }),
            0);
  gate.open();
  EXPECT_TRUE(run_until(reactor, [&] { return group->size() == 0; }));
}

// What may be a temporary.
template <typename F, typename... Arguments>
constexpr bool compiles = requires(F&& function, Arguments&&... arguments) {
  off_thread(std::forward<F>(function), std::forward<Arguments>(arguments)...);
};
struct Owner {
  std::string text;
  void operator()() const {}
};
using Takes = void (&)(const Owner&);
static_assert(compiles<void (&)()>);
static_assert(compiles<const Owner&>);
static_assert(compiles<Takes, const Owner&>);
static_assert(compiles<int (&)(std::string), std::string>);
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
static_assert(!compiles<Owner>, "it would be destroyed twice");
static_assert(!compiles<Takes, Owner>);
#else
static_assert(compiles<Owner>);
static_assert(compiles<Takes, Owner>);
#endif

}  // namespace
}  // namespace rondo::test
