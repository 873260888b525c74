// One TextStream for one stream after the other, as a Reconnector has it: each begins anew.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/client.h>
#include <rondo/reconnector.h>
#include <rondo/text_stream.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

using Lines = std::vector<std::string>;

/// Writes down the lines, if it is to, and then does what the test wants.
struct Caller final : TextHandler {
  void on_open(TextStream& text) override {
    ++opens;
    if (const auto then = on_open_then) then(text);
  }
  void on_readable(TextStream& text) override {
    if (takes) TextHandler::on_readable(text);
  }
  void on_line(TextStream& text, std::string_view line) override {
    lines.emplace_back(line);
    if (const auto then = on_line_then) then(text);
  }
  void on_text_error(TextStream& text, const TextError& error) override {
    errors.push_back(error);
    TextHandler::on_text_error(text, error);
  }
  void on_end(TextStream& text) override {
    ++ends;
    TextHandler::on_end(text);
  }
  void on_close(TextStream& text, const Close&) override {
    ++closes;
    EXPECT_TRUE(text.has_stream());
    if (const auto then = on_close_then) then(text);
  }

  Lines lines;
  std::vector<TextError> errors;
  bool takes = true;
  int opens = 0;
  int ends = 0;
  int closes = 0;
  std::function<void(TextStream&)> on_open_then;
  std::function<void(TextStream&)> on_line_then;
  std::function<void(TextStream&)> on_close_then;
};

class TextAgain : public StreamsOnEveryBackend {
 protected:
  /// The peer of a new stream for `text`.
  Fd open() {
    Pair pair = unix_pair();
    stream = adopt(std::move(pair.ours), *text);
    return std::move(pair.theirs);
  }
  /// Takes options before the first stream.
  void use(const TextOptions& options) { text = std::make_unique<TextStream>(caller, options); }
  void say(const Fd& peer, std::string_view words) {
    ASSERT_EQ(write_some(peer.get(), words), std::ssize(words));
    run_on();
  }
  void abort() {
    const int before = caller.closes;
    stream->abort();
    EXPECT_TRUE(runs_until([&] { return caller.closes == before + 1; }));
    stream.reset();
  }

  Caller caller;
  std::unique_ptr<TextStream> text = std::make_unique<TextStream>(caller);
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(TextAgain);

TEST_P(TextAgain, BeginsWithoutTheHalfLineAndTheHalfCharacterOfTheLast) {
  const Fd first = open();
  say(first, "hal\xc3");
  abort();
  const Fd second = open();
  say(second, "\u00e9t\u00e9\n");
  EXPECT_EQ(caller.lines, (Lines{"\u00e9t\u00e9"}));
  EXPECT_TRUE(caller.errors.empty());
}

TEST_P(TextAgain, WaitsForTheEndOfALineThoughTheLastHasFinished) {
  Fd first = open();
  say(first, "one\ntw");
  first.close();
  EXPECT_TRUE(runs_until([&] { return caller.closes == 1; }));
  EXPECT_EQ(caller.lines, (Lines{"one", "tw"}));

  Fd second = open();
  say(second, "thr");
  say(second, "ee\n");
  EXPECT_EQ(caller.lines, (Lines{"one", "tw", "three"}));
  EXPECT_FALSE(text->at_end());
  second.close();
  EXPECT_TRUE(runs_until([&] { return caller.closes == 2; }));
  EXPECT_EQ(caller.ends, 2);
}

TEST_P(TextAgain, ReadsOnAfterALastOneThatWasNoText) {
  for (int round = 1; round <= 2; ++round) {
    const Fd peer = open();
    say(peer, "good\nbad \xff more\n");
    EXPECT_TRUE(runs_until([&] { return caller.closes == round; }));
    ASSERT_EQ(caller.errors.size(), static_cast<std::size_t>(round));
    EXPECT_EQ(caller.errors.back().position, 9u);
  }
  EXPECT_EQ(caller.lines, (Lines{"good", "bad ", "good", "bad "}));
}

TEST_P(TextAgain, ForgetsThatTheLastWasPausedSkippedALineAndSawAnEnding) {
  const Fd first = open();
  say(first, "one\r\nskip me");
  EXPECT_TRUE(text->seen(LineEnding::crlf));
  text->skip_line();
  text->pause();
  abort();
  const Fd second = open();
  say(second, "two\n");
  EXPECT_EQ(caller.lines, (Lines{"one", "two"}));
  EXPECT_FALSE(text->seen(LineEnding::crlf));
}

TEST_P(TextAgain, WritesTheMarkOfItsEncodingToEach) {
  use({.encoding = Encoding::find("utf-16").value()});
  caller.on_open_then = [](TextStream& here) { here.write("a"); };
  for (int round = 1; round <= 2; ++round) {
    const Fd peer = open();
    EXPECT_EQ(read_by_peer(peer, 4),
              "\xff\xfe"
              "a\0"sv);
    abort();
  }
}

TEST_P(TextAgain, KeepsWhatWasWrittenSinceItWasAttached) {
  use({.encoding = Encoding::find("utf-16").value()});
  caller.on_open_then = [](TextStream& here) { here.write("b"); };
  for (int round = 1; round <= 2; ++round) {
    const Fd peer = open();
    text->attach(*stream);
    EXPECT_TRUE(text->has_stream());
    EXPECT_TRUE(text->write("a"));
    EXPECT_EQ(read_by_peer(peer, 6),
              "\xff\xfe"
              "a\0b\0"sv);
    run_on();
    EXPECT_EQ(read_all(peer.get()), "");
    abort();
  }
}

TEST_P(TextAgain, KeepsThatItWasPausedSinceItWasAttached) {
  const Fd peer = open();
  text->attach(*stream);
  text->pause();
  say(peer, "one\n");
  EXPECT_EQ(caller.opens, 1);
  EXPECT_EQ(caller.lines, Lines{});
  text->resume();
  EXPECT_TRUE(runs_until([&] { return !caller.lines.empty(); }));
}

TEST_P(TextAgain, LeavesTheTextOfTheLastToWhoTakesItBeforeTheNext) {
  caller.takes = false;
  const Fd first = open();
  say(first, "one\ntwo\nthree\n");
  abort();
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  const Fd second = open();
  EXPECT_EQ(std::string_view{text->read_line()}, "two") << "nothing was called yet";
  run_on();
  EXPECT_EQ(text->unread(), 0u);
  say(second, "four\n");
  EXPECT_EQ(text->read_all(), "four\n");
}

TEST_P(TextAgain, HoldsBackTheNextThoughTheLastWasHeldBack) {
  use({.unread_max = 4});
  caller.takes = false;
  const Fd first = open();
  say(first, "0123456789");
  abort();
  const Fd second = open();
  say(second, "ab");
  say(second, "c\n");
  EXPECT_EQ(std::string_view{text->read_line()}, "abc");
}

TEST_P(TextAgain, RefusesToWriteBetweenTwoStreams) {
  const Fd first = open();
  run_on();
  EXPECT_TRUE(text->has_stream());
  caller.on_close_then = [](TextStream& here) { EXPECT_FALSE(here.stream().is_reading()); };
  abort();
  EXPECT_FALSE(text->has_stream());
  EXPECT_FALSE(text->write("lost\n"));
  EXPECT_FALSE(text->write_line("lost"));
  EXPECT_FALSE(text->write_error());
  text->resume();
  text->pause();
  const Fd second = open();
  run_on();
  EXPECT_TRUE(text->write_line("sent"));
  EXPECT_EQ(read_by_peer(second, 5), "sent\n");
  say(second, "heard\n");
  EXPECT_EQ(caller.lines, (Lines{"heard"})) << "pause() between streams does nothing";
}

TEST_P(TextAgain, RefusesToWriteAfterACloseWhoseHandlerThrew) {
  const Fd peer = open();
  run_on();
  caller.on_close_then = [](TextStream&) { throw std::runtime_error{"closed"}; };
  stream->abort();
  EXPECT_THROW(run_on(), std::runtime_error);
  EXPECT_FALSE(text->has_stream());
  EXPECT_FALSE(text->write("lost"));
}

TEST_P(TextAgain, MayBeDestroyedInItsOnClose) {
  const Fd peer = open();
  run_on();
  caller.on_close_then = [this](TextStream&) { text.reset(); };
  stream->abort();
  EXPECT_TRUE(runs_until([&] { return text == nullptr; }));
  run_on();
  EXPECT_EQ(caller.closes, 1);
}

TEST_P(TextAgain, MayBeAttachedToTheNextInTheOnCloseOfTheLast) {
  const Fd first = open();
  run_on();
  Fd second;
  caller.on_close_then = [&](TextStream& here) {
    caller.on_close_then = nullptr;
    stream.reset();  // the next one may be where it was
    second = open();
    here.attach(*stream);
    EXPECT_TRUE(here.write_line("hello"));
  };
  stream->abort();
  EXPECT_TRUE(runs_until([&] { return caller.closes == 1; }));
  EXPECT_TRUE(text->has_stream());
  EXPECT_TRUE(text->write_line("again"));
  EXPECT_EQ(read_by_peer(second, 12), "hello\nagain\n");
  say(second, "one\n");
  EXPECT_EQ(caller.lines, (Lines{"one"}));
}

TEST_P(TextAgain, MayBeAttachedToTheNextInACallOfTheLast) {
  const Fd first = open();
  Fd second;
  caller.on_line_then = [&](TextStream& here) {
    caller.on_line_then = nullptr;
    stream.reset();
    second = open();
    here.attach(*stream);
    EXPECT_TRUE(here.write_line("hello"));
  };
  say(first, "one\nnever told\nhal");
  EXPECT_TRUE(text->has_stream());
  EXPECT_EQ(read_by_peer(second, 6), "hello\n");
  say(second, "two\n");
  EXPECT_EQ(caller.lines, (Lines{"one", "two"}));
}

/// Breaks off in the middle of a line; then finishes; then says it in two parts.
struct Moody final : Session {
  explicit Moody(int& clients) : nth(++clients) {}
  void on_open(Stream& client) override {
    if (nth == 1) client.write("hal");
    if (nth == 2) client.write("two\n");
    if (nth == 2) client.shutdown_output();
    if (nth == 3) client.write("thr");
  }
  void on_data(Stream& client, Bytes) override {
    if (nth == 3) client.write("ee\n");
  }
  int nth;
};

TEST_P(TextAgain, IsTheHandlerOfAReconnector) {
  int clients = 0;
  const Server server = serve<Moody>(reactor, "127.0.0.1:0", {}, clients).value();
  caller.takes = false;
  caller.on_open_then = [&](TextStream& here) { caller.takes = here.write_line("go"); };
  Reconnector reconnector{
      reactor, server.local_endpoint().to_string(), *text, {.backoff = {.min = 1us, .max = 1us}}};
  EXPECT_FALSE(text->has_stream());
  EXPECT_TRUE(runs_until([&] { return text->unread() == 3; }));
  reconnector.stream()->abort();
  EXPECT_TRUE(runs_until([&] { return caller.lines.size() == 2; }));
  EXPECT_EQ(caller.lines, (Lines{"two", "three"}));
  EXPECT_EQ(caller.opens, 3);
  reconnector.stop();
  EXPECT_TRUE(runs_until([&] { return caller.closes == 3; }));
  EXPECT_FALSE(text->has_stream());
}

}  // namespace
}  // namespace rondo::test
