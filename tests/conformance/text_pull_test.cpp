// SPDX-License-Identifier: MIT
// Text that the program reads itself: read_line, lines, read and read_all of a TextStream, inside
// its calls and outside, on every backend.
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

/// Counts the calls, and then does what the test wants.
struct Reader final : TextHandler {
  void on_readable(TextStream& text) override {
    ++readables;
    if (const auto then = on_readable_then) then(text);
  }
  void on_line(TextStream&, std::string_view) override { ADD_FAILURE() << "a line was reported"; }
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

class TextToRead : public StreamsOnEveryBackend {
 protected:
  /// The peer of a new stream whose text `reader` may read.
  Fd open(const TextOptions& options = {}) {
    Pair pair = unix_pair();
    text = TextStream::adopt(reactor, Socket{net, pair.ours.release()}, reader, options).value();
    return std::move(pair.theirs);
  }
  void say(const Fd& peer, std::string_view words) {
    ASSERT_EQ(write_some(peer.get(), words), std::ssize(words));
    run_on();
  }
  /// The whole lines that have arrived.
  static Lines read_lines(TextStream& from) {
    Lines lines;
    for (const std::string_view line : from.lines()) lines.emplace_back(line);
    return lines;
  }

  Reader reader;
  std::unique_ptr<TextStream> text;
};
RONDO_ON_EVERY_BACKEND(TextToRead);

TEST_P(TextToRead, IsReadInWholeLines) {
  const Fd peer = open();
  say(peer, "one\ntw");
  EXPECT_EQ(reader.readables, 1);
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  EXPECT_EQ(text->read_line().status, ReadStatus::more);
  EXPECT_EQ(text->unread(), 2u);
  say(peer, "o\n");
  EXPECT_EQ(reader.readables, 2);
  EXPECT_EQ(std::string_view{text->read_line()}, "two");
  EXPECT_EQ(text->read_line().status, ReadStatus::more);
  EXPECT_FALSE(text->at_end());
}

TEST_P(TextToRead, IsReportedOnceIfItIsNotRead) {
  const Fd peer = open();
  say(peer, "one\ntwo\n");
  run_on();
  EXPECT_EQ(reader.readables, 1);
  EXPECT_EQ(text->unread(), 8u);
}

TEST_P(TextToRead, IsReportedAgainWhileAPartIsReadAndAPartIsLeft) {
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

TEST_P(TextToRead, IsIteratedOverUpToALineThatIsTooLong) {
  TextOptions options;
  options.line_limit = 4;
  const Fd peer = open(options);
  say(peer, "a\nb\n1234567\nc\n123456\nd\ne");
  EXPECT_EQ(read_lines(*text), (Lines{"a", "b"}));
  const Line piece = text->read_line();
  EXPECT_EQ(piece.status, ReadStatus::too_long);
  EXPECT_EQ(piece.text, "1234");
  EXPECT_EQ(read_lines(*text), (Lines{"567", "c"}));
  EXPECT_EQ(text->read_whole_line().status, ReadStatus::too_long);
  text->skip_line();
  EXPECT_EQ(read_lines(*text), (Lines{"d"}));
}

TEST_P(TextToRead, IsReadByCharactersOrAllAtOnce) {
  TextOptions options;
  options.encoding = Encoding::find("latin-1").value();
  const Fd peer = open(options);
  say(peer, "\xe4\xf6\xfcx\r\ny\r");
  EXPECT_EQ(text->read(3), "\u00e4\u00f6\u00fc");
  EXPECT_EQ(text->read_all(), "x\ny\n") << "the CR ends its line at once";
  EXPECT_EQ(text->read_all(), "");
  say(peer, "\nz");
  EXPECT_EQ(text->read_all(), "z") << "the LF belongs to the CR";
}

TEST_P(TextToRead, EndsWhenAllOfItWasRead) {
  Fd peer = open();
  say(peer, "one\ntwo");
  peer.close();
  run_on();
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  EXPECT_FALSE(text->at_end());
  EXPECT_EQ(std::string_view{text->read_line()}, "two");
  EXPECT_TRUE(text->at_end());
  EXPECT_EQ(text->read_line().status, ReadStatus::end);
  EXPECT_EQ(reader.ends, 0) << "a call of the program calls nothing back";
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  EXPECT_EQ(reader.ends, 1);
}

TEST_P(TextToRead, IsGatheredUntilTheEnd) {
  Fd peer = open();
  std::string whole;
  reader.on_readable_then = [&](TextStream& here) { whole += here.read_all(); };
  say(peer, "one\r\ntw");
  say(peer, "o\r");
  EXPECT_EQ(whole, "one\ntwo\n");
  peer.close();
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  EXPECT_EQ(whole, "one\ntwo\n");
  EXPECT_EQ(reader.ends, 1);
}

TEST_P(TextToRead, ThatIsInvalidIsReportedOnceAllBeforeItWasRead) {
  const Fd peer = open();
  say(peer, "good\nbad \xff more\n");
  run_on();
  EXPECT_EQ(reader.errors, 0);
  EXPECT_EQ(read_lines(*text), (Lines{"good", "bad "}));
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  EXPECT_EQ(reader.errors, 1);
  EXPECT_EQ(reader.ends, 0);
}

TEST_P(TextToRead, StopsReadingAboveItsLimit) {
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
  ASSERT_LT(offered, sent.size()) << "the stream did not stop reading";
  EXPECT_GT(text->unread(), options.unread_max);
  EXPECT_LE(text->unread(), options.unread_max + read_size);
  const int reads = net.calls("read");
  run_on();
  EXPECT_EQ(net.calls("read"), reads);

  std::string received{text->read(text->unread() - options.unread_max)};
  run_on();
  EXPECT_EQ(net.calls("read"), reads) << "more than half is still unread";
  EXPECT_TRUE(runs_until([&] {
    received += text->read_all();
    (void)offer();  // the socket may still be full
    return received.size() == sent.size();
  }));
  EXPECT_TRUE(received == sent);
}

TEST_P(TextToRead, HasRoomForALineAboveItsLimit) {
  TextOptions options;
  options.unread_max = 10;
  const Fd peer = open(options);
  Lines lines;
  reader.on_readable_then = [&](TextStream& here) {
    for (Lines more = read_lines(here); const auto& line : more) lines.push_back(line);
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

TEST_P(TextToRead, IsReceivedOnAfterAReadThatFoundNoLine) {
  TextOptions options;
  options.unread_max = 4;
  const Fd peer = open(options);
  say(peer, "0123456789");
  say(peer, "abc\n");
  EXPECT_EQ(text->unread(), 10u) << "not read on, since nothing was read yet";
  EXPECT_EQ(text->read_line().status, ReadStatus::more);
  run_on();
  EXPECT_EQ(std::string_view{text->read_line()}, "0123456789abc");
}

TEST_P(TextToRead, IsNotReportedWhilePausedButCanBeRead) {
  const Fd peer = open();
  reader.on_readable_then = [](TextStream& here) { here.pause(); };
  say(peer, "one\ntwo\nthree\n");
  reader.on_readable_then = nullptr;
  EXPECT_EQ(std::string_view{text->read_line()}, "one");
  say(peer, "four\n");
  EXPECT_EQ(reader.readables, 1);
  text->resume();
  EXPECT_EQ(reader.readables, 1) << "a call of the program calls nothing back";
  EXPECT_TRUE(runs_until([&] { return reader.readables >= 2; }));
  run_on();
  EXPECT_EQ(read_lines(*text), (Lines{"two", "three", "four"}));
}

TEST_P(TextToRead, CanBeReadAfterTheClose) {
  const Fd peer = open();
  say(peer, "one\ntwo\n");
  Lines lines;
  reader.on_close_then = [&](TextStream& here) { lines.emplace_back(here.read_line()); };
  text->stream().close();
  EXPECT_TRUE(runs_until([&] { return reader.closes == 1; }));
  lines.emplace_back(text->read_line());
  EXPECT_EQ(lines, (Lines{"one", "two"}));
}

TEST_P(TextToRead, IsKeptWhenTheHandlerThrows) {
  const Fd peer = open();
  Lines lines;
  reader.on_readable_then = [&](TextStream& here) {
    lines.emplace_back(here.read_line());
    throw std::runtime_error{"no more"};
  };
  write_all(peer.get(), "one\ntwo\n");
  EXPECT_THROW(run_on(), std::runtime_error);

  StreamRecorder other;  // the reactor's streams share one buffer for input
  Pair pair = unix_pair();
  const auto neighbour = adopt(std::move(pair.ours), other);
  write_all(pair.theirs.get(), "########");
  EXPECT_TRUE(runs_until([&] { return !other.received.empty(); }));
  lines.emplace_back(text->read_line());
  EXPECT_EQ(lines, (Lines{"one", "two"}));
}

TEST_P(TextToRead, MayBeDestroyedInTheCall) {
  const Fd peer = open();
  reader.on_readable_then = [this](TextStream& here) {
    EXPECT_EQ(std::string_view{here.read_line()}, "one");
    text.reset();
  };
  say(peer, "one\ntwo\n");
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(reader.readables, 1);
  EXPECT_EQ(reader.closes, 0);
}

TEST_P(TextToRead, HoldsThePeerBackWhereDecodingMakesMoreOfIt) {
  TextOptions options;
  options.encoding = Encoding::find("latin-1").value();
  options.unread_max = std::size_t{16} << 10U;
  const Fd peer = open(options);
  const std::string piece(64 << 10, '\xe4');
  std::size_t sent = 0;
  for (int i = 0; i < 200; ++i) {
    sent += static_cast<std::size_t>(std::max<std::ptrdiff_t>(write_some(peer.get(), piece), 0));
    run_on();
  }
  EXPECT_LT(sent, std::size_t{4} << 20U) << "what is not read waits at the peer";
  std::size_t read = 0;
  for (int i = 0; i < 1000 && read < 2 * sent; ++i) {
    read += text->read_all().size();
    run_on();
  }
  EXPECT_EQ(read, 2 * sent) << "two bytes of UTF-8 for each";
}

}  // namespace
}  // namespace rondo::test
