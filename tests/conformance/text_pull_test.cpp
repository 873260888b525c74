// Text that is taken, not told: read_line, lines, read and read_all of a TextStream, inside its
// calls and outside, on every backend.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/text_stream.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

/// Counts what it is told, and then does what the test wants.
struct Reader final : TextHandler {
  void on_readable(TextStream& text) override {
    ++readables;
    if (const auto then = on_readable_then) then(text);
  }
  void on_line(TextStream&, std::string_view) override { ADD_FAILURE() << "told of a line"; }
  void on_text_error(TextStream& text, const TextError& error) override {
    ++errors;
    TextHandler::on_text_error(text, error);
  }
  void on_end(TextStream& text) override {
    ++ends;
    TextHandler::on_end(text);
  }
  void on_close(TextStream& text, const Close&) override {
    ++closes;
    if (const auto then = on_close_then) then(text);
  }

  int readables = 0;
  int errors = 0;
  int ends = 0;
  int closes = 0;
  std::function<void(TextStream&)> on_readable_then;
  std::function<void(TextStream&)> on_close_then;
};

using Lines = std::vector<std::string>;

class TextToTake : public StreamsOnEveryBackend {
 protected:
  /// The peer of a new stream whose text `reader` may take.
  Fd open(const TextOptions& options = {}) {
    Pair pair = unix_pair();
    text = std::make_unique<TextStream>(reader, options);
    stream = adopt(std::move(pair.ours), *text);
    text->attach(*stream);
    return std::move(pair.theirs);
  }
  void say(const Fd& peer, std::string_view words) {
    ASSERT_EQ(write_some(peer.get(), words), std::ssize(words));
    run_on();
  }
  /// What is here and whole.
  static Lines take_lines(TextStream& from) {
    Lines lines;
    for (const std::string_view line : from.lines()) lines.emplace_back(line);
    return lines;
  }

  Reader reader;
  std::unique_ptr<TextStream> text;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(TextToTake);

TEST_P(TextToTake, GivesWholeLinesToWhoAsks) {
  const Fd peer = open();
  say(peer, "one\ntw");
  EXPECT_EQ(reader.readables, 1);
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  EXPECT_EQ(text->read_line().state, ReadStatus::more);
  EXPECT_EQ(text->unread(), 2u);
  say(peer, "o\n");
  EXPECT_EQ(reader.readables, 2);
  EXPECT_EQ(std::string_view{text->read_line()}, "two");
  EXPECT_EQ(text->read_line().state, ReadStatus::more);
  EXPECT_FALSE(text->at_end());
}

TEST_P(TextToTake, IsToldOfOnceIfNobodyTakesIt) {
  const Fd peer = open();
  say(peer, "one\ntwo\n");
  run_on();
  EXPECT_EQ(reader.readables, 1);
  EXPECT_EQ(text->unread(), 8u);
}

TEST_P(TextToTake, IsToldOfAgainWhileSomeIsTakenAndSomeIsLeft) {
  const Fd peer = open();
  Lines lines;
  reader.on_readable_then = [&](TextStream& here) {
    if (const Line line = here.read_line()) lines.emplace_back(line);
  };
  say(peer, "one\ntwo\nthree\nfo");
  EXPECT_EQ(lines, (Lines{"one", "two", "three"}));
  EXPECT_EQ(reader.readables, 4);
  say(peer, "ur\n");
  EXPECT_EQ(lines.size(), 4u);
  EXPECT_EQ(reader.readables, 5);
}

TEST_P(TextToTake, IsIteratedOverUpToALineThatIsTooLong) {
  TextOptions options;
  options.line_limit = 4;
  const Fd peer = open(options);
  say(peer, "a\nb\n1234567\nc\n123456\nd\ne");
  EXPECT_EQ(take_lines(*text), (Lines{"a", "b"}));
  const Line piece = text->read_line();
  EXPECT_EQ(piece.state, ReadStatus::too_long);
  EXPECT_EQ(piece.text, "1234");
  EXPECT_EQ(take_lines(*text), (Lines{"567", "c"}));
  EXPECT_EQ(text->read_whole_line().state, ReadStatus::too_long);
  text->skip_line();
  EXPECT_EQ(take_lines(*text), (Lines{"d"}));
}

TEST_P(TextToTake, ComesInSoManyCharactersOrAllOfIt) {
  TextOptions options;
  options.encoding = Encoding::find("latin-1").value();
  const Fd peer = open(options);
  say(peer, "\xe4\xf6\xfcx\r\ny\r");
  EXPECT_EQ(text->read(3), "\u00e4\u00f6\u00fc");
  EXPECT_EQ(text->read_all(), "x\ny") << "the CR waits for its LF";
  EXPECT_EQ(text->read_all(), "");
  say(peer, "\nz");
  EXPECT_EQ(text->read_all(), "\nz");
}

TEST_P(TextToTake, EndsWhenAllOfItWasTaken) {
  Fd peer = open();
  say(peer, "one\ntwo");
  peer.close();
  run_on();
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  EXPECT_FALSE(text->at_end());
  EXPECT_EQ(std::string_view{text->read_line()}, "two");
  EXPECT_TRUE(text->at_end());
  EXPECT_EQ(text->read_line().state, ReadStatus::end);
  EXPECT_EQ(reader.ends, 0) << "nobody is called from inside a call";
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  EXPECT_EQ(reader.ends, 1);
}

TEST_P(TextToTake, IsTakenWholeByWhoGathersItUntilTheEnd) {
  Fd peer = open();
  std::string whole;
  reader.on_readable_then = [&](TextStream& here) { whole += here.read_all(); };
  say(peer, "one\r\ntw");
  say(peer, "o\r");
  EXPECT_EQ(whole, "one\ntwo");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  EXPECT_EQ(whole, "one\ntwo\n");
  EXPECT_EQ(reader.ends, 1);
}

TEST_P(TextToTake, ThatIsNoTextIsAnErrorOnceWhatCameBeforeWasTaken) {
  const Fd peer = open();
  say(peer, "good\nbad \xff more\n");
  run_on();
  EXPECT_EQ(reader.errors, 0);
  EXPECT_EQ(take_lines(*text), (Lines{"good", "bad "}));
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  EXPECT_EQ(reader.errors, 1);
  EXPECT_EQ(reader.ends, 0);
}

TEST_P(TextToTake, HoldsThePeerBackAboveItsBound) {
  constexpr std::size_t read_size = std::size_t{64} << 10U;
  TextOptions options;
  options.unread_max = 1000;
  const Fd peer = open(options);
  const std::string sent = numbered_text(std::size_t{1} << 20U);
  std::size_t offered = 0;
  const auto offer = [&] {
    const long taken = write_some(peer.get(), std::string_view{sent}.substr(offered));
    if (taken > 0) offered += static_cast<std::size_t>(taken);
    return taken > 0;
  };
  for (int i = 0; i < 100 && offer(); ++i) run_on();
  ASSERT_LT(offered, sent.size()) << "the peer was not held back";
  EXPECT_GT(text->unread(), options.unread_max);
  EXPECT_LE(text->unread(), options.unread_max + read_size);
  const int reads = net.calls("read");
  run_on();
  EXPECT_EQ(net.calls("read"), reads);

  std::string received{text->read(text->unread() - options.unread_max)};
  run_on();
  EXPECT_EQ(net.calls("read"), reads) << "more than half is there still";
  EXPECT_TRUE(runs_until([&] {
    received += text->read_all();
    (void)offer();  // it may be full still
    return received.size() == sent.size();
  }));
  EXPECT_TRUE(received == sent);
}

TEST_P(TextToTake, HasRoomForALineAboveItsBound) {
  TextOptions options;
  options.unread_max = 10;
  const Fd peer = open(options);
  Lines lines;
  reader.on_readable_then = [&](TextStream& here) {
    for (Lines more = take_lines(here); const auto& line : more) lines.push_back(line);
  };
  std::string line;
  for (int i = 0; i < 10; ++i) {
    line += "0123456789abcdef";
    say(peer, "0123456789abcdef");
  }
  EXPECT_EQ(text->unread(), line.size());
  say(peer, "\n");
  EXPECT_EQ(lines, (Lines{line}));
}

TEST_P(TextToTake, GoesOnForWhoFindsNoLineInWhatIsHeld) {
  TextOptions options;
  options.unread_max = 4;
  const Fd peer = open(options);
  say(peer, "0123456789");
  say(peer, "abc\n");
  EXPECT_EQ(text->unread(), 10u) << "held, as nobody has looked";
  EXPECT_EQ(text->read_line().state, ReadStatus::more);
  run_on();
  EXPECT_EQ(std::string_view{text->read_line()}, "0123456789abc");
}

TEST_P(TextToTake, IsNotToldOfWhilePausedButMayBeTaken) {
  const Fd peer = open();
  reader.on_readable_then = [](TextStream& here) { here.pause(); };
  say(peer, "one\ntwo\nthree\n");
  reader.on_readable_then = nullptr;
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  say(peer, "four\n");
  EXPECT_EQ(reader.readables, 1);
  text->resume();
  EXPECT_EQ(reader.readables, 1) << "nobody is called from inside a call";
  EXPECT_TRUE(runs_until([&] { return reader.readables >= 2; }));
  run_on();
  EXPECT_EQ(take_lines(*text), (Lines{"two", "three", "four"}));
}

TEST_P(TextToTake, IsStillThereAfterTheClose) {
  const Fd peer = open();
  say(peer, "one\ntwo\n");
  Lines lines;
  reader.on_close_then = [&](TextStream& here) { lines.emplace_back(here.read_line()); };
  stream->close();
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  stream.reset();
  lines.emplace_back(text->read_line());
  EXPECT_EQ(lines, (Lines{"one", "two"}));
}

TEST_P(TextToTake, IsKeptWhenTheHandlerThrows) {
  const Fd peer = open();
  Lines lines;
  reader.on_readable_then = [&](TextStream& here) {
    lines.emplace_back(here.read_line());
    throw std::runtime_error{"no more"};
  };
  write_all(peer.get(), "one\ntwo\n");
  EXPECT_THROW(run_on(), std::runtime_error);

  StreamRecorder other;  // what it receives comes into the same buffer
  Pair pair = unix_pair();
  const auto neighbour = adopt(std::move(pair.ours), other);
  write_all(pair.theirs.get(), "########");
  EXPECT_TRUE(runs_until([&] { return !other.received.empty(); }));
  lines.emplace_back(text->read_line());
  EXPECT_EQ(lines, (Lines{"one", "two"}));
}

TEST_P(TextToTake, MayEndTheLifeOfItsStreamInTheCall) {
  const Fd peer = open();
  reader.on_readable_then = [this](TextStream& here) {
    EXPECT_EQ(std::string_view{here.read_line()}, "one");
    stream.reset();
    text.reset();
  };
  say(peer, "one\ntwo\n");
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(reader.readables, 1);
  EXPECT_EQ(reader.closes, 0);
}

}  // namespace
}  // namespace rondo::test
