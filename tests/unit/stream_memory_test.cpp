// SPDX-License-Identifier: MIT
// Want of memory in the life of streams and servers: what cannot fail does not, what can changes
// nothing, and a stream that has lost a part of its output ends.
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/rondo.h>

#include "support/allocation_counter.h"
#include "support/descriptor_census.h"
#include "support/descriptors.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

struct Ear final : StreamHandler {
  void on_data(Stream& stream, Bytes data) override {
    heard += data.size();
    if (on_data_then) on_data_then(stream);
  }
  void on_close(Stream&, const Close& close) override {
    ++closes;
    reason = close.reason;
    error = close.error;
  }
  std::size_t heard = 0;
  int closes = 0;
  CloseReason reason{};
  std::error_code error;
  Function<void(Stream&)> on_data_then;
};

struct Silent final : Session {
  void on_data(Stream&, Bytes) override {}
};

struct Told final : Session {
  struct All {
    std::vector<Stream*> here;
    int gone = 0;
    int closes = 0;
    Function<void()> on_close_then;
  };
  explicit Told(All& those) : all(those) {}
  ~Told() override { ++all.gone; }
  void on_open(Stream& stream) override { all.here.push_back(&stream); }
  void on_data(Stream&, Bytes) override {}
  void on_close(Stream&, const Close&) override {
    ++all.closes;
    all.on_close_then();
  }
  All& all;
};

class StreamsWithoutMemory : public DescriptorCensus {
 protected:
  // What libuv opens once in a process is opened before the census.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
  Server serve_silently() { return serve<Silent>(reactor, "127.0.0.1:0").value(); }
  /// A client whom the server has.
  Fd connect_to(Server& server) {
    const std::size_t before = server.connections();
    Fd client = tcp_connecting(server.local_endpoint().port());
    EXPECT_TRUE(run_until(reactor, [&] { return server.connections() > before; }));
    return client;
  }

  Reactor reactor;
};

TEST_F(StreamsWithoutMemory, ServersAbortAndEnd) {
  std::optional<Server> server{serve_silently()};
  const Fd first = connect_to(*server);
  const Fd second = connect_to(*server);
  {
    const FewAllocations none{0};
    server->abort();
  }
  EXPECT_TRUE(run_until(reactor, [&] { return server->connections() == 0; }));
  server.emplace(serve_silently());
  const Fd third = connect_to(*server);
  const Fd fourth = connect_to(*server);
  const FewAllocations none{0};
  server.reset();
}

// Some of its sessions have called on_close, some are about to, some have something to
// send, some do not; and a stream that another object owns is between them.
TEST_F(StreamsWithoutMemory, ServersEndAmongStreamsThatWaitForTheEndOfTheTurn) {
  Told::All all;
  std::optional<Server> server{serve<Told>(reactor, "127.0.0.1:0", {}, all).value()};
  std::vector<Fd> clients;
  while (clients.size() < 9) clients.push_back(connect_to(*server));
  ASSERT_TRUE(run_until(reactor, [&] { return all.here.size() == 9; }));
  Ear other;
  Pair pair = unix_pair();
  const auto bystander =
      Stream::adopt(reactor, Socket{system_net(), pair.ours.release()}, other).value();
  run_turns(reactor, 3);
  all.on_close_then = [&] {
    all.here[8]->abort();
    all.here[3]->write("again");
    const FewAllocations none{0};
    server.reset();
  };
  for (const std::size_t one : {7U, 1U}) all.here[one]->write("hello");
  all.here[4]->abort();
  bystander->write("hello");
  for (const std::size_t one : {0U, 5U}) all.here[one]->abort();
  all.here[3]->write("hello");
  run_turns(reactor, 3);
  EXPECT_EQ(all.gone, 9);
  EXPECT_EQ(all.closes, 1);
  EXPECT_EQ(read_all(pair.theirs.get()), "hello");
}

TEST_F(StreamsWithoutMemory, ADrainThatCannotBeginChangesNothing) {
  Server server = serve_silently();
  const Fd client = connect_to(server);
  // As many timers as there is room for.
  std::vector<std::unique_ptr<Timer>> timers;
  for (bool has_room = true; has_room;) {
    timers.push_back(std::make_unique<Timer>(reactor, [] {}));
    try {
      const FewAllocations none{0};
      const Timer one_more{reactor, [] {}};
    } catch (const std::bad_alloc&) {
      has_room = false;
    }
  }
  {
    const FewAllocations none{0};
    EXPECT_THROW(server.drain(std::chrono::seconds{1}), std::bad_alloc);
  }
  const Fd late = connect_to(server);
  server.drain(std::chrono::seconds{1});
  EXPECT_TRUE(reactor.run());
}

TEST_F(StreamsWithoutMemory, ReactorsEndWithWhatWasLetGo) {
  Ear ear;
  Pair pair = unix_pair();
  auto own = std::make_unique<Reactor>();
  auto stream = Stream::adopt(*own, Socket{system_net(), pair.ours.release()}, ear).value();
  fill_until_full(stream->fd());
  stream->write(std::string(10'000, 'x'));
  Stream::close_detached(std::move(stream));
  const FewAllocations none{0};
  own.reset();
}

// Between the turn's wait and its end.
TEST_F(StreamsWithoutMemory, ReactorsEndWithWhatWasLetGoAndHasJustConnected) {
  Ear ear;
  const Listener listener = tcp_listener();
  auto own = std::make_unique<Reactor>();
  auto stream = connect(*own, "127.0.0.1:" + std::to_string(listener.port), ear);
  stream->write("for no reader");
  const Stream& seen = *stream;
  Stream::close_detached(std::move(stream));
  std::optional<Timer> timer;
  timer.emplace(*own, [&] {
    if (!seen.connecting()) throw std::bad_alloc{};
    timer->arm_after(Duration::zero());
  });
  timer->arm_after(Duration::zero());
  EXPECT_THROW((void)own->run(), std::bad_alloc);  // it returns nothing
  timer.reset();
  own.reset();
  EXPECT_EQ(ear.closes, 0);
}

TEST_F(StreamsWithoutMemory, ClientsThatAreNotConnectedSaySo) {
  Ear ear;
  const auto stream = connect(reactor, "not an address", ear);
  for (int enough = 0; ear.closes == 0 && enough < 100; ++enough) {
    try {
      const FewAllocations few{static_cast<std::uint64_t>(enough)};
      EXPECT_TRUE(reactor.run());
    } catch (const std::bad_alloc&) {
    }
  }
  EXPECT_EQ(ear.closes, 1);
  EXPECT_EQ(ear.reason, CloseReason::not_connected);
}

// The system takes a part of an answer, and there is no room for the rest.
TEST_F(StreamsWithoutMemory, AnAnswerThatIsLostEndsItsStreamAndNoOther) {
  Ear answering;
  Ear other;
  Pair pair = unix_pair();
  Pair bystanders = unix_pair();
  const auto stream =
      Stream::adopt(reactor, Socket{system_net(), pair.ours.release()}, answering).value();
  const auto bystander =
      Stream::adopt(reactor, Socket{system_net(), bystanders.ours.release()}, other).value();
  answering.on_data_then = [](Stream& one) { one.write("an answer"); };
  run_turns(reactor, 3);
  fill_until_full(stream->fd());
  write_all(pair.theirs.get(), "x");
  {
    const FewAllocations none{0};
    EXPECT_TRUE(reactor.run_once(Duration::zero()));
  }
  EXPECT_TRUE(run_until(reactor, [&] { return answering.closes == 1; }));
  EXPECT_EQ(answering.error, std::errc::not_enough_memory);
  write_all(bystanders.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return other.heard == 5; }));
}

// An extra, a piece, and a place for it: what was written before has them.
TEST_F(StreamsWithoutMemory, WhatWasWrittenLeavesWithoutWhatCouldNotBe) {
  for (const std::size_t second : {std::size_t{3'000}, std::size_t{5'000}}) {
    Ear ear;
    Pair pair = unix_pair();
    const auto stream =
        Stream::adopt(reactor, Socket{system_net(), pair.ours.release()}, ear).value();
    ear.on_data_then = [second](Stream& one) {
      const std::string first(6'000, 'x');
      const std::string more(second, 'y');
      EXPECT_EQ(one.write(first), WriteStatus::accepted);
      const FewAllocations few{3};
      EXPECT_THROW(one.write(more), std::bad_alloc);
    };
    run_turns(reactor, 3);
    // The larger one is offered to the system at once.
    const std::size_t filled = second < 4'096 ? 0 : fill_until_full(stream->fd());
    write_all(pair.theirs.get(), "x");
    std::string got;
    EXPECT_TRUE(run_until(reactor, [&] {
      if (ear.heard > 0) got += read_all(pair.theirs.get());
      return got.size() >= filled + 6'000;
    }));
    EXPECT_EQ(got.size(), filled + 6'000);
    EXPECT_EQ(got.find('y'), std::string::npos);
    EXPECT_EQ(stream->unsent_bytes(), 0u);
    EXPECT_EQ(ear.closes, 0);
  }
}

// The system takes a part of a large piece at once.
TEST_F(StreamsWithoutMemory, AWriteThatIsCutOffEndsTheStream) {
  Ear ear;
  Pair pair = unix_pair();
  const auto stream =
      Stream::adopt(reactor, Socket{system_net(), pair.ours.release()}, ear).value();
  run_turns(reactor, 3);
  const std::string large(10'000'000, 'x');
  {
    const FewAllocations none{0};
    EXPECT_EQ(stream->write(large), WriteStatus::refused);
  }
  EXPECT_TRUE(run_until(reactor, [&] { return ear.closes == 1; }));
  EXPECT_EQ(ear.error, std::errc::not_enough_memory);
}

TEST_F(StreamsWithoutMemory, AnEmptyPieceIsNoBeginning) {
  Ear ear;
  Pair pair = unix_pair();
  const auto stream =
      Stream::adopt(reactor, Socket{system_net(), pair.ours.release()}, ear).value();
  run_turns(reactor, 3);
  const std::byte one[1] = {};
  const Bytes parts[] = {Bytes{}, Bytes{one}};
  {
    const FewAllocations an_extra{1};
    EXPECT_THROW(stream->write_parts(parts), std::bad_alloc);
  }
  EXPECT_EQ(stream->write_parts(parts), WriteStatus::accepted);
  run_turns(reactor, 3);
  EXPECT_EQ(read_all(pair.theirs.get()).size(), 1u);
  EXPECT_EQ(ear.closes, 0);
}

TEST_F(StreamsWithoutMemory, ACloseThatCannotBeginChangesNothing) {
  Ear ear;
  Pair pair = unix_pair();
  const auto stream =
      Stream::adopt(reactor, Socket{system_net(), pair.ours.release()}, ear).value();
  run_turns(reactor, 3);
  {
    const FewAllocations none{0};
    EXPECT_THROW(stream->close(std::chrono::seconds{1}), std::bad_alloc);
  }
  EXPECT_FALSE(stream->is_closing());
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(run_until(reactor, [&] { return ear.heard == 5; }));
  stream->close(std::chrono::seconds{1});
  EXPECT_TRUE(run_until(reactor, [&] { return ear.closes == 1; }));
}

}  // namespace
}  // namespace rondo::test
