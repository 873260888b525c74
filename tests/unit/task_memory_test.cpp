// SPDX-License-Identifier: MIT
// What tasks allocate, the frames that a thread keeps, and tasks without memory.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <rondo/combine.h>
#include <rondo/frames.h>
#include <rondo/queue.h>
#include <rondo/sync.h>

#include "support/allocation_counter.h"
#include "support/spare_frames.h"
#include "support/task_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class TasksWithoutMemory : public TaskFixture {};

Task<int> half(int number) { co_return number / 2; }

TEST_F(TasksWithoutMemory, CannotBeCalledOnceSpareFramesAreFreed) {
  free_spare_frames();
  const std::int64_t before = live_allocations();
  {
    const Task<int> task = half(1);
    EXPECT_GT(live_allocations(), before);
  }
  free_spare_frames();
  EXPECT_EQ(live_allocations(), before);
  const FewAllocations none{0};
  EXPECT_THROW(const Task<int> task = half(1), std::bad_alloc);
}

TEST_F(TasksWithoutMemory, HaveAFewFramesThatTheThreadKeeps) {
  if (!detail::keeps_frames) GTEST_SKIP() << "each frame is allocated";
  constexpr std::size_t kept_max = detail::SpareFrames::kept_max;
  free_spare_frames();
  std::vector<Task<int>> tasks;
  tasks.reserve(kept_max + 1);
  const std::int64_t before = live_allocations();
  for (std::size_t i = 0; i <= kept_max; ++i) tasks.push_back(half(1));
  tasks.clear();
  EXPECT_EQ(live_allocations() - before, static_cast<std::int64_t>(kept_max)) << "one is freed";
  {
    const FewAllocations none{0};
    for (std::size_t i = 0; i < kept_max; ++i) EXPECT_NO_THROW((void)half(1));  // only made
  }
  free_spare_frames();
}

/// The live allocations of a thread that has done the work, after its thread_local objects are
/// gone.
template <typename Work>
std::int64_t left_by_thread(Work work) {
  std::int64_t left = 0;
  struct AtTheEnd {  // destroyed after what the thread makes later
    std::int64_t& left;
    ~AtTheEnd() { left = live_allocations(); }
  };
  std::thread{[&left, work] {
    static thread_local const AtTheEnd end{left};
    static_cast<void>(end);
    work();
  }}.join();
  return left;
}

TEST_F(TasksWithoutMemory, FreeTheFramesThatAThreadHasKeptAtItsEnd) {
  const auto kept = [] {
    const std::int64_t before = live_allocations();
    (void)half(1);  // only made
    return live_allocations() - before;
  };
  std::int64_t meanwhile = 0;
  EXPECT_EQ(left_by_thread([&] { meanwhile = kept(); }), left_by_thread([] {}));
  EXPECT_EQ(meanwhile > 0, detail::keeps_frames);
}

TEST_F(TasksWithoutMemory, NeedNoneToCombineOperationsAndOneBlockForAVector) {
  Event event;
  event.set();
  std::uint64_t fixed = 0;
  std::uint64_t of_vectors = 0;
  const auto waits = [&]() -> Task<> { co_await event.wait(); };
  const auto two = [&] {
    std::vector<Task<>> tasks;
    tasks.reserve(2);
    tasks.push_back(waits());
    tasks.push_back(waits());
    return tasks;
  };
  const auto body = [&]() -> Task<> {
    auto tasks = two();
    auto more = two();
    const auto before = allocations();
    co_await when_all(std::move(tasks[0]), event.wait());
    co_await when_any(event.wait(), std::move(tasks[1]));
    const auto between = allocations();
    co_await when_any(std::move(more));
    fixed = between - before;
    of_vectors = allocations() - between;
  };
  run(body());
  EXPECT_EQ(fixed, 0U);
  EXPECT_EQ(of_vectors, 1U);
}

TEST_F(TasksWithoutMemory, CannotMakeAQueue) {
  const FewAllocations none{0};
  try {
    const Queue<int> queue{1};
  } catch (const std::bad_alloc&) {  // not with a std::deque that takes no memory while it is empty
  }
}

TEST_F(TasksWithoutMemory, OfAGroupThatIsNotJoinedReportTheirException) {
  const auto fail = []() -> Task<> {
    co_await sleep(1s);
    throw std::runtime_error("unheard");
  };
  auto own = std::make_unique<TaskGroup>(reactor);
  own->spawn(fail());
  EXPECT_TRUE(reactor.run());
  {
    const FewAllocations none{0};
    own.reset();
  }
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // it does not return
}

}  // namespace
}  // namespace rondo::test
