// SPDX-License-Identifier: MIT
// Connections over TLS, on every backend: rondo at both ends.
#include <array>
#include <memory>
#include <string>

#include <rondo/client.h>
#include <rondo/connection.h>
#include <rondo/open_connection.h>

#include "support/temporary_file.h"
#include "tls_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class TlsConnections : public TlsOnEveryBackend {
 protected:
  static tls::ClientOptions trusting(std::string host = "a.example") {
    return {.roots = roots(), .host = std::move(host)};
  }
  [[nodiscard]] std::unique_ptr<Stream> connect_by(tls::Client& trust, const Server& server) {
    return rondo::connect(reactor, server.local_endpoint().to_string(), recorder,
                          {.secure = &trust});
  }
  /// Connects, says something, hears it again, and ends. Returns what was agreed on.
  tls::Info talk(tls::Client& trust, const Server& server) {
    StreamRecorder own;
    const auto stream =
        rondo::connect(reactor, server.local_endpoint().to_string(), own, {.secure = &trust});
    stream->write("hello");
    EXPECT_TRUE(runs_until([&] { return own.received == "hello" || own.closes > 0; }))
        << own.received;
    EXPECT_EQ(own.closes, 0) << own.what << own.message;
    const auto info = tls::info(*stream);
    stream->shutdown_output();
    EXPECT_TRUE(runs_until([&] { return own.closes == 1; }));
    EXPECT_EQ(own.reason, CloseReason::eof);
    return info ? *info : tls::Info{};
  }

  StreamRecorder recorder;
  tls::Server secure{identity("good")};
};
RONDO_ON_EVERY_BACKEND(TlsConnections);

auto ends_with_its_peer() {
  struct Polite final : Session {
    void on_data(Stream& client, Bytes data) override { client.write(data); }
    void on_end(Stream& client) override { client.close(); }
  };
  return session_factory<Polite>();
}

TEST_P(TlsConnections, CarryWhatBothSidesWrite) {
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(secure)).value();
  tls::Client trust{trusting()};
  const tls::Info info = talk(trust, server);
  EXPECT_EQ(info.version, "TLSv1.3");
  EXPECT_EQ(info.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(info.alpn, "");
  EXPECT_EQ(info.host, "a.example");
  EXPECT_FALSE(info.resumed);
  EXPECT_EQ(info.peer_names[1], "a.example");
  EXPECT_EQ(info.peer_subject, "CN=good");
  EXPECT_EQ(secure.counters().handshakes, 1U);
}

TEST_P(TlsConnections, CarryMuchInBothDirectionsAtOnce) {
  const Server server = serve(reactor, "127.0.0.1:0", echo(), over(secure)).value();
  tls::Client trust{trusting()};
  const auto stream = connect_by(trust, server);
  const std::string text = numbered_text(1'000'000);
  EXPECT_NE(stream->write(text), WriteStatus::refused);
  EXPECT_TRUE(runs_until([&] { return recorder.received.size() >= text.size(); }))
      << recorder.received.size() << recorder.what;
  EXPECT_TRUE(recorder.received == text);
  EXPECT_EQ(stream->unsent_bytes(), 0U);
}

TEST_P(TlsConnections, ResumeTheNewestSessionOnce) {
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(secure)).value();
  tls::Client trust{trusting()};
  EXPECT_FALSE(talk(trust, server).resumed);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(talk(trust, server).resumed) << i;
  tls::Client other{trusting()};
  EXPECT_FALSE(talk(other, server).resumed);
  EXPECT_EQ(secure.counters().resumed, 3U);
  tls::ClientOptions forgetful = trusting();
  forgetful.sessions_max = 0;
  tls::Client none{forgetful};
  EXPECT_FALSE(talk(none, server).resumed);
  EXPECT_FALSE(talk(none, server).resumed);
}

TEST_P(TlsConnections, ResumeWhatAnotherServerWithTheSameKeysHasBegun) {
  const tls::TicketKeys keys;
  tls::Server first{identity("good"), {.ticket_keys = keys}};
  tls::Server second{identity("good"), {.ticket_keys = keys}};
  tls::Client trust{trusting()};
  const Server one = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(first)).value();
  const Server two = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(second)).value();
  const Server three = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(secure)).value();
  EXPECT_FALSE(talk(trust, one).resumed);
  EXPECT_TRUE(talk(trust, two).resumed);
  EXPECT_FALSE(talk(trust, three).resumed);
}

TEST_P(TlsConnections, ResumeNoTicketThatIsTooOld) {
  tls::Server brief{identity("good"), {.ticket_keys = tls::TicketKeys{Duration::zero()}}};
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(brief)).value();
  tls::Client trust{trusting()};
  EXPECT_FALSE(talk(trust, server).resumed);
  EXPECT_FALSE(talk(trust, server).resumed);
}

TEST_P(TlsConnections, GetTheCertificateOfTheNameTheyAskFor) {
  ASSERT_TRUE(secure.add("b.example", identity("other")));
  ASSERT_TRUE(secure.add("*.w.example", identity("wildcard")));
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(secure)).value();
  tls::Client a{trusting("a.example")};
  tls::Client b{trusting("B.example.")};
  tls::Client w{trusting("any.w.example")};
  EXPECT_EQ(talk(a, server).peer_subject, "CN=good");
  EXPECT_EQ(talk(b, server).peer_subject, "CN=other");
  EXPECT_EQ(talk(w, server).peer_subject, "CN=wildcard");
  EXPECT_TRUE(talk(b, server).resumed);
  secure.remove("B.example");
  EXPECT_EQ(secure.add("b\n.example", identity("other")).error().code,
            make_error_code(tls::Fault::bad_name));
  const auto stream = connect_by(b, server);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_NE(recorder.what.find("not for b.example"), std::string::npos) << recorder.what;
}

TEST_P(TlsConnections, KeepWhatTheyHaveWhenItIsReloaded) {
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(secure)).value();
  tls::Client trust{trusting()};
  const auto old = connect_by(trust, server);
  EXPECT_TRUE(runs_until([&] { return recorder.opens == 1; }));
  secure.reload(identity("other"));
  tls::Client b{trusting("b.example")};
  EXPECT_EQ(talk(b, server).peer_subject, "CN=other");
  old->write("still there");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "still there"; }));
}

TEST_P(TlsConnections, AgreeOnAProtocol) {
  tls::Server modern{identity("good"), {.alpn = {"h2", "http/1.1"}}};
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(modern)).value();
  const auto with = [&](std::vector<std::string> alpn) {
    tls::ClientOptions options = trusting();
    options.alpn = std::move(alpn);
    return options;
  };
  tls::Client both{with({"http/1.1", "h2"})};
  EXPECT_EQ(talk(both, server).alpn, "h2") << "the server prefers";
  tls::Client none{with({})};
  EXPECT_EQ(talk(none, server).alpn, "");
  tls::Client other{with({"spdy"})};
  const auto stream = connect_by(other, server);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.what, "tls: the peer has refused: no application protocol");
}

TEST_P(TlsConnections, ShowTheirCertificateWhereItIsRequired) {
  tls::Server strict{
      identity("good"),
      {.client_certificates = tls::ClientCertificates::required, .client_roots = roots()}};
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(strict)).value();
  tls::ClientOptions options = trusting();
  options.identity = identity("client");
  tls::Client alice{options};
  EXPECT_FALSE(talk(alice, server).resumed);
  EXPECT_TRUE(talk(alice, server).resumed);
  for (const char* const wrong : {"unknown_root", "expired", ""}) {
    StreamRecorder own;
    options.identity.reset();
    if (*wrong != 0) options.identity = identity(wrong);
    tls::Client stranger{options};
    const auto stream =
        rondo::connect(reactor, server.local_endpoint().to_string(), own, {.secure = &stranger});
    // In TLS 1.3 the client is ready before the server has seen its certificate.
    EXPECT_TRUE(runs_until([&] { return own.closes == 1; }));
    EXPECT_EQ(own.reason, CloseReason::error) << wrong;
    EXPECT_NE(own.what.find("tls: the peer has refused: "), std::string::npos) << own.what;
  }
  EXPECT_EQ(strict.counters().handshakes, 2U);
  EXPECT_EQ(strict.counters().failed, 3U);
}

TEST_P(TlsConnections, TellTheServerWhoTheClientIs) {
  tls::Server strict{
      identity("good"),
      {.client_certificates = tls::ClientCertificates::optional, .client_roots = roots()}};
  std::vector<std::string> names;
  const auto greet = [&](Stream& client, Bytes data) {
    names = tls::info(client)->peer_names;
    client.write(data);
  };
  const Server server = serve(reactor, "127.0.0.1:0", greet, over(strict)).value();
  tls::ClientOptions options = trusting();
  options.identity = identity("client");
  tls::Client alice{options};
  const auto stream = connect_by(alice, server);
  stream->write("I am");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "I am"; }));
  EXPECT_EQ(names, (std::vector<std::string>{"alice.example"}));
}

TEST_P(TlsConnections, EndWhereThePeerSpeaksNoTls) {
  const Server plain =
      serve(
          reactor, "127.0.0.1:0",
          [](Stream& client, Bytes) { client.write("HTTP/1.1 400 no\r\n"); }, without_lingering())
          .value();
  tls::Client trust{trusting()};
  const auto stream = connect_by(trust, plain);
  stream->write("a secret");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.what, "tls: the peer does not speak TLS");
  const Server server = serve(reactor, "127.0.0.1:0", echo(), over(secure)).value();
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(runs_until([&] { return secure.counters().failed == 1; }));
  EXPECT_TRUE(has(server, 0));
}

TEST_P(TlsConnections, AreTruncatedWhereThePeerLeavesWithoutANotice) {
  for (const bool accepts : {false, true}) {
    const Server server =
        serve(
            reactor, "127.0.0.1:0", [](Stream& client, Bytes) { client.abort(); }, over(secure))
            .value();
    tls::ClientOptions options = trusting();
    options.accept_truncation = accepts;
    tls::Client trust{options};
    StreamRecorder own;
    // A proxy without TLS ends the connection in order, but below TLS.
    std::unique_ptr<Stream> inner;
    struct Forward final : StreamHandler {
      Stream* to = nullptr;
      void on_data(Stream&, Bytes data) override { to->write(data); }
      void on_close(Stream&, const Close&) override { to->shutdown_output(); }
    } back;
    const auto forward = [&](Stream& client, Bytes data) {
      back.to = &client;
      if (inner == nullptr)
        inner = rondo::connect(reactor, server.local_endpoint().to_string(), back);
      inner->write(data);
    };
    const Server proxy = serve(reactor, "127.0.0.1:0", forward, without_lingering()).value();
    const auto stream =
        rondo::connect(reactor, proxy.local_endpoint().to_string(), own, {.secure = &trust});
    stream->write("go away");
    EXPECT_TRUE(runs_until([&] { return own.closes + own.ends > 0; }));
    if (accepts) {
      EXPECT_EQ(own.ends, 1);
    } else {
      EXPECT_EQ(own.reason, CloseReason::truncated);
      EXPECT_EQ(own.what, "tls: the peer left without an end");
    }
  }
}

TEST_P(TlsConnections, CarryFiles) {
  if (GetParam().name == "sim") GTEST_SKIP() << "a simulated host has no files";
  const std::string text = numbered_text(100'000);
  const TemporaryFile file{text};
  const auto send = [&](Stream& client, Bytes) {
    client.send_file(File::open(file.path()).value(), 0, to_end_of_file);
    client.close();
  };
  const Server server = serve(reactor, "127.0.0.1:0", send, over(secure)).value();
  tls::Client trust{trusting()};
  const auto stream = connect_by(trust, server);
  stream->write("get");
  EXPECT_TRUE(runs_until([&] { return recorder.closes + recorder.ends > 0; }));
  EXPECT_TRUE(recorder.received == text);
}

TEST_P(TlsConnections, MayBeginLater) {
  const auto start_tls = [&](Stream& client, Bytes data) {
    if (text_of(data) != "STARTTLS\n") return void(client.write(data));
    client.write("go on\n");
    EXPECT_TRUE(client.upgrade(secure, "", {}));
  };
  const Server server = serve(reactor, "127.0.0.1:0", start_tls, without_lingering()).value();
  const auto stream =
      rondo::connect(reactor, server.local_endpoint().to_string(), recorder, ConnectOptions{});
  stream->write("STARTTLS\n");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "go on\n"; }));
  EXPECT_FALSE(tls::info(*stream));
  tls::Client trust{{.roots = roots()}};
  EXPECT_TRUE(stream->upgrade(trust, "a.example", {}));
  stream->write("secret");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "go on\nsecret"; }));
  EXPECT_EQ(tls::info(*stream)->version, "TLSv1.3");
}

TEST_P(TlsConnections, RunOverUnixSockets) {
  const Server server = serve(reactor, unix_name(), echo(), over(secure)).value();
  tls::Client trust{trusting()};
  const auto stream = connect_by(trust, server);
  stream->write("local");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "local"; }));
}

TEST_P(TlsConnections, MayOutliveTheirClientAndServer) {
  auto brief = std::make_unique<tls::Server>(identity("good"));
  const Server server = serve(reactor, "127.0.0.1:0", ends_with_its_peer(), over(*brief)).value();
  auto trust = std::make_unique<tls::Client>(trusting());
  auto stream = connect_by(*trust, server);
  stream->write("hello");
  Stream::close_detached(std::move(stream));
  trust.reset();
  EXPECT_TRUE(runs_until([&] { return server.counters().accepted == 1; }));
  brief.reset();
  EXPECT_TRUE(has(server, 0));
  run_on();  // the client hears of it
}

TEST_P(TlsConnections, ServeCoroutines) {
  const auto echo = [](Connection& client) -> Task<> {
    while (const auto data = co_await client.read()) client.write(data);
  };
  const Server server = serve(reactor, "127.0.0.1:0", echo, over(secure)).value();
  tls::Client trust{trusting()};
  EXPECT_EQ(talk(trust, server).version, "TLSv1.3");
}

TEST_P(TlsConnections, GoOnAfterARest) {
  const Server server = serve(reactor, "127.0.0.1:0", echo(), over(secure)).value();
  tls::Client trust{trusting()};
  const auto stream = connect_by(trust, server);
  stream->write("one");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "one"; }));
  if (GetParam().name != "sim") GTEST_SKIP() << "it takes real time";
  for (const Duration rest : {5s, 10s}) {
    const TimePoint until = reactor.now() + rest;
    Timer timer{reactor, [] {}};
    timer.arm_at(until);
    EXPECT_TRUE(runs_until([&] { return reactor.now() >= until; }));
    stream->write("more");
    const std::size_t size = recorder.received.size() + 4;
    EXPECT_TRUE(runs_until([&] { return recorder.received.size() == size; }));
  }
}

}  // namespace
}  // namespace rondo::test
