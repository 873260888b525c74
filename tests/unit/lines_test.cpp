// SPDX-License-Identifier: MIT
// LineReader: Python's newline modes, the limit, and how long results are valid.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include <rondo/lines.h>

#include "support/allocation_counter.h"

namespace rondo {
namespace {

using namespace std::string_view_literals;
using Texts = std::vector<std::string>;

constexpr std::string_view mixed = "one\r\ntwo\rthree\nfour";  // PYTHON: the table of newline=

/// All lines with their endings, as Python returns them; `+` follows a piece of a long line.
Texts read_lines(LineReader& reader) {
  Texts lines;
  for (;;) {
    const Line line = reader.read_line();
    if (line.status == ReadStatus::more || line.status == ReadStatus::end) return lines;
    lines.push_back(std::string{line.text} + std::string{line.ending});
    if (line.status == ReadStatus::too_long) lines.back() += '+';
  }
}

/// The same for a whole text in chunks of `size` bytes.
Texts lines_of(std::string_view text, Newlines newlines, std::size_t size,
               std::size_t limit = LineReader::limit_default) {
  LineReader reader{newlines, limit};
  Texts lines;
  const auto add = [&] {
    for (auto& line : read_lines(reader)) lines.push_back(std::move(line));
  };
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    const std::string chunk{text.substr(0, size)};
    reader.feed(chunk);
    add();
  }
  reader.finish();
  add();
  EXPECT_TRUE(reader.at_end());
  return lines;
}

void expect_lines(Newlines newlines, const Texts& expected) {
  for (std::size_t size = 1; size <= mixed.size(); ++size) {
    EXPECT_EQ(lines_of(mixed, newlines, size), expected) << "in chunks of " << size;
  }
}

TEST(LineReader, ReadsUniversalNewlinesAsLf) {
  expect_lines(Newlines::universal, {"one\n", "two\n", "three\n", "four"});
}
TEST(LineReader, KeepsTheNewlinesItRecognises) {
  expect_lines(Newlines::kept, {"one\r\n", "two\r", "three\n", "four"});
}
TEST(LineReader, EndsLinesWithLfAlone) {
  expect_lines(Newlines::lf, {"one\r\n", "two\rthree\n", "four"});
}
TEST(LineReader, EndsLinesWithCrlfAlone) {
  expect_lines(Newlines::crlf, {"one\r\n", "two\rthree\nfour"});
}
TEST(LineReader, EndsLinesWithCrAlone) {
  expect_lines(Newlines::cr, {"one\r", "\ntwo\r", "three\nfour"});
}

TEST(LineReader, RecordsWhichEndingsItSaw) {
  for (const auto mode : {Newlines::universal, Newlines::kept}) {
    LineReader reader{mode};
    reader.feed("a\nb\r\nc\rd");
    EXPECT_FALSE(reader.seen(LineEnding::lf));
    EXPECT_EQ(reader.read_line().text, "a");
    EXPECT_TRUE(reader.seen(LineEnding::lf));
    EXPECT_FALSE(reader.seen(LineEnding::crlf));
    EXPECT_EQ(reader.read_line().text, "b");
    EXPECT_TRUE(reader.seen(LineEnding::crlf));
    EXPECT_FALSE(reader.seen(LineEnding::cr));
    EXPECT_EQ(reader.read_all(), mode == Newlines::kept ? "c\rd" : "c\nd");
    EXPECT_TRUE(reader.seen(LineEnding::cr));
  }
  LineReader reader{Newlines::lf};
  reader.feed("a\nb\r\n");
  EXPECT_EQ(read_lines(reader).size(), 2U);
  EXPECT_FALSE(reader.seen(LineEnding::lf));
}

TEST(LineReader, ReturnsTextAndEndingSeparately) {
  LineReader reader{Newlines::kept};
  reader.feed("one\r\ntwo\n");
  const Line line = reader.read_line();
  EXPECT_EQ(line.text, "one");
  EXPECT_EQ(line.ending, "\r\n");
  EXPECT_EQ(std::string_view{line}, "one");
}

TEST(LineReader, EndsALineAtALoneCrOnFlush) {
  LineReader reader{Newlines::kept};
  reader.feed("one\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  reader.flush();
  EXPECT_EQ(reader.read_line().text, "one");
  reader.feed("\ntwo\r");
  EXPECT_EQ(read_lines(reader), Texts{"\n"}) << "a LF after a flush is an ending of its own";
  EXPECT_EQ(reader.read_line().status, ReadStatus::more) << "a flush ends with the next chunk";
  reader.flush();
  EXPECT_EQ(reader.read(9), "two\r");
}

TEST(LineReader, MeasuresLinesAgainstTheLimit) {
  const std::string text(8, 'x');
  for (const auto mode : {Newlines::universal, Newlines::kept, Newlines::lf}) {
    for (std::size_t size = 1; size < 12; ++size) {
      EXPECT_EQ(lines_of(text + "\ny\n", mode, size, 9), (Texts{text + "\n", "y\n"}));
      EXPECT_EQ(lines_of(text + "\ny\n", mode, size, 8), (Texts{text + "\n", "y\n"}));
      EXPECT_EQ(lines_of(text + "\ny\n", mode, size, 7), (Texts{"xxxxxxx+", "x\n", "y\n"}));
      EXPECT_EQ(lines_of(text, mode, size, 8), Texts{text});
      EXPECT_EQ(lines_of(text, mode, size, 7), (Texts{"xxxxxxx+", "x"}));
      EXPECT_EQ(lines_of(text, mode, size, 1).size(), 8U);
    }
  }
}

TEST(LineReader, DoesNotCountAnEndingThatIsSplit) {
  LineReader reader{Newlines::crlf, 3};
  reader.feed("abc\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  reader.feed("x\r\n");
  EXPECT_EQ(reader.read_line().status, ReadStatus::too_long);
  EXPECT_EQ(reader.read_line().text, "\rx");
  reader.feed("abc\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  reader.finish();
  const Line line = reader.read_line();
  EXPECT_EQ(line.status, ReadStatus::too_long);
  EXPECT_EQ(line.text, "abc");
  EXPECT_EQ(reader.read_line().text, "\r");
}

TEST(LineReader, CutsPiecesBetweenCharacters) {
  LineReader reader{Newlines::lf, 4};
  reader.feed("aé€\U0001f600bc");
  EXPECT_EQ(reader.read_line().text, "aé");
  EXPECT_EQ(reader.read_line().text, "€");
  EXPECT_EQ(reader.read_line().text, "\U0001f600");
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
}

TEST(LineReader, CutsInvalidUtf8Anywhere) {
  LineReader reader{Newlines::lf, 4};
  reader.feed("\x80\x80\x80\x80\x80\x80\x80");
  EXPECT_EQ(reader.read_line().text.size(), 4U);
}

TEST(LineReader, SkipsTheRestOfALongLine) {
  for (std::size_t size = 1; size < 30; ++size) {
    LineReader reader{Newlines::universal, 4};
    std::string_view text = "short\r\nlong, much longer\r\nend\r\n";
    Texts lines;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
      const std::string chunk{text.substr(0, size)};
      reader.feed(chunk);
      for (Line line = reader.read_line(); line.status != ReadStatus::more;
           line = reader.read_line()) {
        lines.emplace_back(line.text);
        if (line.status == ReadStatus::too_long) reader.skip_line();
      }
    }
    EXPECT_EQ(lines, (Texts{"shor", "long", "end"})) << "in chunks of " << size;
  }
}

TEST(LineReader, SkipsUntilTheEnd) {
  LineReader reader{Newlines::crlf, 4};
  reader.feed("longer\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::too_long);
  reader.skip_line();
  EXPECT_EQ(reader.read_line().status, ReadStatus::more);
  EXPECT_EQ(reader.buffered(), 1U);
  reader.finish();
  EXPECT_EQ(reader.read_line().status, ReadStatus::end);
  EXPECT_TRUE(reader.at_end());
}

TEST(LineReader, IteratesOverTheWholeLines) {
  LineReader reader;
  reader.feed("one\ntwo\nthr");
  Texts lines;
  for (const std::string_view line : reader.lines()) lines.emplace_back(line);
  EXPECT_EQ(lines, (Texts{"one", "two"}));
  EXPECT_EQ(reader.buffered(), 3U);
  reader.feed("ee\n");
  for (const Line& line : reader.lines()) lines.emplace_back(line.text);
  EXPECT_EQ(lines, (Texts{"one", "two", "three"}));
}

TEST(LineReader, IteratesUpToALineThatIsTooLong) {
  LineReader reader{Newlines::lf, 3};
  reader.feed("one\nlonger\ntwo\n");
  Texts lines;
  for (const std::string_view line : reader.lines()) lines.emplace_back(line);
  EXPECT_EQ(lines, Texts{"one"});
  const Line piece = reader.read_line();
  EXPECT_EQ(piece.status, ReadStatus::too_long);
  EXPECT_EQ(piece.text, "lon");
  reader.skip_line();
  for (const std::string_view line : reader.lines()) lines.emplace_back(line);
  EXPECT_EQ(lines, (Texts{"one", "two"}));
}

TEST(LineReader, ReadsByCharacters) {
  LineReader reader;
  reader.feed("é\r\n€x\ry");
  EXPECT_EQ(reader.read(1), "é");
  EXPECT_EQ(reader.read(2), "\n€");
  EXPECT_EQ(reader.read(2), "x\n");
  EXPECT_EQ(reader.read(0), "");
  EXPECT_EQ(reader.read(5), "y");
  EXPECT_EQ(reader.read(5), "");
}

TEST(LineReader, ReadsHalfOfACrlfAndCountsItOnce) {
  LineReader reader{Newlines::kept};
  reader.feed("\r\nx\n");
  EXPECT_EQ(reader.read(1), "\r");
  EXPECT_EQ(reader.read_line().ending, "\n");
  EXPECT_TRUE(reader.seen(LineEnding::crlf));
  EXPECT_FALSE(reader.seen(LineEnding::lf));
  EXPECT_FALSE(reader.seen(LineEnding::cr));
  EXPECT_EQ(reader.read_line().text, "x");
  EXPECT_TRUE(reader.seen(LineEnding::lf));
}

TEST(LineReader, ReadsAllOfWhatIsLeft) {
  LineReader reader{Newlines::crlf, 2};
  reader.feed("long\r");
  EXPECT_EQ(reader.read_line().status, ReadStatus::too_long);
  reader.feed("\nmore\n\r");
  EXPECT_EQ(reader.read_all(), "ng\r\nmore\n\r") << "the limit does not apply";
  reader.feed("\n");
  reader.finish();
  EXPECT_EQ(reader.read_line().text, "\n") << "after the CR that read() returned";
}

TEST(LineReader, DoesNotCopyALineWithinAChunk) {
  LineReader reader;
  const std::string chunk = "one\ntwo\n";
  reader.feed(chunk);
  EXPECT_EQ(reader.read_line().text.data(), chunk.data());
  EXPECT_EQ(reader.read_line().text.data(), chunk.data() + 4);
}

TEST(LineReader, KeepsTextThatWasNotRead) {
  LineReader reader;
  std::string chunk = "one\ntwo\nthree";
  reader.feed(chunk);
  EXPECT_EQ(reader.read_line().text, "one");
  reader.keep();
  chunk.assign(chunk.size(), '#');
  EXPECT_EQ(reader.read_line().text, "two");
  EXPECT_EQ(reader.read_all(), "three");
}

TEST(LineReader, KeepsNoMoreThanTheLimitOfALineWithoutEnd) {
  for (const bool skips : {false, true}) {
    LineReader reader{Newlines::universal, 1000};
    const std::string chunk(512, 'x');
    std::size_t taken = 0;
    for (int i = 0; i < 20'000; ++i) {
      reader.feed(chunk);
      for (Line line = reader.read_line(); line.status != ReadStatus::more;
           line = reader.read_line()) {
        taken += line.text.size();
        if (skips) reader.skip_line();
      }
      ASSERT_LE(reader.buffered(), 1000U);
    }
    EXPECT_EQ(taken, skips ? 1000U : 20'000U * 512 - reader.buffered());
  }
}

TEST(LineReader, BeginsAnewAfterReset) {
  const auto with_half_an_ending = [](LineReader& reader) {
    reader.feed("one\r\nhalf a line\r");
    EXPECT_EQ(std::string_view{reader.read_line()}, "one");
  };
  const auto ended = [](LineReader& reader) {
    reader.feed("a");
    reader.finish();
  };
  const auto skipping = [](LineReader& reader) { reader.skip_line(); };
  const auto flushed = [](LineReader& reader) {
    reader.feed("a");
    reader.flush();
  };
  const auto inside_an_ending = [](LineReader& reader) {
    reader.feed("a\r\n");
    EXPECT_EQ(reader.read(2), "a\r");
  };
  const auto is_as_new = [](const auto& use) {
    LineReader reader{Newlines::kept, 5};
    use(reader);
    reader.reset();
    EXPECT_EQ(reader.buffered(), 0u);
    EXPECT_FALSE(reader.at_end());
    EXPECT_FALSE(reader.seen(LineEnding::crlf));
    reader.feed("\ntwo\r");
    EXPECT_EQ(read_lines(reader), (Texts{"\n"}));
    reader.feed("\n");
    EXPECT_EQ(read_lines(reader), (Texts{"two\r\n"}));
  };
  is_as_new(with_half_an_ending);
  is_as_new(ended);
  is_as_new(skipping);
  is_as_new(flushed);
  is_as_new(inside_an_ending);
}

TEST(LineReader, AllocatesNothingInTheSteadyState) {
  LineReader reader;
  const std::string text = "a line of the usual length, somewhat longer than a small string\r\n";
  std::uint64_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i == 10) before = test::allocations();
    for (const std::size_t at : {std::size_t{0}, std::size_t{20}, text.size() - 1}) {
      const std::size_t end = at == 0 ? 20 : at == 20 ? text.size() - 1 : text.size();
      reader.feed(std::string_view{text}.substr(at, end - at));
      while (reader.read_line()) continue;
    }
  }
  EXPECT_EQ(test::allocations(), before);
}

TEST(LineReader, SearchesNoByteTwice) {
  // A MiB in single bytes: quadratic work would take 10^12 steps, so the test would not end.
  const std::string line(std::size_t{1} << 20U, 'x');
  for (const auto mode : {Newlines::universal, Newlines::lf, Newlines::crlf}) {
    EXPECT_EQ(lines_of(line, mode, 1, std::size_t{2} << 20U), Texts{line});
  }
  // Many short lines are waiting, and one is read for each chunk.
  LineReader reader;
  std::size_t lines = 0;
  for (int i = 0; i < 200'000; ++i) {
    reader.feed("a\nb\n");
    lines += reader.read_line() ? 1 : 0;
    reader.keep();
  }
  while (reader.read_line()) ++lines;
  EXPECT_EQ(lines, 400'000U);
}

TEST(AppendLines, WritesTheEndingForEachLf) {
  const auto written = [](LineEnding ending) {
    std::string out = ">";
    append_lines(out, "x\ny\r\n", ending);
    return out;
  };
  EXPECT_EQ(written(LineEnding::lf), ">x\ny\r\n");
  EXPECT_EQ(written(LineEnding::crlf), ">x\r\ny\r\r\n");
  EXPECT_EQ(written(LineEnding::cr), ">x\ry\r\r");
}

TEST(LineReader, SkipsOneLineInTheModesOfOneEnding) {
  LineReader cr{Newlines::cr};
  cr.feed("a\r");
  cr.skip_line();
  EXPECT_EQ(cr.read_line().status, ReadStatus::more);
  cr.feed("\nb\r");
  EXPECT_EQ(cr.read_line().text, "\nb") << "LF is text";
  LineReader lf{Newlines::lf};
  lf.feed("a\nb\n");
  lf.skip_line();
  EXPECT_EQ(lf.read_line().text, "b");
  EXPECT_FALSE(lf.seen(LineEnding::lf)) << "only for universal and kept";
}

}  // namespace
}  // namespace rondo
