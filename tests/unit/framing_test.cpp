// SPDX-License-Identifier: MIT
// The framers: the chunks do not change the frames; limits; the end of the input; copies.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/framing.h>

#include "support/allocation_counter.h"

namespace rondo {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Texts = std::vector<std::string>;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

void add_frames(auto& framer, Texts& frames) {
  for (;;) {
    const Frame frame = framer.next();
    const std::string text{frame.text()};
    switch (frame.status) {
      case ReadStatus::ready:
        frames.push_back(text);
        break;
      case ReadStatus::too_long:
        frames.push_back(text + '+');
        break;
      case ReadStatus::incomplete:
        frames.push_back(text + "? of " + std::to_string(frame.expected));
        break;
      case ReadStatus::more:
      case ReadStatus::end:
        return;
    }
  }
}

/// The frames of a text in chunks of `size` bytes; `+` follows a piece, `?` what is left.
template <typename Framer>
Texts frames_of(Framer framer, std::string_view text, std::size_t size) {
  Texts frames;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
    const std::string chunk{text.substr(0, size)};
    framer.feed(bytes_of(chunk));
    add_frames(framer, frames);
  }
  framer.finish();
  add_frames(framer, frames);
  EXPECT_EQ(framer.next().status, ReadStatus::end);
  EXPECT_EQ(framer.buffered(), 0U);
  return frames;
}

template <typename Make>
void expect_frames(Make make, std::string_view text, const Texts& expected) {
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(frames_of(make(), text, size), expected) << "in chunks of " << size;
  }
}

// --- a delimiter --------------------------------------------------------------------------------

TEST(DelimiterFramer, SplitsAtADelimiterOfAnyLength) {
  expect_frames([] { return DelimiterFramer{"\n"}; }, "a\n\nbc\n", {"a", "", "bc"});
  expect_frames([] { return DelimiterFramer{"\r\n\r\n"}; }, "a\r\n\r\r\n\r\nb\r\n\r\n",
                {"a\r\n\r", "b"});
  expect_frames([] { return DelimiterFramer{"aab"}; }, "aaabaabxaab", {"a", "", "x"});
  expect_frames([] { return DelimiterFramer{"abab"}; }, "abaabababx", {"aba", "abx? of 0"});
  expect_frames([] { return DelimiterFramer{"\0\0"s}; }, "a\0b\0\0"sv, {"a\0b"s});
}

TEST(DelimiterFramer, ReturnsWhatIsLeftAtTheEnd) {
  expect_frames([] { return DelimiterFramer{"--"}; }, "a--bc-", {"a", "bc-? of 0"});
}

TEST(DelimiterFramer, MeasuresFramesAgainstTheLimit) {
  const auto make = [](std::size_t limit) {
    return [limit] { return DelimiterFramer{"--", limit}; };
  };
  expect_frames(make(6), "12345--x--", {"12345", "x"});
  expect_frames(make(5), "12345--x--", {"12345", "x"});
  expect_frames(make(4), "12345--x--", {"1234+", "5", "x"});
  expect_frames(make(2), "12345--x--", {"12+", "34+", "5", "x"});
  expect_frames(make(5), "12345-", {"12345-? of 0"});
  expect_frames(make(5), "12345-6--", {"12345+", "-6"});
}

TEST(DelimiterFramer, SkipsTheRestOfALongFrame) {
  const std::string_view text = "longer than that--x--longer again-";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    DelimiterFramer framer{"--", 4};
    Texts frames;
    for (std::size_t at = 0; at < text.size(); at += size) {
      framer.feed(bytes_of(text.substr(at, size)));
      for (Frame frame = framer.next(); frame.status != ReadStatus::more; frame = framer.next()) {
        frames.emplace_back(frame.text());
        if (frame.status == ReadStatus::too_long) framer.skip();
      }
      EXPECT_LE(framer.buffered(), 6U);
    }
    EXPECT_EQ(frames, (Texts{"long", "x", "long"})) << "in chunks of " << size;
    framer.finish();
    const Frame left = framer.next();
    EXPECT_EQ(left.status, ReadStatus::incomplete);
    EXPECT_EQ(left.text(), "") << "the skipped part is dropped";
    EXPECT_EQ(framer.next().status, ReadStatus::end);
  }
}

TEST(DelimiterFramer, WorksInLinearTime) {
  // At each byte of the input a match begins that fails late.
  const std::string needle = std::string(20'000, 'a') + 'b';
  DelimiterFramer framer{needle, std::numeric_limits<std::size_t>::max()};
  const std::string chunk(1000, 'a');
  for (int i = 0; i < 1000; ++i) {
    framer.feed(bytes_of(chunk));
    EXPECT_FALSE(framer.next());
  }
  framer.feed(bytes_of("b"));
  EXPECT_EQ(framer.next().data.size(), 1'000'000U - 20'000U);
}

// --- a length prefix ----------------------------------------------------------------------------

TEST(LengthFramer, ReadsBothOrdersAndAllSizes) {
  for (const auto order : {std::endian::big, std::endian::little}) {
    for (std::uint8_t size = 1; size <= 8; ++size) {
      const LengthFormat format{size, order};
      std::string text;
      EXPECT_FALSE(append_frame(text, bytes_of("one"), format));
      EXPECT_FALSE(append_frame(text, bytes_of(""), format));
      EXPECT_FALSE(append_frame(text, bytes_of(std::string(200, 'x')), format));
      EXPECT_EQ(text.size(), 203U + 3U * size);
      EXPECT_EQ(text[order == std::endian::big ? size - 1U : 0U], '\3');
      expect_frames([format] { return LengthFramer{format}; }, text,
                    {"one", "", std::string(200, 'x')});
    }
  }
}

TEST(LengthFramer, MeasuresFramesAgainstTheLimit) {
  const LengthFormat format{2};
  const std::string_view text = "\0\5hello\0\1x"sv;
  expect_frames([format] { return LengthFramer(format, 6); }, text, {"hello", "x"});
  expect_frames([format] { return LengthFramer(format, 5); }, text, {"hello", "x"});
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Texts frames = frames_of(LengthFramer{format, 4}, text, size);
    EXPECT_EQ(frames.front(), "+") << "its length was reported first";
    EXPECT_EQ(frames.back(), "x");
    std::string joined;
    for (std::size_t i = 1; i + 1 < frames.size(); ++i) {
      const bool is_last = i + 2 == frames.size();
      EXPECT_EQ(frames[i].back() == '+', !is_last);
      joined += is_last ? frames[i] : frames[i].substr(0, frames[i].size() - 1);
      EXPECT_LE(frames[i].size(), 5U);
    }
    EXPECT_EQ(joined, "hello");
  }
}

TEST(LengthFramer, ReportsAFrameThatIsTooLongAtOnce) {
  LengthFramer framer{{.size = 4}, 1000};
  framer.feed(bytes_of("\xff\xff\xff\xff"sv));
  const Frame frame = framer.next();
  EXPECT_EQ(frame.status, ReadStatus::too_long);
  EXPECT_EQ(frame.expected, 0xFFFFFFFFU);
  EXPECT_TRUE(frame.data.empty());
  EXPECT_EQ(framer.next().status, ReadStatus::more);
}

TEST(LengthFramer, SkipsAFrameThatIsTooLong) {
  const std::string text = "\0\0\0\x64"s + std::string(100, 'y') + "\0\0\0\1x"s;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LengthFramer framer{{}, 10};
    Texts frames;
    for (std::size_t at = 0; at < text.size(); at += size) {
      const std::string chunk = text.substr(at, size);
      framer.feed(bytes_of(chunk));
      for (Frame frame = framer.next(); frame.status != ReadStatus::more; frame = framer.next()) {
        if (frame.status == ReadStatus::too_long) framer.skip();
        if (frame) frames.emplace_back(frame.text());
      }
      EXPECT_LE(framer.buffered(), 4U);
    }
    EXPECT_EQ(frames, Texts{"x"}) << "in chunks of " << size;
  }
}

TEST(LengthFramer, AcceptsTheLargestLengths) {
  for (const auto order : {std::endian::big, std::endian::little}) {
    LengthFramer framer{{.size = 8, .order = order}, std::numeric_limits<std::size_t>::max() - 1};
    const std::string announced(8, '\xff');
    framer.feed(bytes_of(announced));
    Frame frame = framer.next();
    EXPECT_EQ(frame.status, ReadStatus::too_long);
    EXPECT_EQ(frame.expected, std::numeric_limits<std::uint64_t>::max());
    framer.feed(bytes_of("xyz"));
    frame = framer.next();
    EXPECT_EQ(frame.status, ReadStatus::too_long);
    EXPECT_EQ(frame.text(), "xyz");
    framer.skip();
    framer.feed(bytes_of("more"));
    EXPECT_EQ(framer.next().status, ReadStatus::more);
    framer.finish();
    frame = framer.next();
    EXPECT_EQ(frame.status, ReadStatus::incomplete);
    EXPECT_EQ(frame.expected, std::numeric_limits<std::uint64_t>::max() - 7);
    EXPECT_EQ(framer.next().status, ReadStatus::end);
  }
  // A length within the limit, whose frame never arrives.
  LengthFramer framer{{.size = 8}, std::numeric_limits<std::size_t>::max()};
  const std::string announced = std::string(8, '\xff') + "abc";
  framer.feed(bytes_of(announced));
  EXPECT_EQ(framer.next().status, ReadStatus::more);
  EXPECT_EQ(framer.buffered(), 3U) << "memory grows with what has arrived";
}

TEST(LengthFramer, ReturnsWhatIsLeftAtTheEnd) {
  const auto make = [] { return LengthFramer{{.size = 2}}; };
  expect_frames(make, "\0\3one\0\5hel"sv, {"one", "hel? of 5"});
  expect_frames(make, "\0\3one\0"sv, {"one", "\0? of 2"s});
  expect_frames(make, "\0\3one\0\5"sv, {"one", "? of 5"});
  const auto strict = [] { return LengthFramer(LengthFormat{.size = 2}, 1); };
  expect_frames(strict, "\0\3"sv, {"+", "? of 3"});
}

TEST(LengthPrefix, RefusesALengthThatTheFormatCannotHold) {
  for (std::uint8_t size = 1; size < 8; ++size) {
    const std::uint64_t end = std::uint64_t{1} << (8U * size);
    EXPECT_TRUE(make_length_prefix(end - 2, {.size = size}));
    EXPECT_TRUE(make_length_prefix(end - 1, {.size = size}));
    const auto refused = make_length_prefix(end, {.size = size});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::value_too_large);
  }
  EXPECT_TRUE(make_length_prefix(std::numeric_limits<std::uint64_t>::max(), {.size = 8}));

  std::string out = "before";
  EXPECT_FALSE(append_frame(out, bytes_of(std::string(255, 'x')), {.size = 1}));
  out = "before";
  EXPECT_EQ(append_frame(out, bytes_of(std::string(256, 'x')), {.size = 1}),
            std::errc::value_too_large);
  EXPECT_EQ(out, "before");
}

// --- one size -----------------------------------------------------------------------------------

TEST(FixedFramer, CutsIntoFramesOfOneSize) {
  expect_frames([] { return FixedFramer{3}; }, "abcdefgh", {"abc", "def", "gh? of 3"});
  expect_frames([] { return FixedFramer{1}; }, "ab", {"a", "b"});
}

// --- shared by all ------------------------------------------------------------------------------

TEST(Framer, DoesNotCopyAFrameWithinAChunk) {
  const std::string chunk = "\0\3one\0\3two\0\5th"s;
  LengthFramer framer{{.size = 2}};
  framer.feed(bytes_of(chunk));
  EXPECT_EQ(framer.next().text().data(), chunk.data() + 2);
  EXPECT_EQ(framer.next().text().data(), chunk.data() + 7);
  EXPECT_EQ(framer.next().status, ReadStatus::more);
  EXPECT_EQ(framer.buffered(), 2U);
  const std::string rest = "ree\0\4four"s;
  framer.feed(bytes_of(rest));
  EXPECT_EQ(framer.next().text(), "three");
  EXPECT_EQ(framer.next().text().data(), rest.data() + 5)
      << "only the frame across the chunks was copied";

  DelimiterFramer lines{"\n"};
  const std::string text = "one\ntwo\n";
  lines.feed(bytes_of(text));
  EXPECT_EQ(lines.next().text().data(), text.data());
  EXPECT_EQ(lines.next().text().data(), text.data() + 4);
}

TEST(Framer, KeepsBytesThatWereNotRead) {
  FixedFramer framer{2};
  std::string chunk = "aabbc";
  framer.feed(bytes_of(chunk));
  EXPECT_EQ(framer.next().text(), "aa");
  framer.keep();
  chunk.assign(chunk.size(), '#');
  framer.feed(bytes_of("c"));
  EXPECT_EQ(framer.next().text(), "bb");
  EXPECT_EQ(framer.next().text(), "cc");
}

TEST(Framer, AllocatesNothingInTheSteadyState) {
  LengthFramer framer;
  const std::string frame = "\0\0\0\x50"s + std::string(80, 'x');
  std::uint64_t before = 0;
  std::size_t frames = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i == 10) before = test::allocations();
    for (const std::size_t at : {0U, 28U, 56U}) {
      framer.feed(bytes_of(std::string_view{frame}.substr(at, 28)));
      while (framer.next()) ++frames;
    }
  }
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(frames, 1000U);
}

}  // namespace
}  // namespace rondo
