// Text over streams: lines in, text out, on every backend.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/text_stream.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

/// Writes down what it is told, and then does what the test wants.
struct TextRecorder final : TextHandler {
  void on_line(TextStream& text, std::string_view line) override {
    lines.emplace_back(line);
    if (const auto then = on_line_then) then(text);
  }
  void on_long_line(TextStream& text, std::string_view piece) override {
    pieces.emplace_back(piece);
    if (skips) text.skip_line();
  }
  void on_text_error(TextStream& text, const TextError& error) override {
    errors.push_back(error);
    if (closes_on_error) TextHandler::on_text_error(text, error);
  }
  void on_end(TextStream& text) override {
    ++ends;
    TextHandler::on_end(text);
  }
  void on_close(TextStream&, const Close& why) override {
    ++closes;
    reason = why.reason;
  }

  std::vector<std::string> lines;
  std::vector<std::string> pieces;
  std::vector<TextError> errors;
  int ends = 0;
  int closes = 0;
  bool skips = false;
  bool closes_on_error = true;
  CloseReason reason{};
  std::function<void(TextStream&)> on_line_then;
};

using Lines = std::vector<std::string>;

class TextStreams : public StreamsOnEveryBackend {
 protected:
  /// The peer of a new stream whose text goes to `recorder`.
  Fd open(const TextOptions& options = {}) {
    Pair pair = unix_pair();
    text = std::make_unique<TextStream>(recorder, options);
    stream = adopt(std::move(pair.ours), *text);
    text->attach(*stream);
    return std::move(pair.theirs);
  }
  void say(const Fd& peer, std::string_view words) {
    ASSERT_EQ(write_some(peer.get(), words), std::ssize(words));
  }

  TextRecorder recorder;
  std::unique_ptr<TextStream> text;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(TextStreams);

TEST_P(TextStreams, TellLinesHoweverTheyWereCut) {
  const Fd peer = open();
  for (const std::string_view part : {"on", "e\r", "\ntwo\rthr", "ee\nf", "our"}) {
    say(peer, part);
    run_on();
  }
  EXPECT_EQ(recorder.lines, (Lines{"one", "two", "three"}));
  EXPECT_TRUE(text->seen(LineEnding::crlf));
}

TEST_P(TextStreams, TellTheLastLineWithoutAnEndingAndThenTheEnd) {
  Fd peer = open();
  say(peer, "one\ntwo");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one", "two"}));
  EXPECT_EQ(recorder.ends, 1);
  EXPECT_EQ(recorder.reason, CloseReason::eof);
}

TEST_P(TextStreams, WriteTheirEndingAndNobodyHasToFlush) {
  TextOptions options;
  options.ending = LineEnding::crlf;
  const Fd peer = open(options);
  text->write_line("one");
  text->write("two\nthree");
  EXPECT_EQ(read_by_peer(peer, 15), "one\r\ntwo\r\nthree");
}

TEST_P(TextStreams, SpeakTheEncodingTheyWereGiven) {
  TextOptions options;
  options.encoding = Encoding::find("latin-1").value();
  const Fd peer = open(options);
  say(peer, "Zo\xeb\n");
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
  EXPECT_EQ(recorder.lines.front(), "Zo\u00eb");
  text->write_line("\u00ebn \u20ac");
  EXPECT_EQ(read_by_peer(peer, 5), "\xebn ?\n") << "what the encoding lacks is replaced";
}

TEST_P(TextStreams, WriteNothingOfWhatAStrictEncodingLacks) {
  TextOptions options;
  options.encoding = Encoding::find("ascii").value();
  options.output_errors = TextErrors::strict;
  const Fd peer = open(options);
  EXPECT_FALSE(text->write_line("caf\u00e9"));
  ASSERT_TRUE(text->write_error());
  EXPECT_TRUE(text->write_line("tea"));
  EXPECT_FALSE(text->write_error());
  EXPECT_EQ(read_by_peer(peer, 4), "tea\n");
}

TEST_P(TextStreams, TellWhereTheInputIsNoTextAfterTheLinesBefore) {
  const Fd peer = open();
  say(peer, "good\nbad \xff more\n");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"good", "bad "}));
  ASSERT_EQ(recorder.errors.size(), 1u);
  EXPECT_EQ(recorder.errors.front().position, 9u);
  EXPECT_EQ(recorder.ends, 0);
}

TEST_P(TextStreams, GiveALongLineInPiecesOfTheLimit) {
  TextOptions options;
  options.line_limit = 4;
  const Fd peer = open(options);
  say(peer, "1234\n1234567890\nend\n");
  EXPECT_TRUE(runs_until([&] { return recorder.lines.size() == 3; }));
  EXPECT_EQ(recorder.pieces, (Lines{"1234", "5678"}));
  EXPECT_EQ(recorder.lines, (Lines{"1234", "90", "end"}));
}

TEST_P(TextStreams, SkipALongLineWhereThatIsAskedFor) {
  TextOptions options;
  options.line_limit = 4;
  const Fd peer = open(options);
  recorder.skips = true;
  say(peer, "1234567890\nend\n");
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
  EXPECT_EQ(recorder.pieces, (Lines{"1234"}));
  EXPECT_EQ(recorder.lines, (Lines{"end"}));
}

TEST_P(TextStreams, TellNothingMoreWhilePausedAndLoseNothing) {
  Fd peer = open();
  recorder.on_line_then = [](TextStream& here) { here.pause(); };
  say(peer, "one\ntwo\nthree");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.lines.size() == 1; }));
  run_on();
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  text->resume();
  EXPECT_EQ(recorder.lines.size(), 1u) << "nobody is called from inside a call";
  EXPECT_TRUE(runs_until([&] { return recorder.lines.size() == 2; }));
  recorder.on_line_then = nullptr;
  text->resume();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one", "two", "three"}));
}

TEST_P(TextStreams, TellNothingAfterClose) {
  const Fd peer = open();
  recorder.on_line_then = [](TextStream& here) { here.stream().close(); };
  say(peer, "one\ntwo\n");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
}

TEST_P(TextStreams, DoNotTellTheEndToWhoClosedAtTheLastLine) {
  Fd peer = open();
  recorder.on_line_then = [](TextStream& here) { here.stream().close(); };
  say(peer, "one");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  EXPECT_EQ(recorder.ends, 0);
}

TEST_P(TextStreams, TellTheEndToWhoDidNotCloseForATextError) {
  Fd peer = open();
  recorder.closes_on_error = false;
  say(peer, "bad \xff\n");
  EXPECT_TRUE(runs_until([&] { return recorder.errors.size() == 1; }));
  say(peer, "dropped\n");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"bad "}));
  EXPECT_EQ(recorder.errors.size(), 1u);
  EXPECT_EQ(recorder.ends, 1);
}

TEST_P(TextStreams, OutliveTheirStreamThatIsDestroyedInACall) {
  const Fd peer = open();
  recorder.on_line_then = [this](TextStream&) { stream.reset(); };
  say(peer, "one\ntwo\nthree\n");
  run_on();
  EXPECT_EQ(recorder.lines, (Lines{"one"})) << "nothing is called any more";
  EXPECT_EQ(text->read_all(), "two\nthree\n") << "what has come may be taken";
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(TextStreams, MayBeDestroyedWithTheirStreamInACall) {
  const Fd peer = open();
  recorder.on_line_then = [this](TextStream&) {
    stream.reset();
    text.reset();
  };
  say(peer, "one\ntwo\n");
  EXPECT_TRUE(runs_until([&] { return text == nullptr; }));
  run_on();
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  EXPECT_EQ(recorder.closes, 0);
}

struct Shouting final : LineSession {
  explicit Shouting(int& gone) : gone_(gone) {}
  ~Shouting() override { ++gone_; }
  void on_open(TextStream& client) override { client.write_line("hello"); }
  void on_line(TextStream& client, std::string_view line) override {
    if (line == "bye") return client.stream().close();
    client.write_line(std::string{line} + "!");
  }
  int& gone_;
};

TEST_P(TextStreams, ServeSessionsThatSpeakInLines) {
  int gone = 0;
  auto server = serve<Shouting>(reactor, "127.0.0.1:0", {}, gone).value();
  const Fd peer = tcp_connecting(server.local_endpoint().port());
  EXPECT_EQ(read_by_peer(peer, 6), "hello\n");
  say(peer, "one\r\ntwo\r\nbye\r\nlost\r\n");
  EXPECT_EQ(read_to_end(peer), "one!\ntwo!\n");
  EXPECT_TRUE(runs_until([&] { return gone == 1; }));
}

}  // namespace
}  // namespace rondo::test
