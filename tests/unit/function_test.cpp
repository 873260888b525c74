// SPDX-License-Identifier: MIT
// Function: where the callable is stored, how it moves, and when it is destroyed. The callable's
// own operator new counts allocations, so that those of the rest of the program do not matter.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <rondo/function.h>

namespace rondo {
namespace {

constexpr std::size_t inline_size = Function<void()>::inline_size;

/// A callable of at least `Size` bytes that counts its allocations and its living copies.
template <std::size_t Size, bool ThrowsOnMove = false>
struct Probe {
  static inline int allocations = 0;
  static inline int alive = 0;
  static void* operator new(std::size_t size) {
    ++allocations;
    return ::operator new(size);
  }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* memory) { ::operator delete(memory); }

  Probe() { ++alive; }
  Probe(Probe&& other) noexcept(!ThrowsOnMove) : bytes(other.bytes) { ++alive; }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  Probe& operator=(Probe&&) = delete;
  ~Probe() { --alive; }
  std::size_t operator()() { return bytes.size(); }

  std::array<std::byte, Size> bytes{};
};

template <typename P>
int allocations_for() {
  P::allocations = 0;
  {
    Function<std::size_t()> function{P{}};
    EXPECT_EQ(P::alive, 1);
    Function<std::size_t()> moved = std::move(function);
    EXPECT_EQ(P::alive, 1);
    EXPECT_EQ(moved(), sizeof(P));
    function = std::move(moved);
    EXPECT_EQ(P::alive, 1);
    EXPECT_EQ(function(), sizeof(P));
    EXPECT_FALSE(moved);  // NOLINT: a moved-from Function is empty
  }
  EXPECT_EQ(P::alive, 0);
  return P::allocations;
}

TEST(Function, KeepsSmallCallablesInPlace) {
  EXPECT_EQ(allocations_for<Probe<1>>(), 0);
  EXPECT_EQ(allocations_for<Probe<inline_size - 1>>(), 0);
  EXPECT_EQ(allocations_for<Probe<inline_size>>(), 0);
}

TEST(Function, AllocatesALargeCallableOnce) {
  EXPECT_EQ(allocations_for<Probe<inline_size + 1>>(), 1);
  EXPECT_EQ(allocations_for<Probe<1000>>(), 1);
}

TEST(Function, PutsWhatMayThrowWhenMovedOnTheHeap) {
  EXPECT_EQ((allocations_for<Probe<1, true>>()), 1);
}

TEST(Function, PutsWhatIsOverAlignedOnTheHeap) {
  struct alignas(64) Aligned {
    std::size_t operator()() const { return reinterpret_cast<std::uintptr_t>(this) % 64; }
  };
  Function<std::size_t()> function{Aligned{}};
  Function<std::size_t()> moved = std::move(function);
  EXPECT_EQ(moved(), 0U);
}

TEST(Function, IsEmptyByDefault) {
  Function<void()> none;
  const Function<void()> null = nullptr;
  const Function<void()> full = [] {};
  EXPECT_FALSE(none);
  EXPECT_FALSE(null);
  EXPECT_TRUE(full);
}

TEST(Function, HoldsMoveOnlyCallables) {
  auto owned = std::make_unique<int>(41);
  Function<int()> function = [owned = std::move(owned)] { return ++*owned; };
  Function<int()> moved = std::move(function);
  EXPECT_EQ(moved(), 42);
  EXPECT_EQ(moved(), 43);
}

TEST(Function, PassesArgumentsWithoutCopying) {
  Function<std::unique_ptr<int>(std::unique_ptr<int>, int&)> function =
      [](std::unique_ptr<int> owned, int& count) {
        ++count;
        return owned;
      };
  int count = 0;
  const auto back = function(std::make_unique<int>(3), count);
  EXPECT_EQ(*back, 3);
  EXPECT_EQ(count, 1);
}

TEST(Function, DropsAResultThatIsNotWanted) {
  int calls = 0;
  Function<void()> function = [&calls] { return ++calls; };
  function();
  EXPECT_EQ(calls, 1);
}

TEST(Function, LetsExceptionsThroughAndStaysCallable) {
  int calls = 0;
  Function<void()> function = [&calls] {
    if (++calls == 1) throw std::string{"once"};
  };
  EXPECT_THROW(function(), std::string);
  function();
  EXPECT_EQ(calls, 2);
}

TEST(Function, DestroysTheOldCallableBeforeItTakesTheNew) {
  std::vector<std::string> order;
  struct Tracer {
    std::vector<std::string>* order;
    std::string name;
    Tracer(std::vector<std::string>& to, std::string as) : order(&to), name(std::move(as)) {}
    Tracer(Tracer&& other) noexcept
        : order(std::exchange(other.order, nullptr)), name(other.name) {}
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;
    Tracer& operator=(Tracer&&) = delete;
    ~Tracer() {
      if (order != nullptr) order->push_back("-" + name);
    }
    void operator()() const { order->push_back(name); }
  };
  {
    Function<void()> first{Tracer{order, "a"}};
    Function<void()> second{Tracer{order, "b"}};
    first = std::move(second);
    first();
  }
  EXPECT_EQ(order, (std::vector<std::string>{"-a", "b", "-b"}));
}

TEST(Function, SurvivesMovingToItself) {
  Function<int()> function = [] { return 5; };
  Function<int()>& alias = function;
  function = std::move(alias);
  EXPECT_EQ(function(), 5);
}

TEST(FunctionDeathTest, AssertsWhenEmptyAndCalled) {
#ifdef NDEBUG
  GTEST_SKIP() << "assertions are off (NDEBUG)";
#else
  Function<void()> none;
  EXPECT_DEATH(none(), "an empty Function was called");
#endif
}

}  // namespace
}  // namespace rondo
