// SPDX-License-Identifier: MIT
// Streams with a layer between them and their descriptors, on every backend: two sides that both
// have one, and peers that hold the wire.
#include <rondo/stream_layer.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/client.h>
#include <rondo/connection.h>
#include <rondo/open_connection.h>
#include <rondo/sleep.h>

#include "support/framed_layer.h"
#include "support/noted_session.h"
#include "support/server_fixture.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class LayeredStreams : public ServersOnEveryBackend {
 protected:
  [[nodiscard]] ServerOptions secured() {
    ServerOptions options = without_lingering();
    options.secure = &layers;
    return options;
  }
  [[nodiscard]] std::unique_ptr<Stream> connect_secured(const Server& server) {
    return rondo::connect(reactor, server.local_endpoint().to_string(), recorder,
                          {.secure = &layers});
  }

  FramedLayers layers;
  StreamRecorder recorder;
  std::string notes;
};
RONDO_ON_EVERY_BACKEND(LayeredStreams);

TEST_P(LayeredStreams, CarryWhatBothSidesWrite) {
  const Server server =
      serve(reactor, "127.0.0.1:0", session_factory<NotedSession>(notes), secured()).value();
  const auto stream = connect_secured(server);
  EXPECT_EQ(stream->write("early"), WriteStatus::accepted);
  EXPECT_TRUE(runs_until([&] { return recorder.received == "early"; }));
  EXPECT_EQ(recorder.opens, 1);
  EXPECT_EQ(notes, "made open early ");
  EXPECT_EQ(layers.hosts, (std::vector<std::string>{"127.0.0.1", ""}));
  stream->shutdown_output();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::eof);
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(notes, "made open early end eof. gone ");
}

TEST_P(LayeredStreams, CarryMuchInBothDirectionsAtOnce) {
  const Server server = serve(reactor, "127.0.0.1:0", echo(), secured()).value();
  const auto stream = connect_secured(server);
  const std::string text = numbered_text(500'000);
  EXPECT_NE(stream->write(text), WriteStatus::refused);
  EXPECT_TRUE(runs_until([&] { return recorder.received.size() >= text.size(); }));
  EXPECT_TRUE(recorder.received == text);
  EXPECT_EQ(stream->unsent_bytes(), 0U);
}

TEST_P(LayeredStreams, CarryFiles) {
  if (GetParam().name == "sim") GTEST_SKIP() << "a simulated host has no files";
  const std::string text = numbered_text(100'000);
  const TemporaryFile file{text};
  const auto send = [&](Stream& client, Bytes) {
    client.send_file(File::open(file.path()).value(), 0, to_end_of_file);
    client.close();
  };
  const Server server = serve(reactor, "127.0.0.1:0", send, secured()).value();
  const auto stream = connect_secured(server);
  stream->write("get");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.received, text);
}

TEST_P(LayeredStreams, SendTheAnswerToACallInOnePiece) {
  const auto twice = [](Stream& client, Bytes data) {
    client.write(data);
    client.write(data);
  };
  const Server server = serve(reactor, "127.0.0.1:0", twice, secured()).value();
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "layr" + frame("ab"));
  const std::string expected = "layr" + frame("abab");
  EXPECT_EQ(read_by_peer(client, expected.size()), expected);
}

TEST_P(LayeredStreams, TakeEveryCutOfTheWire) {
  const std::string wire = "layr" + frame("one") + frame("two") + frame({});
  for (std::size_t cut = 1; cut < wire.size(); ++cut) {
    notes.clear();
    const Server server =
        serve(reactor, "127.0.0.1:0", session_factory<NotedSession>(notes), secured()).value();
    const Fd client = connect(server.local_endpoint());
    write_all(client.get(), wire.substr(0, cut));
    run_on();
    write_all(client.get(), wire.substr(cut));
    EXPECT_TRUE(runs_until([&] { return notes.ends_with("gone "); })) << cut;
    EXPECT_EQ(notes, "made open one two end eof. gone ") << cut;
  }
}

TEST_P(LayeredStreams, EndTruncatedWhereThePeerLeavesWithoutTheirEnd) {
  for (const std::string& wire : {std::string{"layr"}, "layr" + frame("cut").substr(0, 4)}) {
    notes.clear();
    const Server server =
        serve(reactor, "127.0.0.1:0", session_factory<NotedSession>(notes), secured()).value();
    Fd client = connect(server.local_endpoint());
    write_all(client.get(), wire);
    (void)kernel().net().shutdown(client.get(), Direction::write);  // it is open
    EXPECT_TRUE(runs_until([&] { return notes.ends_with("gone "); }));
    EXPECT_EQ(notes, "made open the peer left in the middle. gone ");
  }
}

TEST_P(LayeredStreams, MakeNoSessionWithoutAHandshake) {
  layers.timeout = 100ms;
  Server server =
      serve(reactor, "127.0.0.1:0", session_factory<NotedSession>(notes), secured()).value();
  std::vector<Fd> clients = connect(server, 3);
  write_all(clients[0].get(), "something else");
  clients[1] = {};
  EXPECT_TRUE(has(server, 1));
  EXPECT_TRUE(has(server, 0)) << "the third says nothing, and its time is over";
  EXPECT_EQ(notes, "");
  EXPECT_EQ(server.counters().failed, 3U);
  EXPECT_EQ(server.counters().accepted, 0U);
  layers.timeout = 10min;
  const Fd last = connect(server.local_endpoint());
  EXPECT_TRUE(has(server, 1));
  server.drain(1h);
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(notes, "");
}

TEST_P(LayeredStreams, AreServedBesideManyHandshakes) {
  const Server server =
      serve(reactor, "127.0.0.1:0", session_factory<NotedSession>(notes), secured()).value();
  const Fd old = connect(server.local_endpoint());
  write_all(old.get(), "layr");
  EXPECT_TRUE(runs_until([&] { return notes == "made open "; }));
  const std::vector<Fd> clients = connect(server, 30);
  EXPECT_TRUE(has(server, 31));
  for (const Fd& client : clients) write_all(client.get(), "layr");
  write_all(old.get(), frame("ping"));
  EXPECT_TRUE(runs_until([&] { return notes.find("ping") != std::string::npos; }));
  const std::uint64_t done = server.counters().accepted;
  EXPECT_LE(done, 21U) << "the message has waited for all handshakes";
  EXPECT_TRUE(runs_until([&] { return server.counters().accepted == 31; }));
}

TEST_P(LayeredStreams, AreAcceptedUpToANumberOfHandshakes) {
  ServerOptions options = secured();
  options.handshakes_max = 2;
  const Server server =
      serve(reactor, "127.0.0.1:0", session_factory<NotedSession>(notes), options).value();
  std::vector<Fd> clients = connect(server, 4);
  EXPECT_TRUE(has(server, 2));
  run_on();
  EXPECT_EQ(server.connections(), 2U);
  write_all(clients[0].get(), "layr");
  EXPECT_TRUE(has(server, 3)) << "one is secured, and another one accepted";
  clients[1] = {};
  EXPECT_TRUE(runs_until([&] { return server.counters().failed == 1; }));
  EXPECT_TRUE(has(server, 3)) << "one has left, and the last one is accepted";
}

TEST_P(LayeredStreams, TellAClientWhyTheHandshakeFailed) {
  const auto rude = [](Stream& client, Bytes) { client.write("220 hello"); };
  const Server server = serve(reactor, "127.0.0.1:0", rude, without_lingering()).value();
  const auto stream = connect_secured(server);
  stream->write("a secret");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.opens, 0);
  EXPECT_EQ(recorder.reason, CloseReason::error);
  EXPECT_EQ(recorder.what, "the peer speaks something else");
}

TEST_P(LayeredStreams, TellAClientThatItsConnectionFailedInTheHandshake) {
  const auto rude = [](Stream& client, Bytes) { client.abort(); };
  const Server server = serve(reactor, "127.0.0.1:0", rude, without_lingering()).value();
  const auto stream = connect_secured(server);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.opens, 0);
  EXPECT_EQ(recorder.reason, CloseReason::reset);
  EXPECT_EQ(recorder.message, "handshake: Connection reset by peer");
}

TEST_P(LayeredStreams, ThatCannotBeMadeEndTheirClient) {
  layers.refuses = true;
  const auto stream = rondo::connect(reactor, "127.0.0.1:1", recorder, {.secure = &layers});
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.message, "make a layer: Permission denied");
}

TEST_P(LayeredStreams, MayBeginLater) {
  const auto start_tls = [&](Stream& client, Bytes data) {
    if (text_of(data) != "STARTTLS\n") return void(client.write(data));
    client.write("go on\n");
    EXPECT_TRUE(client.upgrade(layers, "", {}));
    client.write("secret");
  };
  const Server server = serve(reactor, "127.0.0.1:0", start_tls, without_lingering()).value();
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "STARTTLS\n");
  EXPECT_EQ(read_by_peer(client, 10), "go on\nlayr");
  run_on();
  EXPECT_EQ(read_all(client.get()), "") << "nothing is sent before the handshake is done";
  write_all(client.get(), "layr" + frame("ping"));
  const std::string expected = frame("secret") + frame("ping");
  EXPECT_EQ(read_by_peer(client, expected.size()), expected);
}

/// It has to write before it reads, as TLS does that changes its keys.
class WritesFirst : public StreamLayer {
 public:
  Handshake shake_hands(LayerWire&) noexcept override { return Handshake::done; }
  std::ptrdiff_t read(LayerWire& wire, MutableBytes into) noexcept override {
    constexpr std::byte answer[1]{};
    return wire.write(answer) < 0 ? -1 : wire.read(into);
  }
  std::ptrdiff_t write(LayerWire& wire, Bytes data) noexcept override { return wire.write(data); }
  bool finish(LayerWire&) noexcept override { return true; }
  [[nodiscard]] bool has_input() const noexcept override { return false; }
  [[nodiscard]] const Failure* failure() const noexcept override { return nullptr; }
};

template <typename Layer>
struct LayersOf final : StreamLayers {
  Result<std::unique_ptr<StreamLayer>> make(std::string_view) override {
    return std::unique_ptr<StreamLayer>{std::make_unique<Layer>()};
  }
};

TEST_P(LayeredStreams, EndWhereALayerTakesNothing) {
  struct TakesNothing final : WritesFirst {
    std::ptrdiff_t write(LayerWire&, Bytes) noexcept override { return 0; }
  };
  LayersOf<TakesNothing> makes;
  Pair pair = unix_pair();
  const auto stream = adopt(std::move(pair.ours), recorder);
  ASSERT_TRUE(stream->upgrade(makes, "", {}));
  run_on();
  EXPECT_NE(stream->write("hello"), WriteStatus::refused);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.error, std::errc::io_error);
}

/// If the stream still awaited input, a poller would report it in each turn.
TEST_P(LayeredStreams, AwaitNoInputThatTheyCannotTakeYet) {
  LayersOf<WritesFirst> makes;
  Pair pair = unix_pair();
  const auto stream = adopt(std::move(pair.ours), recorder);
  ASSERT_TRUE(stream->upgrade(makes, "", {}));
  run_on();
  const std::size_t size = 4'000'000;
  EXPECT_NE(stream->write(std::string(size, 'x')), WriteStatus::refused);
  stream->set_options([&] {
    StreamOptions options = stream->options();
    options.pause_reading_when_full = false;
    return options;
  }());
  write_all(pair.theirs.get(), "said");
  EXPECT_TRUE(runs_until([&] { return spy.interest_of(stream->fd()) == Ready::write; }));
  EXPECT_EQ(recorder.received, "");
  std::size_t got = 0;
  EXPECT_TRUE(runs_until([&] { return (got += read_all(pair.theirs.get()).size()) >= size; }));
  EXPECT_TRUE(runs_until([&] { return recorder.received == "said"; }));
}

TEST_P(LayeredStreams, MayBeginInTheConstructorOfASession) {
  struct Early final : Session {
    Early(Stream& client, FramedLayers& layers, std::string& notes) : notes_(notes) {
      notes_ += "made ";
      EXPECT_TRUE(client.upgrade(layers, "", {}));
    }
    Early(const Early&) = delete;
    Early& operator=(const Early&) = delete;
    ~Early() override { notes_ += "gone "; }
    void on_data(Stream& client, Bytes data) override { client.write(data); }
    std::string& notes_;
  };
  SessionFactory factory;
  factory.size = sizeof(Early);
  factory.alignment = alignof(Early);
  factory.make = [this](void* where, Stream& client, const Endpoint&) -> StreamHandler* {
    return ::new (where) Early{client, layers, notes};
  };
  factory.destroy = [](void* where) noexcept { std::destroy_at(static_cast<Early*>(where)); };
  {
    const Server server = [&] {
      Server made = Server::make(reactor, std::move(factory), without_lingering());
      EXPECT_TRUE(made.listen("127.0.0.1:0"));
      return made;
    }();
    const Fd client = connect(server.local_endpoint());
    write_all(client.get(), "layr" + frame("ping"));
    const std::string expected = "layr" + frame("ping");
    EXPECT_EQ(read_by_peer(client, expected.size()), expected);
    EXPECT_EQ(server.counters().accepted, 1U);
  }
  EXPECT_EQ(notes, "made gone ");
}

TEST_P(LayeredStreams, RefuseWhatCameBeforeThem) {
  std::error_code error;
  const auto start_tls = [&](Stream& client, Bytes data) {
    error = client.upgrade(layers, "", data.subspan(9)).error().code;
  };
  const Server server = serve(reactor, "127.0.0.1:0", start_tls, without_lingering()).value();
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "STARTTLS\nDELETE everything\n");
  EXPECT_TRUE(runs_until([&] { return error == std::errc::protocol_error; }));
  EXPECT_TRUE(has(server, 0));
}

TEST_P(LayeredStreams, ServeCoroutines) {
  const auto echo = [](Connection& client) -> Task<> {
    while (const auto data = co_await client.read()) client.write(data);
  };
  ServerOptions options = secured();
  const Server server = serve(reactor, "127.0.0.1:0", echo, options).value();
  {
    const Fd silent = connect(server.local_endpoint());
    EXPECT_TRUE(has(server, 1));
  }
  const auto stream = connect_secured(server);
  stream->write("hello");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "hello"; }));
  stream->close();
  EXPECT_TRUE(has(server, 0));
}

TEST_P(LayeredStreams, HandOutWhatTheyHaveReadWhenATaskReadsLater) {
  const auto echo = [](Connection& client) -> Task<> {
    co_await turn();
    co_await turn();  // what came with the handshake is in the layer: no poller reports it
    while (const auto data = co_await client.read()) client.write(data);
  };
  const Server server = serve(reactor, "127.0.0.1:0", echo, secured()).value();
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "layr" + frame("hello"));
  const std::string expected = "layr" + frame("hello");
  EXPECT_EQ(read_by_peer(client, expected.size()), expected);
}

TEST_P(LayeredStreams, BeginOnlyWhereNothingIsUnderWay) {
  Pair pair = unix_pair();
  const auto stream = adopt(std::move(pair.ours), recorder);
  run_on();
  EXPECT_NE(stream->write(std::string(4'000'000, 'x')), WriteStatus::refused);
  EXPECT_EQ(stream->upgrade(layers, "", {}).error(), std::errc::device_or_resource_busy);
  stream->abort();
  EXPECT_EQ(stream->upgrade(layers, "", {}).error(), std::errc::not_connected);
}

TEST_P(LayeredStreams, PassNoDescriptors) {
  const auto passes = [](Stream& client, Bytes) {
    EXPECT_EQ(client.write("one", std::vector<Socket>(1)), WriteStatus::refused);
  };
  const Server server = serve(reactor, unix_name(), passes, secured()).value();
  const auto stream = connect_secured(server);
  stream->write("now");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
}

TEST_P(LayeredStreams, KeepTheirDescriptor) {
  const Server server = serve(reactor, "127.0.0.1:0", echo(), secured()).value();
  const auto stream = connect_secured(server);
  EXPECT_TRUE(runs_until([&] { return recorder.opens == 1; }));
  EXPECT_EQ(stream->release().error(), std::errc::operation_not_supported);
  EXPECT_EQ(stream->upgrade(layers, "", {}).error(), std::errc::operation_not_supported);
}

}  // namespace
}  // namespace rondo::test
