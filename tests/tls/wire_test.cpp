// SPDX-License-Identifier: MIT
// What a server does with each cut of the wire's bytes, and with what peers should not send. The
// peer is OpenSSL alone.
#include "raw_client.h"
#include "support/noted_session.h"
#include "tls_fixture.h"

namespace rondo::test {
namespace {

class TlsWire : public TlsOnEveryBackend {
 protected:
  /// On a Unix socket, which gathers no small pieces.
  TlsWire() {
    server.emplace(
        serve(reactor, unix_name(), session_factory<NotedSession>(notes), over(secure)).value());
    peer = connect(server->local_endpoint());
  }
  /// What arrives within some turns.
  std::string arrives() {
    run_on();
    return read_all(peer.get());
  }
  void opens(RawClient& client) {
    for (int round = 0; round < 10; ++round) {
      const bool is_done = client.shake_hands(arrives());
      write_all(peer.get(), client.wire());
      if (is_done && notes == "made open ") return;
    }
    ADD_FAILURE() << "the handshake did not end";
  }

  std::string notes;
  tls::Server secure{identity("good")};
  std::optional<Server> server;
  Fd peer;
};
RONDO_ON_EVERY_BACKEND(TlsWire);

TEST_P(TlsWire, MayBeCutAnywhere) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    notes.clear();
    peer = connect(server->local_endpoint());
    RawClient client{version};
    std::string heard;
    const auto feed = [&](const std::string& wire) {
      for (const char byte : wire) {
        write_all(peer.get(), std::string{byte});
        EXPECT_TRUE(reactor.run_once(Duration::zero()));
      }
    };
    bool is_done = false;
    for (int round = 0; round < 10 && !(is_done && notes == "made open "); ++round) {
      // It takes single bytes, too.
      for (const char byte : arrives()) is_done = client.shake_hands(std::string_view{&byte, 1});
      is_done = client.shake_hands();
      feed(client.wire());
    }
    feed(client.say("one"));
    feed(client.say("two"));
    SSL_shutdown(client.ssl());
    feed(client.wire());
    EXPECT_TRUE(runs_until([&] { return notes.ends_with("gone "); }));
    EXPECT_EQ(notes, "made open one two end eof. gone ");
    heard = client.hear(read_all(peer.get()));
    heard += client.hear({});
    heard += client.hear({});
    EXPECT_EQ(heard, "onetwo");
    EXPECT_TRUE(client.was_told_the_end());
  }
}

TEST_P(TlsWire, GivesRecordsThatArriveTogetherOneByOne) {
  RawClient client;
  opens(client);
  std::string wire = client.say("one");
  wire += client.say("two");
  SSL_shutdown(client.ssl());
  write_all(peer.get(), wire + client.wire());
  EXPECT_TRUE(runs_until([&] { return notes.ends_with("gone "); }));
  EXPECT_EQ(notes, "made open one two end eof. gone ");
}

TEST_P(TlsWire, MayRestWithinARecord) {
  if (GetParam().name != "sim") GTEST_SKIP() << "it takes real time";
  RawClient client;
  opens(client);
  for (const std::size_t first : {1U, 5U, 6U, 20U}) {  // the header has 5 bytes
    const std::string wire = client.say("after");
    write_all(peer.get(), wire.substr(0, first));
    const TimePoint until = reactor.now() + std::chrono::seconds{6};
    Timer timer{reactor, [] {}};
    timer.arm_at(until);
    EXPECT_TRUE(runs_until([&] { return reactor.now() >= until; }));
    write_all(peer.get(), wire.substr(first));
    EXPECT_EQ(client.hear(arrives()), "after");
  }
}

TEST_P(TlsWire, ChangesItsKeysInBothDirections) {
  RawClient client;
  opens(client);
  for (const int how : {SSL_KEY_UPDATE_REQUESTED, SSL_KEY_UPDATE_NOT_REQUESTED}) {
    ASSERT_EQ(SSL_key_update(client.ssl(), how), 1);
    write_all(peer.get(), client.say("after"));
    EXPECT_EQ(client.hear(arrives()), "after");
  }
  EXPECT_EQ(notes, "made open after after ");
}

TEST_P(TlsWire, EndsWithoutALoopAfterWhatNoPeerShouldSend) {
  RawClient client;
  opens(client);
  SSL_shutdown(client.ssl());
  const std::string end = client.wire();
  write_all(peer.get(), end + end + "and more");
  EXPECT_TRUE(runs_until([&] { return notes.ends_with("gone "); }));
  EXPECT_EQ(notes, "made open end eof. gone ");
  EXPECT_TRUE(has(*server, 0));
}

TEST_P(TlsWire, AnswersAPeerThatFinishesWithoutANotice) {
  tls::Server lenient{identity("good"), {.accept_truncation = true}};
  struct Late final : Session {
    void on_data(Stream&, Bytes) override {}
    void on_end(Stream& client) override {
      client.write("an answer");
      client.close();
    }
  };
  const Server answers =
      serve(reactor, unix_name(), session_factory<Late>(), over(lenient)).value();
  peer = connect(answers.local_endpoint());
  RawClient client;
  for (int round = 0; round < 3; ++round) {
    client.shake_hands(arrives());
    write_all(peer.get(), client.wire());
  }
  write_all(peer.get(), client.say("a question"));
  (void)kernel().net().shutdown(peer.get(), Direction::write);  // it is open
  std::string wire;
  EXPECT_TRUE(runs_until([&] { return answers.connections() == 0; }));
  std::string heard = client.hear(arrives());
  heard += client.hear({});  // after a ticket
  EXPECT_EQ(heard, "an answer");
}

TEST_P(TlsWire, EndsWhereThePeerHasFinishedAndIsGone) {
  struct Late final : Session {
    explicit Late(Stream*& finished) : finished_(finished) {}
    void on_data(Stream&, Bytes) override {}
    void on_end(Stream& client) override { finished_ = &client; }
    void on_close(Stream&, const Close& close) override {
      EXPECT_EQ(close.message(), "reset: Broken pipe");
      finished_ = nullptr;
    }
    Stream*& finished_;
  };
  Stream* finished = nullptr;
  const Server answers =
      serve(reactor, unix_name(), session_factory<Late>(finished), over(secure)).value();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    peer = connect(answers.local_endpoint());
    RawClient client{version};
    for (int round = 0; round < 3; ++round) {
      client.shake_hands(arrives());
      write_all(peer.get(), client.wire());
    }
    SSL_shutdown(client.ssl());
    write_all(peer.get(), client.wire());
    ASSERT_TRUE(runs_until([&] { return finished != nullptr; }));
    peer = {};
    finished->write("too late");
    EXPECT_TRUE(runs_until([&] { return finished == nullptr; }));
  }
}

TEST_P(TlsWire, EndsWhenANoticeComesInTheHandshake) {
  const auto bad_server = [](Stream& to, Bytes) {
    to.write(std::string_view{"\x15\x03\x03\x00\x02\x01\x00", 7});  // close_notify
  };
  const Server ends = serve(reactor, "127.0.0.1:0", bad_server, without_lingering()).value();
  tls::Client trust{{.roots = roots(), .host = "a.example"}};
  StreamRecorder recorder;
  const auto stream =
      rondo::connect(reactor, ends.local_endpoint().to_string(), recorder, {.secure = &trust});
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::truncated);
  EXPECT_EQ(recorder.what, "tls: the peer left in the handshake");
}

TEST_P(TlsWire, ChangesItsKeysWhileItsOutputWaits) {
  const auto pushes = [&](Stream& to, Bytes data) {
    if (text_of(data) == "go") to.write(std::string(4'000'000, 'x'));
  };
  ServerOptions options = over(secure);
  options.stream.write_high_water = std::size_t{8} << 20U;
  options.stream.write_buffer_max = std::size_t{16} << 20U;
  const Server server_that_pushes = serve(reactor, unix_name(), pushes, options).value();
  peer = connect(server_that_pushes.local_endpoint());
  RawClient client;
  for (int round = 0; round < 3; ++round) {
    client.shake_hands(arrives());
    write_all(peer.get(), client.wire());
  }
  write_all(peer.get(), client.say("go"));
  run_on();  // its output is full
  ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  write_all(peer.get(), client.say("more"));
  run_on();
  std::string heard;
  EXPECT_TRUE(runs_until([&] {
    client.take(read_all(peer.get()));
    for (std::string part; !(part = client.hear({})).empty();) heard += part;
    return heard.size() >= 4'000'000;
  })) << heard.size();
}

TEST_P(TlsWire, CostsNoStepForThoseThatLeaveBeforeTheirTurn) {
  const Server crowded = serve(reactor, unix_name(), echo(), over(secure)).value();
  std::vector<Fd> clients = connect(crowded, 12);
  EXPECT_TRUE(has(crowded, 12));
  RawClient client;
  client.shake_hands();
  const std::string hello = client.wire();
  for (const Fd& one : clients) write_all(one.get(), hello);
  EXPECT_TRUE(reactor.run_once(Duration::zero()));  // all are read, and some have their step
  clients.clear();
  EXPECT_TRUE(has(crowded, 0));
  EXPECT_EQ(crowded.counters().failed, 12U);
  EXPECT_GT(secure.counters().failed, 0U);
  EXPECT_LT(secure.counters().failed, 12U) << "steps were taken for clients that had left";
}

TEST_P(TlsWire, SaysThatThePeerOfAnUpgradeLeftInTheHandshake) {
  struct Upgraded final : Session {
    Upgraded(tls::Server& layers, std::vector<std::string>& ends) : layers_(layers), ends_(ends) {}
    void on_data(Stream& client, Bytes) override { EXPECT_TRUE(client.upgrade(layers_, "", {})); }
    void on_close(Stream&, const Close& close) override { ends_.push_back(close.message()); }
    tls::Server& layers_;
    std::vector<std::string>& ends_;
  };
  std::vector<std::string> ends;
  const Server crowded =
      serve<Upgraded>(reactor, unix_name(), without_lingering(), secure, ends).value();
  std::vector<Fd> clients = connect(crowded, 12);
  for (const Fd& one : clients) write_all(one.get(), "STARTTLS");
  run_on();
  RawClient client;
  client.shake_hands();
  for (const std::string hello = client.wire(); const Fd& one : clients)
    write_all(one.get(), hello);
  EXPECT_TRUE(reactor.run_once(Duration::zero()));  // some have their step, and others wait
  clients.clear();
  EXPECT_TRUE(has(crowded, 0));
  EXPECT_EQ(ends.size(), 12U);
  for (const std::string& one : ends) EXPECT_NE(one.find("handshake"), std::string::npos) << one;
}

TEST_P(TlsWire, NeitherTakesNorLeavesErrorsOfOtherCalls) {
  const auto disturb = [](Stream& client, Bytes data) {
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    client.write(data);
  };
  const Server disturbed = serve(reactor, unix_name(), disturb, over(secure)).value();
  peer = connect(disturbed.local_endpoint());
  RawClient client;
  for (int round = 0; round < 3; ++round) {
    client.shake_hands(arrives());
    write_all(peer.get(), client.wire());
  }
  for (const char* const text : {"one", "two"}) {
    write_all(peer.get(), client.say(text));
    run_on();
    EXPECT_EQ(ERR_peek_error(), 0U);
    std::string heard = client.hear(arrives());
    heard += client.hear({});  // after a ticket
    EXPECT_EQ(heard, text);
  }
  write_all(peer.get(), std::string(50, 'x'));  // no record
  run_on();
  EXPECT_TRUE(has(disturbed, 0));
  EXPECT_EQ(ERR_peek_error(), 0U) << "of a connection that has failed";
}

TEST_P(TlsWire, EndsInAHandshakeThatIsLeft) {
  for (std::size_t size : {0U, 1U, 5U, 100U}) {
    peer = connect(server->local_endpoint());
    RawClient client;
    client.shake_hands();
    write_all(peer.get(), client.wire().substr(0, size));
    run_on();
    peer = {};
    EXPECT_TRUE(has(*server, 0)) << size;
  }
  EXPECT_EQ(notes, "");
  EXPECT_EQ(secure.counters().handshakes, 0U);
}

TEST_P(TlsWire, TellsWhyByAnAlert) {
  RawClient client{TLS1_2_VERSION};
  client.shake_hands();
  std::string hello = client.wire();
  hello[hello.size() / 2] = static_cast<char>(hello[hello.size() / 2] + 1);
  write_all(peer.get(), hello.substr(0, 9) + std::string(hello.size() - 9, 'x'));
  EXPECT_TRUE(runs_until([&] { return secure.counters().failed == 1; }));
  const std::string alert = read_all(peer.get());
  ASSERT_GE(alert.size(), 7U);
  EXPECT_EQ(alert[0], 21) << "the type of an alert";
  EXPECT_EQ(alert[5], 2) << "fatal";
}

TEST_P(TlsWire, TakesNoRenegotiation) {
  RawClient client{TLS1_2_VERSION};
  opens(client);
  EXPECT_EQ(SSL_renegotiate(client.ssl()), 1);
  client.shake_hands();
  write_all(peer.get(), client.wire());
  client.shake_hands(arrives());
  EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
  ERR_clear_error();
}

TEST_P(TlsWire, BeginsWithSmallRecords) {
  const std::string text(60'000, 'x');
  const Server sender =
      serve(
          reactor, "127.0.0.1:0", [&](Stream& to, Bytes) { to.write(text); }, over(secure))
          .value();
  peer = connect(sender.local_endpoint());
  RawClient client;
  for (int round = 0; round < 3; ++round) {
    client.shake_hands(arrives());
    write_all(peer.get(), client.wire());
  }
  (void)client.hear(arrives());  // the ticket
  write_all(peer.get(), client.say("go"));
  std::string wire;
  EXPECT_TRUE(runs_until([&] { return (wire += read_all(peer.get())).size() > text.size(); }));
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at + 5 <= wire.size();) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(wire[at + 3])) * 256 +
                        static_cast<unsigned char>(wire[at + 4]);
    sizes.push_back(length);
    at += 5 + length;
  }
  ASSERT_GE(sizes.size(), 8U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_LT(sizes[i] + 5, 1'400U) << i;
  EXPECT_GT(sizes[4], 16'000U);
}

}  // namespace
}  // namespace rondo::test
