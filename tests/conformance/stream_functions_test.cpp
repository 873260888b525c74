// SPDX-License-Identifier: MIT
// Streams with functions instead of a handler.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <rondo/client.h>
#include <rondo/server.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

class FunctionStreams : public ServersOnEveryBackend {
 protected:
  std::unique_ptr<Stream> open(StreamFunctions functions, const StreamOptions& options = {}) {
    Pair pair = unix_pair();
    peer = std::move(pair.theirs);
    return Stream::adopt(reactor, Socket{net, pair.ours.release()}, std::move(functions), options)
        .value();
  }

  Fd peer;
};
RONDO_ON_EVERY_BACKEND(FunctionStreams);

TEST_P(FunctionStreams, CallEachFunction) {
  std::string calls;
  const auto stream =
      open({.on_open = [&](Stream&) { calls += "open "; },
            .on_data = [&](Stream&, Bytes data) { calls += std::string{as_text(data)} + ' '; },
            .on_end = [&](Stream&) { calls += "end "; },
            .on_writable = [&](Stream&) { calls += "writable "; },
            .on_close = [&](Stream&, const Close& why) { calls += why.message(); }},
           {.write_high_water = 10});
  run_on();
  EXPECT_EQ(calls, "open ");
  write_all(peer.get(), "data");
  run_on();
  EXPECT_EQ(calls, "open data ");
  const std::size_t filled = fill_until_full(stream->fd());
  EXPECT_EQ(stream->write("more than ten bytes"), WriteStatus::above_high_water);
  EXPECT_EQ(read_by_peer(peer, filled + 19).size(), filled + 19);
  EXPECT_TRUE(runs_until([&] { return calls == "open data writable "; }));
  peer.close();
  run_on();
  EXPECT_EQ(calls, "open data writable end ");
  EXPECT_FALSE(stream->is_closing()) << "on_end decides";
  stream->close();
  run_on();
  EXPECT_EQ(calls, "open data writable end eof");
}

TEST_P(FunctionStreams, NeedNone) {
  const auto stream = open({}, {.write_high_water = 10});
  write_all(peer.get(), "data");
  run_on();
  const std::size_t filled = fill_until_full(stream->fd());
  stream->write("more than ten bytes");
  EXPECT_EQ(read_by_peer(peer, filled + 19).size(), filled + 19);
  run_on();
  EXPECT_FALSE(stream->is_closing());
  peer.close();
  EXPECT_TRUE(runs_until([&] { return stream->fd() < 0; })) << "without on_end it closes";
}

// What a function holds lives until the function has returned, and no longer than the stream.
TEST_P(FunctionStreams, MayBeDestroyedByTheirOwnFunctions) {
  for (const bool in_on_close : {false, true}) {
    const auto held = std::make_shared<std::string>("held");
    std::unique_ptr<Stream> stream;
    long uses_afterwards = 0;
    const auto destroy = [&, held] {
      stream.reset();
      uses_afterwards = held.use_count();
      EXPECT_EQ(*held, "held");
    };
    StreamFunctions functions;
    functions.on_data = [in_on_close, destroy](Stream& one, Bytes) {
      in_on_close ? one.abort() : destroy();
    };
    functions.on_close = [destroy](Stream&, const Close&) { destroy(); };
    stream = open(std::move(functions));
    write_all(peer.get(), "data");
    EXPECT_TRUE(runs_until([&] { return stream == nullptr; }));
    EXPECT_GT(uses_afterwards, 2);
    run_on();
    EXPECT_EQ(held.use_count(), 2) << "this one, and that of `destroy`";
  }
}

TEST_P(FunctionStreams, LiveAsLongAsTheStream) {
  const auto held = std::make_shared<int>(1);
  auto stream = open({.on_data = [held](Stream&, Bytes) { ADD_FAILURE(); }});
  run_on();
  EXPECT_EQ(held.use_count(), 2);
  const std::size_t filled = fill_until_full(stream->fd());
  stream->write("left behind");
  Stream::close_detached(std::move(stream));
  write_all(peer.get(), "is not reported");
  run_on();
  EXPECT_EQ(read_by_peer(peer, filled + 11).substr(filled), "left behind");
  peer.close();  // it lingers, since it has dropped input
  EXPECT_TRUE(runs_until([&] { return held.use_count() == 1; }));
}

TEST_P(FunctionStreams, LetExceptionsThrough) {
  std::string ended;
  const auto stream = open({.on_data = [](Stream&, Bytes) { throw std::runtime_error{"mine"}; },
                            .on_close = [&](Stream&, const Close& why) { ended = why.message(); }});
  write_all(peer.get(), "data");
  EXPECT_THROW((void)runs_until([&] { return !ended.empty(); }), std::runtime_error);  // it throws
  run_on();
  EXPECT_EQ(ended, "aborted");
}

TEST_P(FunctionStreams, MayGetAHandlerLater) {
  int calls = 0;
  const auto stream = open({.on_data = [&](Stream&, Bytes) { ++calls; }});
  write_all(peer.get(), "one");
  EXPECT_TRUE(runs_until([&] { return calls == 1; }));
  StreamRecorder recorder;
  stream->set_handler(recorder);
  write_all(peer.get(), "two");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "two"; }));
  EXPECT_EQ(calls, 1);
}

TEST_P(FunctionStreams, Connect) {
  const auto server = serve(reactor, "127.0.0.1:0", echo()).value();
  std::string received;
  std::string ended;
  std::unique_ptr<Stream> stream = rondo::connect(
      reactor, server.local_endpoint().to_string(),
      StreamFunctions{.on_open = [](Stream& one) { one.write("hello"); },
                      .on_data = [&](Stream&, Bytes data) { received += as_text(data); },
                      .on_close = [&](Stream&, const Close& why) { ended = why.message(); }});
  EXPECT_TRUE(stream->connecting());
  EXPECT_TRUE(runs_until([&] { return received == "hello"; }));
  stream->close();
  EXPECT_TRUE(runs_until([&] { return !ended.empty(); }));
}

TEST_P(FunctionStreams, SayWhyTheyCouldNotConnect) {
  CloseReason reason{};
  std::string message;
  const auto held = std::make_shared<int>(1);
  std::unique_ptr<Stream> stream;
  stream = rondo::connect(reactor, "not an address",
                          StreamFunctions{.on_close = [&, held](Stream&, const Close& why) {
                            reason = why.reason;
                            message = why.message();
                            stream.reset();
                            EXPECT_EQ(held.use_count(), 2);
                          }});
  EXPECT_TRUE(runs_until([&] { return stream == nullptr; }));
  EXPECT_EQ(reason, CloseReason::not_connected);
  EXPECT_FALSE(message.empty());
  run_on();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace rondo::test
