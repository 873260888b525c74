// SPDX-License-Identifier: MIT
// What a forked child shares with its parent stays as it is: datagrams that wait, and connections.
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <rondo/datagram.h>
#include <rondo/server.h>

#include "support/child_process.h"
#include "support/framed_layer.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

class ForkSharing : public ReactorOnEveryBackend {
 protected:
  int run_child() {
    for (int turns = 0; turns < 4; ++turns) RONDO_CHILD_REQUIRE(reactor.run_once(Duration::zero()));
    return 0;
  }
};
RONDO_ON_EVERY_BACKEND(ForkSharing);

// What waits at the fork is the parent's to send: once.
TEST_P(ForkSharing, DatagramsThatWaitAreSentOnce) {
  struct Counting final : DatagramHandler {
    void on_datagrams(DatagramSocket&, std::span<const Datagram> received) override {
      for (const Datagram& one : received) text.append(one.text()).append(" ");
    }
    std::string text;
  } there;
  Counting here;
  DatagramSocket server = DatagramSocket::make(reactor, Endpoint::loopback(0), there).value();
  const Endpoint to = server.local_endpoint().value();
  for (const bool runs : {false, true}) {
    there.text.clear();
    auto client =
        std::make_unique<DatagramSocket>(DatagramSocket::connect(reactor, to, here).value());
    client->send("waits");
    EXPECT_EQ(in_child([&] {
                if (runs) {
                  server.pause();
                  client->send("child");
                  for (int turns = 0; turns < 3; ++turns)
                    RONDO_CHILD_REQUIRE(reactor.run_once(Duration::zero()));
                }
                client.reset();
                return 0;
              }),
              0);
    client->send("last");
    EXPECT_TRUE(run_until(reactor, [&] { return there.text.ends_with("last "); }));
    // What a child sends in a simulated kernel stays in its own copy of it.
    if (runs && there.text.starts_with("child ")) there.text.erase(0, 6);
    EXPECT_EQ(there.text, "waits last ");
  }
}

TEST_P(ForkSharing, OutputThatWaitsIsSentOnce) {
  struct Silent final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
  } handler;
  for (const bool closes : {false, true}) {
    auto ends = Socket::pair(kernel().net(), SocketType::stream).value();
    auto stream = Stream::adopt(reactor, std::move(ends[0]), handler).value();
    stream->write("it waits");
    if (closes) stream->close();
    EXPECT_EQ(in_child([&] {
                const int result = run_child();
                stream.reset();
                return result;
              }),
              0);
    if (!closes) stream->write(" once");
    const std::string all = closes ? "it waits" : "it waits once";
    std::string received;
    bool has_ended = false;
    EXPECT_TRUE(run_until(reactor, [&] {
      std::array<std::byte, 64> room;
      const auto size = ends[1].read(room);
      if (size) received.append(reinterpret_cast<const char*>(room.data()), *size);
      has_ended = size && *size == 0;
      return closes ? has_ended : received.ends_with("once");
    }));
    EXPECT_EQ(received, all);
  }
}

TEST_P(ForkSharing, TheChildMayWriteAfterWhatTheParentHasQueued) {
  struct Silent final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
  } handler;
  auto ends = Socket::pair(kernel().net(), SocketType::stream).value();
  auto stream = Stream::adopt(reactor, std::move(ends[0]), handler).value();
  stream->write("parent ");
  EXPECT_EQ(in_child([&] {
              stream->write("child ");
              const int result = run_child();
              stream.reset();
              return result;
            }),
            0);
  std::string received;
  EXPECT_TRUE(run_until(reactor, [&] {
    std::array<std::byte, 64> room;
    const auto size = ends[1].read(room);
    if (size) received.append(reinterpret_cast<const char*>(room.data()), *size);
    return received.ends_with("parent ");
  }));
  // What a child sends in a simulated kernel stays in its own copy of it.
  EXPECT_TRUE(received == "child parent " || received == "parent ") << received;
}

// With the state of a layer in two processes, what it protects would be lost.
TEST_P(ForkSharing, AConnectionWithALayerIsTheParentsAlone) {
  struct Heard final : StreamHandler {
    void on_data(Stream&, Bytes data) override {
      text.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
    std::string text;
  } handler;
  FramedLayers layers;
  auto ends = Socket::pair(kernel().net(), SocketType::stream).value();
  auto stream = Stream::adopt(reactor, std::move(ends[0]), handler).value();
  ASSERT_TRUE(stream->upgrade(layers, "", {}));
  const auto says = [&](std::string_view wire) {
    EXPECT_TRUE(ends[1].write(std::as_bytes(std::span{wire})));
  };
  std::string sent;
  const auto has_sent = [&](std::size_t size) {
    return run_until(reactor, [&] {
      std::array<std::byte, 64> room;
      const auto got = ends[1].read(room);
      if (got) sent.append(reinterpret_cast<const char*>(room.data()), *got);
      return sent.size() >= size;
    });
  };
  const auto child = [&] {
    return in_child([&] {
      const int before = run_child();  // what was queued at the fork is dropped in it
      stream->write("child");
      const int result = before + run_child();
      stream.reset();
      return result;
    });
  };
  says("layr");
  EXPECT_EQ(child(), 0) << "in the handshake";
  EXPECT_TRUE(has_sent(4));
  stream->write("a");
  EXPECT_TRUE(has_sent(7));
  EXPECT_EQ(child(), 0) << "open, without input";
  says(std::string_view{"\0\1\x38", 3});  // a frame of "b"
  EXPECT_EQ(child(), 0) << "open, with input";
  EXPECT_TRUE(run_until(reactor, [&] { return handler.text == "b"; }));
  stream->write("c");
  EXPECT_TRUE(has_sent(10));
  EXPECT_EQ(sent, (std::string{"layr\0\1\x3b\0\1\x39", 10}));
}

// A reset needs an option of the socket, which the child shares with its parent.
TEST_P(ForkSharing, ConnectionsOfAServerThatTheChildEndsGoOn) {
  auto server =
      std::make_unique<Server>(serve(reactor, "127.0.0.1:0", [](Stream& client, Bytes data) {
                                 client.write(data);
                               }).value());
  Socket client = Socket::connect(kernel().net(), server->local_endpoint()).value();
  EXPECT_TRUE(run_until(reactor, [&] { return server->connections() == 1; }));
  void (*const ends[])(Server&) = {[](Server&) {}, [](Server& one) { one.abort(); },
                                   [](Server& one) { one.drain(Duration::zero()); },
                                   [](Server& one) { one.drain(patience); }};
  for (std::size_t i = 0; i < 2 * std::size(ends); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(in_child([&] {
                ends[i / 2](*server);
                if (i % 2 != 0) run_child();
                server.reset();
                return 0;
              }),
              0);
    (void)client.write(std::as_bytes(std::span{"still there", 11}));  // 11 bytes fit
    std::string echoed;
    EXPECT_TRUE(run_until(reactor, [&] {
      std::array<std::byte, 64> room;
      const auto size = client.read(room);
      if (size) echoed.append(reinterpret_cast<const char*>(room.data()), *size);
      return echoed.size() == 11;
    }));
  }
  server->drain(Duration{std::chrono::seconds{5}});
  EXPECT_TRUE(run_until(reactor, [&] {
    std::array<std::byte, 1> room;
    const auto size = client.read(room);
    EXPECT_TRUE(size || size.error() == std::errc::operation_would_block) << "a reset";
    return size && *size == 0;
  }));
  server.reset();
}

}  // namespace
}  // namespace rondo::test
