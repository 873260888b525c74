// SPDX-License-Identifier: MIT
// What code on libuv and rondo do to each other in one loop: requests right before the poll,
// children and signals of both, and descriptors that are closed too early.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/uv.h>

#include "support/descriptors.h"
#include "support/recording_handler.h"
#include "support/run_until.h"
#include "support/uv_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// The loop belongs to rondo, and a user has handles in it.
class UvShared : public UvTest {
 protected:
  /// Closes a handle, and lets the loop run the close callback.
  template <typename Handle>
  void close(Handle& handle) {
    uv_close(base(handle), nullptr);
    EXPECT_TRUE(reactor.run_once(0s));
  }

  Reactor reactor{"uv"};
  uv_loop_t* const loop = uv_loop_of(reactor.backend());
};

/// Calls a function once, from a prepare handle or a timer of libuv, before the loop polls.
class Once {
 public:
  enum class By { prepare, timer, idle };

  Once(uv_loop_t* loop, By by, std::function<void()> action) : action_(std::move(action)) {
    switch (by) {
      case By::prepare:
        uv_prepare_init(loop, &handle_.prepare);
        uv_prepare_start(&handle_.prepare, [](uv_prepare_t* one) {
          uv_prepare_stop(one);
          static_cast<Once*>(one->data)->run();
        });
        break;
      case By::timer:
        uv_timer_init(loop, &handle_.timer);
        uv_timer_start(
            &handle_.timer, [](uv_timer_t* one) { static_cast<Once*>(one->data)->run(); }, 1, 0);
        break;
      case By::idle:
        uv_idle_init(loop, &handle_.idle);
        uv_idle_start(&handle_.idle, [](uv_idle_t* one) {
          uv_idle_stop(one);
          static_cast<Once*>(one->data)->run();
        });
        break;
    }
    handle_.any.data = this;
  }
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  [[nodiscard]] uv_handle_t& handle() { return handle_.any; }

 private:
  void run() { std::exchange(action_, nullptr)(); }

  std::function<void()> action_;
  union {
    uv_handle_t any;
    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_idle_t idle;
  } handle_{};
};

/// What may be asked for right before the poll; each calls `done` in the end.
struct Request {
  const char* name;
  std::function<void(Reactor& reactor, const std::function<void()>& done)> make;
};

class UvBeforePoll : public UvShared {
 protected:
  /// An hour that the loop would sleep if it did not notice the request.
  void expect_noticed(const Request& request, Once::By by) {
    bool done = false;
    Once once{loop, by, [&] {
                request.make(reactor, [&] {
                  done = true;
                  reactor.stop();
                });
              }};
    const TimePoint start = Clock::now();
    EXPECT_TRUE(reactor.run_for(1h));
    EXPECT_TRUE(done) << request.name;
    EXPECT_LT(Clock::now() - start, patience) << request.name;
    uv_close(&once.handle(), nullptr);
    EXPECT_TRUE(reactor.run_once(0s));
  }

  const WorkGuard guard = reactor.work_guard();
};

TEST_F(UvBeforePoll, NoticesWhatCallbacksOfTheUserAskFor) {
  std::optional<Timer> timer;
  Pair pair = unix_pair();
  RecordingHandler handler;
  Watch watch;
  const std::vector<Request> requests{
      {"defer", [](Reactor& used, const auto& done) { used.defer(done); }},
      {"post", [](Reactor& used, const auto& done) { used.post(done); }},
      {"stop", [](Reactor&, const auto& done) { done(); }},
      {"timer",
       [&](Reactor& used, const auto& done) {
         timer.emplace(used, done);
         timer->arm_after(1ms);
       }},
      {"signal",
       [](Reactor& used, const auto& done) {
         auto* const signal = new std::optional<Signal>;
         signal->emplace(used, SIGUSR1, [done, signal] {
           const auto copy = done;
           delete signal;
           copy();
         });
         (void)::raise(SIGUSR1);  // cannot fail
       }},
      {"watch",
       [&](Reactor& used, const auto& done) {
         handler.then = [&watch, done](Ready) {
           watch.cancel();
           done();
         };
         watch = used.watch(pair.ours.get(), Ready::write, handler).value();
       }},
  };
  for (const Once::By by : {Once::By::prepare, Once::By::timer, Once::By::idle})
    for (const Request& request : requests) expect_noticed(request, by);
}

TEST_F(UvBeforePoll, NoticesAWriteToAStream) {
  Pair pair = unix_pair();
  struct Reader final : StreamHandler {
    explicit Reader(Reactor& one) : reactor(one) {}
    void on_data(Stream&, Bytes) override { reactor.stop(); }
    Reactor& reactor;
  } reader{reactor};
  const auto ours =
      Stream::adopt(reactor, Socket{reactor.net(), pair.ours.release()}, reader).value();
  const auto theirs =
      Stream::adopt(reactor, Socket{reactor.net(), pair.theirs.release()}, reader).value();
  run_turns(reactor, 3);
  Once once{loop, Once::By::prepare, [&] { ours->write("x"); }};
  const TimePoint start = Clock::now();
  EXPECT_TRUE(reactor.run_for(1h));
  EXPECT_LT(Clock::now() - start, patience);
  uv_close(&once.handle(), nullptr);
  EXPECT_TRUE(reactor.run_once(0s));
}

TEST_F(UvShared, ReturnsWhenACallbackOfTheUserEndsTheLastThing) {
  std::optional<WorkGuard> guard{reactor.work_guard()};
  Once once{loop, Once::By::prepare, [&] { guard.reset(); }};
  EXPECT_TRUE(reactor.run());
  close(once.handle());
}

// --- signals ------------------------------------------------------------------------------------

/// A child of libuv, which runs until end().
struct Child {
  explicit Child(uv_loop_t* loop) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const Fd reader{pipe[0]};
    input = Fd{pipe[1]};
    std::array<char*, 2> arguments{const_cast<char*>("cat"), nullptr};
    uv_stdio_container_t standard_input{};
    standard_input.flags = UV_INHERIT_FD;
    standard_input.data.fd = reader.get();
    uv_process_options_t options{};
    options.stdio = &standard_input;
    options.stdio_count = 1;
    options.file = arguments[0];
    options.args = arguments.data();
    options.exit_cb = [](uv_process_t* one, std::int64_t, int) {
      static_cast<Child*>(one->data)->has_ended = true;
    };
    process.data = this;
    EXPECT_EQ(uv_spawn(loop, &process, &options), 0);
  }
  void end() { input.close(); }

  Fd input;
  uv_process_t process{};
  bool has_ended = false;
};

TEST_F(UvShared, BothLearnOfTheEndsOfChildren) {
  const struct sigaction none{};
  for (const bool signal_first : {true, false}) {
    int calls = 0;
    std::optional<Signal> signal;
    const auto listen = [&] { signal.emplace(reactor, SIGCHLD, [&] { ++calls; }); };
    if (signal_first) listen();
    for (int round = 1; round <= 3; ++round) {  // libuv's handler comes and goes with its children
      Child child{loop};
      if (!signal) listen();
      child.end();
      EXPECT_TRUE(run_until(reactor, [&] { return child.has_ended && calls >= round; }))
          << "signal first: " << signal_first << ", round " << round;
      close(child.process);
    }
    signal.reset();
    Child last{loop};
    last.end();
    EXPECT_TRUE(run_until(reactor, [&] { return last.has_ended; }))
        << "libuv serves its children alone again";
    close(last.process);
  }
  ASSERT_EQ(::sigaction(SIGCHLD, &none, nullptr), 0);
}

TEST_F(UvShared, BothGetASignalThatLibuvBeganToHandleLater) {
  int calls = 0;
  int uv_calls = 0;
  std::optional<Signal> signal{std::in_place, reactor, SIGUSR1, [&] { ++calls; }};
  uv_signal_t theirs;
  uv_signal_init(loop, &theirs);
  theirs.data = &uv_calls;
  uv_signal_start(&theirs, [](uv_signal_t* one, int) { ++*static_cast<int*>(one->data); }, SIGUSR1);
  run_turns(reactor, 1);
  (void)::raise(SIGUSR1);  // cannot fail
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 1 && uv_calls == 1; }));
  signal.reset();
  (void)::raise(SIGUSR1);  // as above
  EXPECT_TRUE(run_until(reactor, [&] { return uv_calls == 2; }));
  signal.emplace(reactor, SIGUSR2, [&] { ++calls; });
  uv_signal_stop(&theirs);
  close(theirs);
}

TEST_F(UvShared, ASignalLivesOnWhenLibuvStopsToHandleIt) {
  int calls = 0;
  const Signal signal{reactor, SIGUSR1, [&] { ++calls; }};
  uv_signal_t theirs;
  uv_signal_init(loop, &theirs);
  uv_signal_start(&theirs, [](uv_signal_t*, int) {}, SIGUSR1);
  uv_signal_stop(&theirs);  // libuv sets the default: the signal would end the program
  run_turns(reactor, 1);
  (void)::raise(SIGUSR1);  // cannot fail
  EXPECT_TRUE(run_until(reactor, [&] { return calls == 1; }));
  close(theirs);
}

// --- descriptors that are closed before their watches ------------------------------------------

/// Watches and ends many descriptors, so that the lists of a turn are full.
void rewatch_often(Reactor& reactor, const std::vector<Pair>& pairs) {
  RecordingHandler handler;
  for (int round = 0; round < 200; ++round) {
    for (const Pair& pair : pairs) {
      Watch watch = reactor.watch(pair.ours.get(), Ready::read, handler).value();
      watch.set(Ready::both);
    }
  }
}

TEST_F(UvShared, ADescriptorClosedBeforeItsWatchIsNoAbortHoweverMuchIsRewatched) {
  std::vector<Pair> pairs;
  for (int i = 0; i < 4; ++i) pairs.push_back(unix_pair());
  Pair doomed = unix_pair();
  RecordingHandler handler;
  rewatch_often(reactor, pairs);
  Watch watch = reactor.watch(doomed.ours.get(), Ready::read, handler).value();
  doomed.ours.close();
  rewatch_often(reactor, pairs);
  run_turns(reactor, 3);
  EXPECT_EQ(handler.calls, 0);
  watch.cancel();
  run_turns(reactor, 1);
}

TEST_F(UvShared, ADescriptorThatAUsersCallbackClosesBeforeThePollIsNoAbort) {
  Pair doomed = unix_pair();
  RecordingHandler handler;
  Watch watch = reactor.watch(doomed.ours.get(), Ready::read, handler).value();
  run_turns(reactor, 1);
  watch.set(Ready::both);
  Once once{loop, Once::By::prepare, [&] { doomed.ours.close(); }};
  run_turns(reactor, 2);
  watch.cancel();
  close(once.handle());
}

TEST_F(UvTest, OfAHostADescriptorClosedBeforeItsWatchIsNoAbort) {
  uv_loop_t loop;
  ASSERT_EQ(uv_loop_init(&loop), 0);
  {
    Reactor reactor{host_on(&loop)};
    std::vector<Pair> pairs;
    for (int i = 0; i < 4; ++i) pairs.push_back(unix_pair());
    Pair first = unix_pair();
    Pair second = unix_pair();
    RecordingHandler handler;
    Watch one = reactor.watch(first.ours.get(), Ready::read, handler).value();
    first.ours.close();
    rewatch_often(reactor, pairs);
    uv_run(&loop, UV_RUN_NOWAIT);
    Watch other = reactor.watch(second.ours.get(), Ready::read, handler).value();
    uv_run(&loop, UV_RUN_NOWAIT);
    other.set(Ready::both);
    Once once{&loop, Once::By::prepare, [&] { second.ours.close(); }};
    for (int i = 0; i < 3; ++i) uv_run(&loop, UV_RUN_NOWAIT);
    uv_close(&once.handle(), nullptr);
    one.cancel();
    other.cancel();
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&loop), 0);
}

TEST_F(UvTest, OfAHostBothLearnOfTheEndsOfChildren) {
  uv_loop_t loop;
  ASSERT_EQ(uv_loop_init(&loop), 0);
  {
    Reactor reactor{host_on(&loop)};
    int calls = 0;
    Signal signal{reactor, SIGCHLD, [&] { ++calls; }};
    signal.unref();
    for (int round = 1; round <= 2; ++round) {
      Child child{&loop};
      child.end();
      const TimePoint end = Clock::now() + patience;
      while ((!child.has_ended || calls < round) && Clock::now() < end)
        uv_run(&loop, UV_RUN_NOWAIT);
      EXPECT_TRUE(child.has_ended);
      EXPECT_GE(calls, round);
      uv_close(base(child.process), nullptr);
      uv_run(&loop, UV_RUN_NOWAIT);
    }
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT_EQ(uv_loop_close(&loop), 0);
}

/// A host that polls with this backend, and is run by a handler, polls inside its own poll.
TEST(UvBackend, WaitsInsideItsOwnWait) {
  struct Nesting final : Sink {
    void batch_ended() override {}
    void unclaimed(Token token, Ready) override {
      tokens.push_back(token);
      if (tokens.size() == 1) {
        EXPECT_FALSE(backend->wait(*this, TimePoint::min()));
      }
    }
    std::unique_ptr<Backend> backend = make_backend("uv").value();
    std::vector<Token> tokens;
  } sink;
  const std::array pairs{unix_pair(), unix_pair()};
  std::uint64_t token = 16;
  for (const Pair& pair : pairs) {
    write_all(pair.theirs.get(), "x");
    EXPECT_FALSE(sink.backend->watch(pair.ours.get(), Ready::none, Ready::read, Token{token++}));
  }
  EXPECT_FALSE(sink.backend->wait(sink, TimePoint::min()));
  EXPECT_GE(sink.tokens.size(), 3U);
  for (const Pair& pair : pairs) sink.backend->unwatch(pair.ours.get(), Ready::read);
}

}  // namespace
}  // namespace rondo::test
