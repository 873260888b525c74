// SPDX-License-Identifier: MIT
// Text over streams: lines are received and text is sent, on every backend.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/text_stream.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::string_view_literals;

/// Records every call, and then does what the test wants.
struct TextRecorder final : TextHandler {
  void on_open(TextStream&) override { ++opens; }
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
  void on_close(TextStream& text, const Close& why) override {
    ++closes;
    reason = why.reason;
    EXPECT_TRUE(text.is_closed());
    if (const auto then = on_close_then) then(text);
  }

  int opens = 0;
  std::vector<std::string> lines;
  std::vector<std::string> pieces;
  std::vector<TextError> errors;
  int ends = 0;
  int closes = 0;
  bool skips = false;
  bool closes_on_error = true;
  CloseReason reason{};
  std::function<void(TextStream&)> on_line_then;
  std::function<void(TextStream&)> on_close_then;
};

using Lines = std::vector<std::string>;

class TextStreams : public StreamsOnEveryBackend {
 protected:
  /// The peer of a new stream whose text goes to `recorder`.
  Fd open(const TextOptions& options = {}) {
    Pair pair = unix_pair();
    text = TextStream::adopt(reactor, Socket{net, pair.ours.release()}, recorder, options).value();
    return std::move(pair.theirs);
  }
  void say(const Fd& peer, std::string_view words) {
    ASSERT_EQ(write_some(peer.get(), words), std::ssize(words));
  }

  TextRecorder recorder;
  std::unique_ptr<TextStream> text;
};
RONDO_ON_EVERY_BACKEND(TextStreams);

TEST_P(TextStreams, ReportLinesHoweverTheyWereCut) {
  const Fd peer = open();
  for (const std::string_view part : {"on", "e\r", "\ntwo\rthr", "ee\nf", "our"}) {
    say(peer, part);
    run_on();
  }
  EXPECT_EQ(recorder.opens, 1);
  EXPECT_EQ(recorder.lines, (Lines{"one", "two", "three"}));
  EXPECT_TRUE(text->seen(LineEnding::crlf));
}

TEST_P(TextStreams, ReportTheLastLineWithoutAnEndingAndThenTheEnd) {
  Fd peer = open();
  say(peer, "one\ntwo");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one", "two"}));
  EXPECT_EQ(recorder.ends, 1);
  EXPECT_EQ(recorder.reason, CloseReason::eof);
}

TEST_P(TextStreams, WriteTheirLineEndingAndNeedNoFlush) {
  TextOptions options;
  options.ending = LineEnding::crlf;
  const Fd peer = open(options);
  text->write_line("one");
  text->write("two\nthree");
  EXPECT_EQ(read_by_peer(peer, 15), "one\r\ntwo\r\nthree");
}

TEST_P(TextStreams, UseTheEncodingTheyWereGiven) {
  TextOptions options;
  options.encoding = Encoding::find("latin-1").value();
  const Fd peer = open(options);
  say(peer, "Zo\xeb\n");
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
  EXPECT_EQ(recorder.lines.front(), "Zo\u00eb");
  text->write_line("\u00ebn \u20ac");
  EXPECT_EQ(read_by_peer(peer, 5), "\xebn ?\n") << "what the encoding lacks is replaced";
}

TEST_P(TextStreams, WriteNothingIfAStrictEncodingLacksACharacter) {
  TextOptions options;
  options.encoding = Encoding::find("ascii").value();
  options.output_errors = TextErrors::strict;
  const Fd peer = open(options);
  EXPECT_EQ(text->write_line("caf\u00e9"), WriteStatus::refused);
  ASSERT_TRUE(text->write_error());
  EXPECT_EQ(text->write_line("tea"), WriteStatus::accepted);
  EXPECT_FALSE(text->write_error());
  EXPECT_EQ(read_by_peer(peer, 4), "tea\n");
}

TEST_P(TextStreams, ReportWhereTheInputIsInvalidAfterTheLinesBefore) {
  const Fd peer = open();
  say(peer, "good\nbad \xff more\n");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"good", "bad "}));
  ASSERT_EQ(recorder.errors.size(), 1u);
  EXPECT_EQ(recorder.errors.front().position, 9u);
  EXPECT_EQ(recorder.ends, 0);
}

TEST_P(TextStreams, ReportAnInputThatEndsWithinACharacter) {
  Fd peer = open();
  recorder.closes_on_error = false;
  say(peer, "one\ntw\xc3");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one", "tw"}));
  EXPECT_EQ(recorder.errors.size(), 1u);
  EXPECT_EQ(recorder.ends, 1);
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

TEST_P(TextStreams, SkipALongLineOnRequest) {
  TextOptions options;
  options.line_limit = 4;
  const Fd peer = open(options);
  recorder.skips = true;
  say(peer, "1234567890\nend\n");
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
  EXPECT_EQ(recorder.pieces, (Lines{"1234"}));
  EXPECT_EQ(recorder.lines, (Lines{"end"}));
}

TEST_P(TextStreams, ReportNothingMoreWhilePausedAndLoseNothing) {
  Fd peer = open();
  recorder.on_line_then = [](TextStream& here) { here.pause(); };
  say(peer, "one\ntwo\nthree");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.lines.size() == 1; }));
  run_on();
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  text->resume();
  EXPECT_EQ(recorder.lines.size(), 1u) << "resume() calls nothing itself";
  EXPECT_TRUE(runs_until([&] { return recorder.lines.size() == 2; }));
  recorder.on_line_then = nullptr;
  text->resume();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one", "two", "three"}));
}

TEST_P(TextStreams, MayBePausedBeforeTheyOpen) {
  const Fd peer = open();
  text->pause();
  say(peer, "one\n");
  run_on();
  EXPECT_EQ(recorder.opens, 1);
  EXPECT_EQ(recorder.lines, Lines{});
  text->resume();
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
}

TEST_P(TextStreams, ReportNoLineAfterClose) {
  const Fd peer = open();
  recorder.on_line_then = [](TextStream& here) { here.stream().close(); };
  say(peer, "one\ntwo\n");
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
}

TEST_P(TextStreams, DoNotReportTheEndAfterACloseAtTheLastLine) {
  Fd peer = open();
  recorder.on_line_then = [](TextStream& here) { here.stream().close(); };
  say(peer, "one");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  EXPECT_EQ(recorder.ends, 0);
}

TEST_P(TextStreams, ReportTheEndAfterATextErrorThatDidNotCloseThem) {
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

TEST_P(TextStreams, RefuseToWriteAfterTheClose) {
  const Fd peer = open();
  run_on();
  recorder.on_close_then = [](TextStream& here) {
    EXPECT_FALSE(here.stream().is_reading());
    EXPECT_EQ(here.write_line("lost"), WriteStatus::refused);
  };
  text->stream().abort();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(text->write("lost\n"), WriteStatus::refused);
  EXPECT_FALSE(text->write_error());
  text->resume();
  text->pause();
  run_on();
  EXPECT_EQ(recorder.closes, 1);
}

TEST_P(TextStreams, AreClosedAlsoAfterAnOnCloseThatThrew) {
  const Fd peer = open();
  run_on();
  recorder.on_close_then = [](TextStream&) { throw std::runtime_error{"closed"}; };
  text->stream().abort();
  EXPECT_THROW(run_on(), std::runtime_error);
  EXPECT_TRUE(text->is_closed());
  EXPECT_EQ(text->write("lost"), WriteStatus::refused);
}

TEST_P(TextStreams, MayBeDestroyedInACall) {
  const Fd peer = open();
  recorder.on_line_then = [this](TextStream&) { text.reset(); };
  say(peer, "one\ntwo\n");
  EXPECT_TRUE(runs_until([&] { return text == nullptr; }));
  run_on();
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(TextStreams, MayBeDestroyedInACallThatThrows) {
  const Fd peer = open();
  recorder.on_line_then = [this](TextStream&) {
    text.reset();
    throw std::runtime_error{"gone"};
  };
  say(peer, "one\ntwo\n");
  EXPECT_THROW(run_on(), std::runtime_error);
  EXPECT_EQ(text, nullptr);
  run_on();
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(TextStreams, MayBeDestroyedInTheirOnClose) {
  const Fd peer = open();
  run_on();
  recorder.on_close_then = [this](TextStream&) { text.reset(); };
  text->stream().abort();
  EXPECT_TRUE(runs_until([&] { return text == nullptr; }));
  run_on();
  EXPECT_EQ(recorder.closes, 1);
}

TEST_P(TextStreams, ConnectAndMayBeWrittenAtOnce) {
  TextOptions options;
  options.encoding = Encoding::find("utf-16").value();
  auto listener = Socket::listen(net, Endpoint::parse("127.0.0.1:0").value()).value();
  const std::string where = listener.local_endpoint().value().to_string();
  text = TextStream::connect(reactor, where, recorder, options);
  EXPECT_EQ(text->write("a"), WriteStatus::accepted);
  std::optional<Socket> server;
  EXPECT_TRUE(runs_until([&] {
    if (auto accepted = listener.accept()) server = std::move(accepted->socket);
    return server && recorder.opens == 1;
  }));
  text->write("b");
  std::string received;
  EXPECT_TRUE(runs_until([&] { return (received += read_all(server->fd())).size() >= 6; }));
  EXPECT_EQ(received,
            "\xff\xfe"
            "a\0b\0"sv)
      << "one byte order mark";
}

TEST_P(TextStreams, ReportAConnectThatFailed) {
  text = TextStream::connect(reactor, "no address", recorder);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::not_connected);
  EXPECT_EQ(recorder.opens, 0);
}

TEST_P(TextStreams, ReadStandardInput) {
  RONDO_NEEDS(files);
  Pair pair = unix_pair();
  const Fd kept = duplicate(STDIN_FILENO);
  ASSERT_EQ(::dup2(pair.ours.get(), STDIN_FILENO), STDIN_FILENO);
  text = TextStream::standard_input(reactor, recorder).value();
  say(pair.theirs, "one\n");
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
  text.reset();
  EXPECT_EQ(::dup2(kept.get(), STDIN_FILENO), STDIN_FILENO);
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
}

TEST_P(TextStreams, TakeOverAStreamAfterItsBytes) {
  Pair pair = unix_pair();
  StreamRecorder bytes;
  std::unique_ptr<Stream> stream = adopt(std::move(pair.ours), bytes);
  bytes.on_data_then = [&](Stream&, Bytes) {
    text = TextStream::adopt(std::move(stream), recorder);
  };
  say(pair.theirs, "upgrade");
  EXPECT_TRUE(runs_until([&] { return text != nullptr; }));
  say(pair.theirs, "one\n");
  EXPECT_TRUE(runs_until([&] { return !recorder.lines.empty(); }));
  EXPECT_EQ(recorder.lines, (Lines{"one"}));
  EXPECT_EQ(bytes.received, "upgrade");
  EXPECT_EQ(recorder.opens, 0);
}

}  // namespace
}  // namespace rondo::test
