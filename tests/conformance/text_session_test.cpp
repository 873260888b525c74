// SPDX-License-Identifier: MIT
// Text over the streams of a server, on every backend.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/text_stream.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

class TextSessions : public StreamsOnEveryBackend {
 protected:
  void say(const Fd& peer, std::string_view words) {
    ASSERT_EQ(write_some(peer.get(), words), std::ssize(words));
  }
};
RONDO_ON_EVERY_BACKEND(TextSessions);

struct Shouting final : LineSession {
  explicit Shouting(int& gone) : gone_(gone) {}
  ~Shouting() override { ++gone_; }
  void on_open(TextStream& client) override { client.write_line("hello"); }
  void on_line(TextStream& client, std::string_view line) override {
    EXPECT_EQ(&client, &text());
    if (line == "bye") return client.stream().close();
    client.write_line(std::string{line} + "!");
  }
  int& gone_;
};

TEST_P(TextSessions, ServeSessionsThatSpeakInLines) {
  int gone = 0;
  auto server = serve<Shouting>(reactor, "127.0.0.1:0", {}, gone).value();
  Fd peer = tcp_connecting(server.local_endpoint().port());
  EXPECT_EQ(read_by_peer(peer, 6), "hello\n");
  say(peer, "one\r\ntwo\r\nbye\r\nlost\r\n");
  EXPECT_EQ(read_to_end(peer), "one!\ntwo!\n");
  peer.close();  // otherwise the close lingers
  EXPECT_TRUE(runs_until([&] { return gone == 1; }));
}

TEST_P(TextSessions, AnswerALineThatEndsWithACrAlone) {
  auto server = serve(reactor, "127.0.0.1:0", [](TextStream& client, std::string_view line) {
                  client.write_line(std::string{line} + "!");
                }).value();
  const Fd peer = tcp_connecting(server.local_endpoint().port());
  for (const std::string_view line : {"one\r", "\ntwo\r", "three\r"}) {
    say(peer, line);
    const std::string answer{line.substr(line.front() == '\n' ? 1 : 0, line.size() - 1)};
    const std::string expected = answer.substr(0, answer.find('\r')) + "!\n";
    EXPECT_EQ(read_by_peer(peer, expected.size()), expected);
  }
}

void answer(TextStream& client, std::string_view line) {
  client.write_line(std::string{line} + "?");
}

// Its parameters are types of rondo, so that each serve() is found.
TEST_P(TextSessions, MayBeAPlainFunction) {
  auto server = serve(reactor, "127.0.0.1:0", answer).value();
  const Fd peer = tcp_connecting(server.local_endpoint().port());
  say(peer, "one\n");
  EXPECT_EQ(read_by_peer(peer, 5), "one?\n");
}

/// Destroys its server at the first line.
struct Ending final : LineSession {
  struct Seen {
    std::optional<Server> server;
    int lines = 0;
    std::string rest;
  };
  explicit Ending(Seen& seen) : seen_(seen) {}
  void on_line(TextStream& client, std::string_view) override {
    ++seen_.lines;
    seen_.server.reset();
    EXPECT_EQ(client.write_line("lost"), WriteStatus::refused);
    client.pause();
    client.resume();
    seen_.rest = client.read_all();
  }
  void on_close(TextStream&, const Close&) override { ADD_FAILURE() << "called after the end"; }
  Seen& seen_;
};

TEST_P(TextSessions, MayEndTheirServerInACall) {
  Ending::Seen seen;
  seen.server = serve<Ending>(reactor, "127.0.0.1:0", {}, seen).value();
  const Fd peer = tcp_connecting(seen.server->local_endpoint().port());
  say(peer, "one\ntwo\nthree\n");
  EXPECT_TRUE(runs_until([&] { return seen.lines > 0; }));
  run_on();
  EXPECT_EQ(seen.lines, 1);
  EXPECT_EQ(seen.rest, "two\nthree\n") << "text that has arrived can be read";
}

/// Receives a line of bytes, and then text.
struct Switching final : Session, TextHandler {
  void on_data(Stream& client, Bytes) override {
    client.set_handler(text.emplace(client, *this));
    text->write_line("go on");
  }
  void on_line(TextStream& client, std::string_view line) override {
    client.write_line("heard " + std::string{line});
  }
  void on_end(Stream&) override { ADD_FAILURE() << "not its handler any more"; }
  void on_end(TextStream& client) override { client.stream().close(); }
  std::optional<TextStream> text;
};

TEST_P(TextSessions, AreTheHandlerOfAStreamThatAServerOwns) {
  auto server = serve(reactor, "127.0.0.1:0", [](Stream&, const Endpoint&) {
                  return std::make_unique<Switching>();
                }).value();
  const Fd peer = tcp_connecting(server.local_endpoint().port());
  say(peer, "bytes");
  EXPECT_EQ(read_by_peer(peer, 6), "go on\n");
  say(peer, "one\n");
  EXPECT_EQ(read_by_peer(peer, 10), "heard one\n");
  EXPECT_EQ(kernel().net().shutdown(peer.get(), Direction::write), 0);
  EXPECT_TRUE(runs_until([&] { return server.connections() == 0; }));
}

}  // namespace
}  // namespace rondo::test
