// SPDX-License-Identifier: MIT
// Out of memory: each make function throws std::bad_alloc and leaves nothing behind.
#include <signal.h>

#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <rondo/rondo.h>

#include "support/allocation_counter.h"
#include "support/child_process.h"
#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/recording_handler.h"

namespace rondo::test {
namespace {

class LackOfMemory : public DescriptorCensus {
 protected:
  // Descriptors that libuv opens once in a process are opened before the census.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
  /// Calls `make` with one more allowed allocation each time until it succeeds, and `look` after
  /// each call that threw. Returns the number of calls that threw.
  template <typename Make, typename Look>
  static int starve(Make make, Look look) {
    constexpr int allocations_max = 100;
    for (int enough = 0; enough < allocations_max; ++enough) {
      try {
        const FewAllocations few{static_cast<std::uint64_t>(enough)};
        make();
        return enough;
      } catch (const std::bad_alloc&) {
      }
      look();
    }
    ADD_FAILURE() << "it never succeeds";
    return allocations_max;
  }
};

TEST_F(LackOfMemory, ThrowsFromTheMakingOfAReactor) {
  for (const BuiltBackend& built : built_backends()) {
    const std::map<int, std::string> before = open_descriptors();
    const int times = starve([&] { EXPECT_TRUE(Reactor::make({.backend = built.name})); },
                             [&] { EXPECT_EQ(open_descriptors(), before); });
    EXPECT_GT(times, 1) << built.name;
  }
}

TEST_F(LackOfMemory, ThrowsFromTheMakingOfWhatAReactorHolds) {
  Reactor reactor;
  const auto expect_idle = [&] { EXPECT_FALSE(reactor.alive()); };
  EXPECT_GT(starve([&] { EXPECT_TRUE(Signal::make(reactor, SIGUSR1, [] {})); }, expect_idle), 0);
  EXPECT_GT(starve([&] { const Timer timer{reactor, [] {}}; }, expect_idle), 0);
  const auto where = Endpoint::loopback(0);
  const auto accept = [](Socket, const Endpoint&) {};
  const std::map<int, std::string> before = open_descriptors();
  EXPECT_GT(starve([&] { EXPECT_TRUE(Acceptor::make(reactor, where, accept)); },
                   [&] {
                     expect_idle();
                     EXPECT_EQ(open_descriptors(), before);
                   }),
            0);
}

TEST_F(LackOfMemory, ThrowsFromTheHandingOverOfWork) {
  Reactor reactor;
  int run = 0;
  const auto expect_idle = [&] { EXPECT_FALSE(reactor.alive()); };
  EXPECT_GT(starve([&] { reactor.defer([&] { ++run; }); }, expect_idle), 0);
  EXPECT_TRUE(reactor.run());
  EXPECT_GT(starve([&] { reactor.post([&] { ++run; }); }, expect_idle), 0);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(run, 2);
}

TEST_F(LackOfMemory, IsAnErrorOfTheFirstUseInAChild) {
  Reactor reactor;
  const Pair pair = unix_pair();
  EXPECT_EQ(in_child([&] {
              RecordingHandler handler;
              {
                const FewAllocations none{0, 1};  // the error's context can be allocated
                const auto refused = reactor.watch(pair.ours.get(), Ready::read, handler);
                RONDO_CHILD_REQUIRE(!refused);
                RONDO_CHILD_REQUIRE(refused.error() == std::errc::not_enough_memory);
              }
              RONDO_CHILD_REQUIRE(reactor.watch(pair.ours.get(), Ready::read, handler));
              return 0;
            }),
            0);
}

TEST_F(LackOfMemory, EndsAStreamThatIsPassedDescriptors) {
  struct Closes final : StreamHandler {
    void on_data(Stream&, Bytes) override { ++data; }
    void on_close(Stream&, const Close& close) override { error = close.error; }
    int data = 0;
    std::error_code error;
  } handler;
  Reactor reactor;
  auto ends = Socket::pair(system_net(), SocketType::stream).value();
  const auto stream =
      Stream::adopt(reactor, std::move(ends[0]), handler, {.receive_descriptors = true}).value();
  EXPECT_TRUE(reactor.run_once(Duration::zero()));
  const int passed = ends[1].fd();
  EXPECT_TRUE(send_descriptors(ends[1], std::as_bytes(std::span{"x", 1}), {&passed, 1}));
  std::map<int, std::string> before = open_descriptors();
  before.erase(stream->fd());
  {
    const FewAllocations none{0};
    for (int turn = 0; turn < 3; ++turn) (void)reactor.run_once(Duration::zero());  // checked below
  }
  EXPECT_EQ(handler.error, std::errc::not_enough_memory);
  EXPECT_EQ(handler.data, 0);
  EXPECT_EQ(open_descriptors(), before);
}

// Once, the lists of pending streams had room only for streams that have a descriptor.
TEST_F(LackOfMemory, EndsAStreamThatConnects) {
  struct Closes final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
    void on_close(Stream&, const Close& close) override { reasons.push_back(close.reason); }
    std::vector<CloseReason> reasons;
  } handler;
  Reactor reactor;
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(connect(reactor, "127.0.0.1:1", handler));
  {
    const FewAllocations none{0};
    for (const auto& stream : streams) stream->abort();
  }
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(handler.reasons, std::vector(20, CloseReason::aborted));
}

TEST_F(LackOfMemory, DoesNotKeepAServerFromItsEnd) {
  struct Silent final : Session {
    void on_data(Stream&, Bytes) override {}
  };
  struct Counts final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
    void on_close(Stream&, const Close&) override { ++closes; }
    int closes = 0;
  } handler;
  Reactor reactor;
  for (const bool aborts : {true, false}) {
    std::optional<Server> server = serve<Silent>(reactor, "127.0.0.1:0").value();
    std::vector<std::unique_ptr<Stream>> clients;
    for (int i = 0; i < 20; ++i)
      clients.push_back(connect(reactor, server->local_endpoint().to_string(), handler));
    for (int turn = 0; turn < 10'000 && server->connections() < 20; ++turn)
      EXPECT_TRUE(reactor.run_once());
    {
      const FewAllocations none{0};
      aborts ? server->abort() : server.reset();
    }
    EXPECT_TRUE(reactor.run());
  }
  EXPECT_EQ(handler.closes, 40);
}

TEST_F(LackOfMemory, IsAnErrorOfAWatch) {
  Reactor reactor;
  const Pair pair = unix_pair();
  RecordingHandler handler;
  for (int enough = 0; enough < 10; ++enough) {
    const FewAllocations few{static_cast<std::uint64_t>(enough), 1};
    const auto watch = reactor.watch(pair.ours.get(), Ready::read, handler);
    EXPECT_EQ(reactor.alive(), watch.has_value());
    if (watch) return;
    EXPECT_EQ(watch.error(), std::errc::not_enough_memory);
  }
  ADD_FAILURE() << "it never succeeds";
}

TEST_F(LackOfMemory, LeavesAnInputBufferUnchanged) {
  InputBuffer buffer;
  buffer.lend("kept ");
  buffer.keep();
  const std::string chunk(10'000, 'x');
  buffer.lend(chunk);
  {
    const FewAllocations none{0};
    EXPECT_THROW(buffer.keep(), std::bad_alloc);
    EXPECT_THROW((void)buffer.front(10'005), std::bad_alloc);  // it throws
  }
  EXPECT_EQ(buffer.kept(), "kept ");
  EXPECT_EQ(buffer.front(10'005), "kept " + chunk);
}

}  // namespace
}  // namespace rondo::test
