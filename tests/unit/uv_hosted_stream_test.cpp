// SPDX-License-Identifier: MIT
// Streams and servers inside a user's libuv loop, also if a callback runs that loop.
#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/uv.h>

#include "support/stream_fixture.h"
#include "support/uv_fixture.h"

namespace rondo::test {
namespace {

class UvHostedStreams : public UvTest {
 protected:
  UvHostedStreams() {
    EXPECT_EQ(uv_loop_init(&loop), 0);
    reactor.emplace(std::move(host_on(&loop)).value());
  }
  ~UvHostedStreams() override {
    reactor.reset();
    EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
    EXPECT_EQ(uv_loop_close(&loop), 0) << "no handle of the reactor is left";
  }
  std::unique_ptr<Stream> adopt(Fd& fd, StreamHandler& handler) {
    return Stream::adopt(*reactor, Socket{system_net(), fd.release()}, handler).value();
  }
  void turns(int count) {
    // It returns whether something is left, which no test needs.
    for (; count > 0; --count) (void)uv_run(&loop, UV_RUN_NOWAIT);
  }
  static void echo(StreamRecorder& recorder) {
    recorder.on_data_then = [](Stream& stream, Bytes data) { stream.write(data); };
  }

  uv_loop_t loop{};
  std::optional<Reactor> reactor;
  StreamRecorder one;
  StreamRecorder other;
};

TEST_F(UvHostedStreams, EchoUntilTheirPeersLeave) {
  Pair pair = unix_pair();
  echo(one);
  other.on_open_then = [](Stream& stream) { stream.write("hello"); };
  other.on_data_then = [](Stream& stream, Bytes) { stream.close(); };
  const auto first = adopt(pair.ours, one);
  const auto second = adopt(pair.theirs, other);
  EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0) << "nothing keeps the host running";
  EXPECT_EQ(other.received, "hello");
  EXPECT_EQ(one.closes, 1);
  EXPECT_EQ(other.closes, 1);
}

TEST_F(UvHostedStreams, WhatIsWrittenFromTheHostsCallbacksLeaves) {
  Pair pair = unix_pair();
  const auto stream = adopt(pair.ours, one);
  turns(3);
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  timer.data = stream.get();
  uv_timer_start(
      &timer,
      [](uv_timer_t* handle) {
        static_cast<Stream*>(handle->data)->write("from outside");
        uv_close(base(*handle), nullptr);
      },
      1, 0);
  while (uv_is_active(base(timer)) != 0) turns(1);
  turns(3);
  EXPECT_EQ(read_all(pair.theirs.get()), "from outside");
}

TEST_F(UvHostedStreams, OnOpenComesBeforeDataAlsoIfAdoptedInTheHostsCallback) {
  struct Adopting {
    std::function<void()> then;
    uv_prepare_t prepare{};
  } adopting;
  Pair pair = unix_pair();
  write_all(pair.theirs.get(), "early");
  std::unique_ptr<Stream> stream;
  one.on_data_then = [&](Stream&, Bytes) { EXPECT_EQ(one.opens, 1); };
  adopting.then = [&] { stream = adopt(pair.ours, one); };
  uv_prepare_init(&loop, &adopting.prepare);
  adopting.prepare.data = &adopting;
  uv_prepare_start(&adopting.prepare, [](uv_prepare_t* handle) {
    static_cast<Adopting*>(handle->data)->then();
    uv_close(base(*handle), nullptr);
  });
  for (int i = 0; i < 100 && one.calls == 0; ++i) turns(1);
  EXPECT_EQ(one.received, "early");
}

TEST_F(UvHostedStreams, AnExceptionIsHandedToTheHookAndTheStreamAborted) {
  Pair pair = unix_pair();
  int hooked = 0;
  reactor->set_exception_handler([&](const std::exception_ptr&) { ++hooked; });
  one.on_data_then = [](Stream&, Bytes) { throw std::runtime_error{"a user's"}; };
  const auto stream = adopt(pair.ours, one);
  write_all(pair.theirs.get(), "x");
  EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(hooked, 1);
  EXPECT_EQ(one.closes, 1);
  EXPECT_EQ(one.reason, CloseReason::aborted);
}

// The recorder fails if a stream is called while one of its calls is running.
TEST_F(UvHostedStreams, ACallThatRunsTheHostKeepsItsDataAndIsNotCalledAgainInside) {
  Pair mine = unix_pair();
  Pair others = unix_pair();
  Pair thirds = unix_pair();
  echo(other);
  StreamRecorder third;
  const auto closing = adopt(thirds.ours, third);
  std::string kept;
  one.on_data_then = [&](Stream& stream, Bytes data) {
    stream.write("before ");
    write_all(thirds.theirs.get(), "unread when it closes");
    closing->close();
    write_all(mine.theirs.get(), "more");
    write_all(others.theirs.get(), "something else");
    turns(5);
    kept += text_of(data);
    stream.write("after ");
    one.on_data_then = nullptr;
  };
  const auto first = adopt(mine.ours, one);
  const auto second = adopt(others.ours, other);
  turns(3);
  write_all(mine.theirs.get(), "my own data");
  for (int i = 0; i < 100 && one.calls < 2; ++i) turns(1);
  EXPECT_EQ(kept, "my own data") << "the data of another stream arrived while this was in use";
  EXPECT_EQ(one.received, "my own datamore");
  EXPECT_EQ(other.received, "something else");
  EXPECT_EQ(third.received, "");
  turns(3);
  EXPECT_EQ(read_all(mine.theirs.get()), "before after ");
  EXPECT_EQ(read_all(others.theirs.get()), "something else");
}

TEST_F(UvHostedStreams, ACallThatRunsTheHostIsNotTheLastOne) {
  for (int way = 0; way < 4; ++way) {
    SCOPED_TRACE(way);
    Pair pair = unix_pair();
    one = StreamRecorder{};
    bool returned = false;
    const auto act = [&](Stream& stream) {
      if (way % 2 == 0) stream.abort();
      if (way % 2 == 1) stream.close();
      turns(5);
      EXPECT_EQ(one.closes, 0) << "not while another call of it runs";
      returned = true;
    };
    if (way < 2) one.on_data_then = [act](Stream& stream, Bytes) { act(stream); };
    if (way >= 2) one.on_open_then = act;
    const auto stream = adopt(pair.ours, one);
    write_all(pair.theirs.get(), "x");
    for (int i = 0; i < 100 && !returned; ++i) turns(1);
    pair.theirs.close();
    for (int i = 0; i < 100 && one.closes == 0; ++i) turns(1);
    EXPECT_TRUE(returned);
    EXPECT_EQ(one.closes, 1);
  }
}

TEST_F(UvHostedStreams, ANeighbourMayBeDestroyedInsideTheHostThatACallRuns) {
  Pair mine = unix_pair();
  Pair others = unix_pair();
  std::unique_ptr<Stream> first;
  std::unique_ptr<Stream> second;
  one.on_data_then = [&](Stream&, Bytes) {
    write_all(others.theirs.get(), "x");
    for (int i = 0; i < 100 && other.calls == 0; ++i) turns(1);
  };
  other.on_data_then = [&](Stream&, Bytes) {
    first.reset();  // the stream in whose call this runs
    second.reset();
  };
  first = adopt(mine.ours, one);
  second = adopt(others.ours, other);
  write_all(mine.theirs.get(), "x");
  EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(other.calls, 1);
  EXPECT_FALSE(first);
  EXPECT_FALSE(second);
}

TEST_F(UvHostedStreams, AServerMayBeDestroyedInsideTheHostThatItsSessionRuns) {
  std::optional<Server> server;
  int calls = 0;
  server.emplace(serve(*reactor, "127.0.0.1:0", [&](Stream& client, Bytes data) {
                   if (++calls == 1) {
                     for (int i = 0; i < 100 && calls == 1; ++i) turns(1);
                     client.write(data);
                     turns(3);
                     return;
                   }
                   server.reset();
                   turns(3);
                   client.write(data);
                 }).value());
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(tcp_connecting(server->local_endpoint().port()));
    for (int j = 0; j < 1000 && server->connections() <= static_cast<std::size_t>(i); ++j) turns(1);
  }
  for (const Fd& client : clients) write_all(client.get(), "x");
  EXPECT_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(calls, 2) << "no stream was called after its end";
}

}  // namespace
}  // namespace rondo::test
