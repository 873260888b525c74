// SPDX-License-Identifier: MIT
// Clients: streams that exist at once and connect later, on every backend.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <rondo/client.h>
#include <rondo/reconnector.h>
#include <rondo/server.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

struct EchoSession final : Session {
  void on_data(Stream& client, Bytes data) override { client.write(data); }
};

class Clients : public StreamsOnEveryBackend {
 protected:
  Server echo() { return serve<EchoSession>(reactor, "127.0.0.1:0").value(); }
  /// The address of a socket that is bound, but does not listen.
  std::string closed_port() {
    bound_ = Socket::make(net, AddressFamily::ipv4, SocketType::stream).value();
    EXPECT_EQ(net.bind(bound_.fd(), Endpoint::loopback(0)), 0);
    return bound_.local_endpoint().value().to_string();
  }
  StreamRecorder recorder;

 private:
  Socket bound_;
};
RONDO_ON_EVERY_BACKEND(Clients);

TEST_P(Clients, AreConnectedBeforeAnythingElseIsReported) {
  const Server server = echo();
  recorder.on_open_then = [](Stream& stream) { stream.write("hello"); };
  const auto stream = connect(reactor, server.local_endpoint().to_string(), recorder);
  EXPECT_TRUE(stream->connecting());
  EXPECT_EQ(recorder.opens, 0) << "nothing is called from inside connect()";
  EXPECT_TRUE(runs_until([&] { return recorder.received == "hello"; }));
  EXPECT_EQ(recorder.opens, 1);
  EXPECT_FALSE(stream->connecting());
}

TEST_P(Clients, SendWhatWasWrittenBeforeTheyWereConnected) {
  const Server server = echo();
  const std::string much = numbered_text(300'000);
  const auto stream = connect(reactor, server.local_endpoint().to_string(), recorder);
  stream->write("first,");
  stream->write(much);
  EXPECT_TRUE(runs_until([&] { return recorder.received.size() == much.size() + 6; }));
  EXPECT_EQ(recorder.received, "first," + much);
}

TEST_P(Clients, CloseInOrderWhatWasWrittenBeforeTheyWereConnected) {
  const Server server = echo();
  const auto stream = connect(reactor, server.local_endpoint().to_string(), recorder);
  stream->write("hello");
  stream->close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1 && server.connections() == 0; }));
  EXPECT_EQ(recorder.opens, 0) << "on_open is not called after close()";
}

TEST_P(Clients, ThatAreClosedWithNothingWrittenDoNotWait) {
  const auto stream = connect(reactor, closed_port(), recorder);
  stream->close();
  EXPECT_EQ(recorder.closes, 0);
  run_on();
  EXPECT_EQ(recorder.closes, 1);
  EXPECT_EQ(recorder.reason, CloseReason::closed);
}

TEST_P(Clients, ListTheAttemptsIfNoneSucceeds) {
  const std::string address = closed_port();
  const auto stream = connect(reactor, address, recorder);
  stream->write("lost");
  EXPECT_TRUE(reactor.run()) << "there is nothing to wait for afterwards";
  EXPECT_EQ(recorder.closes, 1);
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.error, std::errc::connection_refused);
  EXPECT_EQ(recorder.message, "connect to " + address + ": Connection refused");
}

// An error that is known at once is still reported in a later turn.
TEST_P(Clients, AreNotCalledFromInsideConnect) {
  net.fail("connect", ENETUNREACH);
  const std::string path = "unix:/tmp/rondo-missing-" + std::to_string(::getpid());
  for (const auto& [where, error] : {std::pair{closed_port(), std::errc::network_unreachable},
                                     std::pair{path, std::errc::no_such_file_or_directory}}) {
    recorder = {};
    const auto stream = connect(reactor, where, recorder);
    EXPECT_EQ(recorder.closes, 0);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(recorder.closes, 1);
    EXPECT_EQ(recorder.error, error) << recorder.message;
  }
}

TEST_P(Clients, RefuseANameThatIsTooLong) {
  const std::string label(63, 'a');
  const std::string name = label + '.' + label + '.' + label + '.' + std::string(62, 'b');
  ASSERT_EQ(name.size(), 254U);
  const auto stream = connect(reactor, name + ":80", recorder);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.error, std::errc::invalid_argument);
  EXPECT_NE(recorder.message.find("more than 253 bytes"), std::string::npos) << recorder.message;
}

TEST_P(Clients, RefuseAnInvalidAddress) {
  const auto stream = connect(reactor, "127.0.0.1", recorder);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.error, std::errc::invalid_argument);
}

TEST_P(Clients, MayBeDestroyedWhileTheyConnect) {
  const Server server = echo();
  auto stream = connect(reactor, server.local_endpoint().to_string(), recorder);
  stream.reset();
  run_on();
  EXPECT_EQ(recorder.opens + recorder.closes, 0);
}

TEST_P(Clients, MayBeDestroyedInEachOfTheirCalls) {
  const Server server = echo();
  std::unique_ptr<Stream> stream;
  recorder.on_open_then = [&](Stream&) { stream.reset(); };
  stream = connect(reactor, server.local_endpoint().to_string(), recorder);
  EXPECT_TRUE(runs_until([&] { return stream == nullptr; }));
  StreamRecorder refused;
  refused.on_close_then = [&](Stream&) { stream.reset(); };
  stream = connect(reactor, closed_port(), refused);
  EXPECT_TRUE(runs_until([&] { return stream == nullptr; }));
}

TEST_P(Clients, HaveTheirOwnNoDelay) {
  const Server server = echo();
  const auto stream = connect(reactor, server.local_endpoint().to_string(), recorder);
  EXPECT_TRUE(runs_until([&] { return recorder.opens == 1; }));
  int nodelay = 0;
  EXPECT_EQ(net.get(stream->fd(), SocketOption::nodelay, nodelay), 0);
  EXPECT_EQ(nodelay, 1);
}

TEST_P(Clients, EndIfAnOptionCannotBeSet) {
  ConnectOptions options;
  options.socket.defer_accept = 1s;  // a listener's
  const std::string where = closed_port();
  const auto stream = connect(reactor, where, recorder, options);
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.error, std::errc::operation_not_supported);
  EXPECT_EQ(recorder.message,
            "connect to " + where + ": set defer_accept on " + where + ": Operation not supported");
}

TEST_P(Clients, ThatAreDetachedDeliverTheirOutput) {
  const std::string much = numbered_text(3'000'000);
  Pair pair = unix_pair();
  auto stream = adopt(std::move(pair.ours), recorder);
  stream->write(much);
  Stream::close_detached(std::move(stream));
  EXPECT_EQ(read_to_end(pair.theirs), much);
  EXPECT_TRUE(reactor.run()) << "nothing is left to wait for";
  EXPECT_EQ(recorder.closes, 0) << "nothing is called";
}

TEST_P(Clients, ThatAreDetachedEndWithTheReactor) {
  Pair pair = unix_pair();
  {
    Reactor other{GetParam().make()};
    auto stream = Stream::adopt(other, Socket{other.net(), pair.ours.release()}, recorder).value();
    stream->write(numbered_text(3'000'000));
    Stream::close_detached(std::move(stream));
    EXPECT_TRUE(other.run_once(Duration::zero()));
  }
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(Clients, ThatAreDetachedWhileTheyConnectEndWithTheReactor) {
  {
    Reactor other{GetParam().make()};
    auto stream = connect(other, "127.0.0.1:1", recorder);
    stream->write("never sent");
    Stream::close_detached(std::move(stream));
    EXPECT_TRUE(other.run_once(Duration::zero()));
  }
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(Clients, ThatAreDetachedWithoutOutputEndAtOnce) {
  {
    Reactor other{GetParam().make()};
    Stream::close_detached(connect(other, "127.0.0.1:1", recorder));
    EXPECT_TRUE(other.run()) << "nothing is left to wait for";
  }
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(Clients, ThatCannotBeWatchedNameTheirTarget) {
  const Socket listener = Socket::listen(net, Endpoint::loopback(0)).value();
  const std::string where = listener.local_endpoint().value().to_string();
  spy.fail_watch = {
      .skip = 0, .times = 1, .error = std::make_error_code(std::errc::no_space_on_device)};
  const auto stream = connect(reactor, where, recorder);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.message, "connect to " + where + ": No space left on device");
}

class Reconnectors : public Clients {};
RONDO_ON_EVERY_BACKEND(Reconnectors);

struct Counting final : StreamHandler {
  void on_open(Stream& stream) override { stream.write("hello"); }
  void on_data(Stream& stream, Bytes data) override {
    received += text_of(data);
    stream.close();
  }
  void on_close(Stream&, const Close&) override { ++closes; }
  std::string received;
  int closes = 0;
};

TEST_P(Reconnectors, ComeBackUntilTheyAreStopped) {
  const Server server = echo();
  Counting counting;
  Reconnector reconnector{reactor,
                          server.local_endpoint().to_string(),
                          counting,
                          {.backoff = {.min = 1us, .max = 1us}}};
  EXPECT_TRUE(runs_until([&] { return counting.closes == 3; }));
  reconnector.stop();
  EXPECT_GE(reconnector.connects(), 3u);
  EXPECT_EQ(counting.received.substr(0, 15), "hellohellohello");
  EXPECT_TRUE(runs_until([&] { return server.connections() == 0; }));
}

TEST_P(Reconnectors, TryAgainIfNoAttemptSucceeds) {
  Counting counting;
  Reconnector reconnector{reactor, closed_port(), counting, {.backoff = {.min = 1us, .max = 1us}}};
  EXPECT_TRUE(runs_until([&] { return counting.closes == 3; }));
  EXPECT_EQ(reconnector.connects(), 0u);
  reconnector.stop();
  EXPECT_TRUE(reactor.run()) << "nothing is left to wait for";
}

/// Destroys its Reconnector in one of its callbacks.
struct Destroying final : StreamHandler {
  enum class Call { open, data, end, close } where = Call::open;
  std::optional<Reconnector>* reconnector = nullptr;
  int calls_after = 0;

  void maybe(Call call) {
    if (!reconnector->has_value()) ++calls_after;
    if (call == where) reconnector->reset();
  }
  void on_open(Stream& stream) override {
    stream.write("hello");
    maybe(Call::open);
  }
  void on_data(Stream& stream, Bytes) override {
    if (where == Call::close) stream.close();
    if (where == Call::end) stream.shutdown_output();
    maybe(Call::data);
  }
  void on_end(Stream&) override { maybe(Call::end); }
  void on_close(Stream&, const Close&) override { maybe(Call::close); }
};

TEST_P(Reconnectors, MayBeDestroyedInTheirOwnCallbacks) {
  const Server server = echo();
  using Call = Destroying::Call;
  for (const Call where : {Call::open, Call::data, Call::end, Call::close}) {
    std::optional<Reconnector> reconnector;
    Destroying destroying;
    destroying.where = where;
    destroying.reconnector = &reconnector;
    reconnector.emplace(reactor, server.local_endpoint().to_string(), destroying);
    EXPECT_TRUE(runs_until([&] { return !reconnector.has_value(); }));
    EXPECT_TRUE(runs_until([&] { return server.connections() == 0; }));
    EXPECT_EQ(destroying.calls_after, 0);
  }
}

}  // namespace
}  // namespace rondo::test
