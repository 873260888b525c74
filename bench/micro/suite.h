// SPDX-License-Identifier: MIT
// micro: the same small jobs for each loop. A loop is a class with
//
//   turn()           one pass that does not sleep
//   run(), stop()    until stopped; stop() is called by what the loop runs
//   post(work)       from any thread
//   Io{loop, fd, count}     counts its calls; set(reads, writes)
//   Timer{loop, count}      counts its calls; arm(nanoseconds), cancel()
//
// A descriptor that is ready stays ready, because it is not read: the loop and its poller are
// measured, not read().
#pragma once

#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace micro {

constexpr std::int64_t far_ns = 60'000'000'000;
constexpr int posts_per_producer = 1000;
constexpr auto time_to_fall_asleep = std::chrono::microseconds{50};

/// Two connected sockets, closed at the end.
class Pair {
 public:
  Pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds_.data()) != 0)
      fds_ = {-1, -1};
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    for (const int fd : fds_)
      if (fd >= 0) close(fd);
  }
  [[nodiscard]] int fd() const noexcept { return fds_[0]; }
  void make_readable() const { (void)!write(fds_[1], "x", 1); }

 private:
  std::array<int, 2> fds_{-1, -1};
};

/// What loops without a post() of their own are usually given: a locked queue, and one wake-up for
/// each burst.
class PostQueue {
 public:
  /// True: the loop must be woken.
  bool push(std::function<void()> work) {
    const std::lock_guard lock{mutex_};
    work_.push_back(std::move(work));
    return work_.size() == 1;
  }
  void run() {
    std::vector<std::function<void()>> work;
    {
      const std::lock_guard lock{mutex_};
      work.swap(work_);
    }
    for (auto& each : work) each();
  }

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> work_;
};

/// A number that a linear congruential generator makes of the one before (Knuth's MMIX).
class Random {
 public:
  std::size_t below(std::size_t limit) noexcept {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return ((state_ >> 32U) * limit) >> 32U;
  }

 private:
  std::uint64_t state_ = 1;
};

/// `ready` of `watched` sockets have something to read.
template <typename Loop>
void dispatch(benchmark::State& state) {
  const auto watched = static_cast<std::size_t>(state.range(0));
  const auto ready = static_cast<std::size_t>(state.range(1));
  Loop loop;
  std::uint64_t count = 0;
  std::deque<Pair> pairs(watched);
  std::deque<typename Loop::Io> ios;
  for (std::size_t i = 0; i < watched; ++i) {
    ios.emplace_back(loop, pairs[i].fd(), count);
    ios.back().set(true, false);
    if (i * ready / watched != (i + 1) * ready / watched) pairs[i].make_readable();
  }
  loop.turn();
  count = 0;
  for (auto _ : state) loop.turn();
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
  if (count == 0) state.SkipWithError("nothing was dispatched");
}

/// Write interest that comes for one turn and goes again, on one of the sockets.
template <typename Loop>
void flips(benchmark::State& state) {
  const auto watched = static_cast<std::size_t>(state.range(0));
  Loop loop;
  std::uint64_t count = 0;
  std::deque<Pair> pairs(watched);
  std::deque<typename Loop::Io> ios;
  for (const Pair& pair : pairs) {
    ios.emplace_back(loop, pair.fd(), count);
    ios.back().set(true, false);
  }
  Random random;
  for (auto _ : state) {
    auto& io = ios[random.below(watched)];
    io.set(true, true);
    loop.turn();
    io.set(true, false);
    loop.turn();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

/// `how` for one of the timers, of which all are armed at first.
template <typename Loop, typename How>
void on_armed_timers(benchmark::State& state, How how) {
  const auto armed = static_cast<std::size_t>(state.range(0));
  Loop loop;
  std::uint64_t count = 0;
  std::deque<typename Loop::Timer> timers;
  for (std::size_t i = 0; i < armed; ++i) {
    timers.emplace_back(loop, count);
    timers.back().arm(far_ns + static_cast<std::int64_t>(i));
  }
  Random random;
  for (auto _ : state) how(timers[random.below(armed)]);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

template <typename Loop>
void timer_rearm(benchmark::State& state) {
  on_armed_timers<Loop>(state, [](auto& timer) { timer.arm(far_ns); });
}

template <typename Loop>
void timer_cancel_and_arm(benchmark::State& state) {
  on_armed_timers<Loop>(state, [](auto& timer) {
    timer.cancel();
    timer.arm(far_ns);
  });
}

/// Arms all, in an order that is not that of their deadlines, and cancels all.
template <typename Loop>
void timer_arm_all(benchmark::State& state) {
  const auto wanted = static_cast<std::size_t>(state.range(0));
  Loop loop;
  std::uint64_t count = 0;
  std::deque<typename Loop::Timer> timers;
  for (std::size_t i = 0; i < wanted; ++i) timers.emplace_back(loop, count);
  Random random;
  for (auto _ : state) {
    for (auto& timer : timers)
      timer.arm(far_ns + static_cast<std::int64_t>(random.below(1'000'000)) * 1000);
    for (auto& timer : timers) timer.cancel();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// Arms all for now, and turns until all have been called.
template <typename Loop>
void timer_expire_all(benchmark::State& state) {
  const auto wanted = static_cast<std::size_t>(state.range(0));
  Loop loop;
  std::uint64_t count = 0;
  std::deque<typename Loop::Timer> timers;
  for (std::size_t i = 0; i < wanted; ++i) timers.emplace_back(loop, count);
  for (auto _ : state) {
    count = 0;
    for (auto& timer : timers) timer.arm(0);
    while (count < wanted) loop.turn();  // NOLINT(bugprone-infinite-loop): the timers count
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// Threads post a burst each, again and again; the loop's thread runs what they post.
template <typename Loop>
void post(benchmark::State& state) {
  const int producers = static_cast<int>(state.range(0));
  const auto wanted = static_cast<std::uint64_t>(producers) * posts_per_producer;
  Loop loop;
  std::uint64_t count = 0;
  std::atomic<int> round = 0;
  constexpr int last = -1;
  const auto work = [&loop, &count, wanted] {
    if (++count == wanted) loop.stop();
  };
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(producers));
  for (int i = 0; i < producers; ++i) {
    threads.emplace_back([&loop, &round, work] {
      for (int seen = 0;;) {
        round.wait(seen);
        seen = round.load();
        if (seen == last) return;
        for (int n = 0; n < posts_per_producer; ++n) loop.post(work);
      }
    });
  }
  for (auto _ : state) {
    count = 0;
    ++round;
    round.notify_all();
    loop.run();
  }
  round = last;
  round.notify_all();
  for (auto& thread : threads) thread.join();
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(wanted));
}

/// From post() in one thread to its work in another, whose loop sleeps.
template <typename Loop>
void wake_up(benchmark::State& state) {
  std::atomic<Loop*> published = nullptr;
  std::atomic<bool> woken = false;
  std::thread thread{[&] {
    Loop loop;
    published = &loop;
    published.notify_one();
    loop.run();
  }};
  published.wait(nullptr);
  Loop& loop = *published.load();
  for (auto _ : state) {
    std::this_thread::sleep_for(time_to_fall_asleep);
    woken = false;
    const auto start = std::chrono::steady_clock::now();
    loop.post([&woken] { woken = true; });
    while (!woken) std::this_thread::yield();
    state.SetIterationTime(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  loop.post([&loop] { loop.stop(); });
  thread.join();
}

template <typename Loop>
void register_all(const std::string& name) {
  const auto add = [&name](const char* job, void (*run)(benchmark::State&)) {
    return benchmark::RegisterBenchmark((std::string{job} + "/" + name).c_str(), run);
  };
  add("dispatch", dispatch<Loop>)->ArgNames({"watched", "ready"})->ArgsProduct({{1000}, {1, 1000}});
  add("flips", flips<Loop>)->Arg(1000);
  for (auto* timers :
       {add("timer_rearm", timer_rearm<Loop>),
        add("timer_cancel_and_arm", timer_cancel_and_arm<Loop>),
        add("timer_arm_all", timer_arm_all<Loop>), add("timer_expire_all", timer_expire_all<Loop>)})
    timers->Arg(10)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
  add("post", post<Loop>)->ArgName("producers")->Arg(1)->Arg(4)->UseRealTime();
  add("wake_up", wake_up<Loop>)->UseManualTime();
}

}  // namespace micro
