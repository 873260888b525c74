// SPDX-License-Identifier: MIT
// The chunks do not change the outcome: decoders, encoders, lines and frames are compared with the
// same input in one piece, or with a model. Each test prints its seed; RONDO_SEED replays it.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/codec.h>
#include <rondo/framing.h>
#include <rondo/lines.h>

namespace rondo {
namespace {

using namespace std::string_view_literals;
using Texts = std::vector<std::string>;

constexpr std::string_view encodings[] = {
    "utf-8",       "utf-8-sig", "ascii",  "latin-1", "utf-16", "utf-16-le",
    "utf-16-be",   "cp1252",    "cp932",  "gb18030", "big5",   "euc-jp",
    "iso-2022-jp", "utf-32",    "koi8-r", "gb2312",  "euc-kr",
};
constexpr TextErrors policies[] = {TextErrors::strict, TextErrors::replace, TextErrors::ignore,
                                   TextErrors::backslashreplace, TextErrors::lossless};

class Fuzz {
 public:
  Fuzz() {
    const char* replay = std::getenv("RONDO_SEED");
    seed_ = replay != nullptr ? std::strtoull(replay, nullptr, 0) : std::random_device{}();
    random_.seed(seed_);
    std::printf("RONDO_SEED=%llu\n", static_cast<unsigned long long>(seed_));
  }

  std::size_t below(std::size_t end) { return std::size_t{random_()} % end; }
  char byte() { return static_cast<char>(below(256)); }
  template <typename T, std::size_t count>
  const T& one_of(const T (&choices)[count]) {
    return choices[below(count)];
  }

  /// Made of parts that resemble what decoders and splitters search for.
  std::string bytes(std::size_t parts_max) {
    static constexpr std::string_view parts[] = {"\n",
                                                 "\r",
                                                 "\r\n",
                                                 "a",
                                                 "bc",
                                                 "\0"sv,
                                                 "\x1b$B",
                                                 "\x1b(B",
                                                 "+",
                                                 "-",
                                                 "~{",
                                                 "é",
                                                 "€",
                                                 "\U0001f600",
                                                 "\xef\xbb\xbf",
                                                 "\xff\xfe",
                                                 "\xfe\xff",
                                                 "\xed\xa0\x80",
                                                 "\xed\xb2\x81",
                                                 "\xc0\x81",
                                                 "\xd8\x00"sv,
                                                 "\x00\xdc"sv,
                                                 "\x81\x30",
                                                 "\x81\x30\x81\x30",
                                                 "\x82\xa0",
                                                 "some plain ASCII text",
                                                 "\U000e0041"};
    std::string text;
    for (std::size_t count = below(parts_max + 1); count > 0; --count) {
      if (below(4) == 0) {
        text += byte();
      } else {
        text += one_of(parts);
      }
    }
    return text;
  }

  /// Calls `feed` with the text in random chunks, each of which is destroyed when `feed` returns.
  template <typename Feed>
  void in_chunks(std::string_view text, Feed feed) {
    const std::size_t size_max = below(3) == 0 ? 1 : 1 + below(text.size() + 1);
    while (!text.empty()) {
      const std::string chunk{text.substr(0, 1 + below(size_max))};
      text.remove_prefix(chunk.size());
      feed(std::string_view{chunk});
    }
  }

 private:
  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
};

struct Outcome {
  std::string text;
  std::optional<TextError> error;

  void add(const Decoded& decoded) {
    text.append(decoded.text);
    error = decoded.error;
  }
  void add(const Encoded& encoded) {
    text.append(reinterpret_cast<const char*>(encoded.bytes.data()), encoded.bytes.size());
    error = encoded.error;
  }
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

TEST(TextFuzz, ChunksMakeNoDifferenceToDecoders) {
  Fuzz fuzz;
  for (int i = 0; i < 5'000 && !::testing::Test::HasFailure(); ++i) {
    const std::string_view encoding = fuzz.one_of(encodings);
    const TextErrors errors = fuzz.one_of(policies);
    const std::string bytes = fuzz.bytes(20);
    auto decoder = Decoder::make(encoding, errors).value();
    Outcome whole;
    whole.add(decoder.decode(bytes));
    whole.add(decoder.finish());
    decoder.reset();
    Outcome cut;
    fuzz.in_chunks(bytes, [&](std::string_view chunk) { cut.add(decoder.decode(chunk)); });
    cut.add(decoder.finish());
    EXPECT_EQ(whole, cut) << encoding << ' ' << static_cast<int>(errors);
    if (cut.error) {
      EXPECT_LE(cut.error->position + cut.error->size, bytes.size());
    }
    if (errors == TextErrors::lossless) continue;
    auto check = Decoder::make("utf-8").value();
    EXPECT_EQ(check.decode(cut.text).text, cut.text) << "text is UTF-8: " << encoding;
    EXPECT_FALSE(check.finish().error);
  }
}

TEST(TextFuzz, ChunksMakeNoDifferenceToEncoders) {
  Fuzz fuzz;
  for (int i = 0; i < 5'000 && !::testing::Test::HasFailure(); ++i) {
    const std::string_view encoding = fuzz.one_of(encodings);
    const TextErrors errors = fuzz.one_of(policies);
    const std::string text = fuzz.bytes(20);
    auto encoder = Encoder::make(encoding, errors).value();
    Outcome whole;
    whole.add(encoder.encode(text));
    whole.add(encoder.finish());
    encoder.reset();
    Outcome cut;
    if (text.empty()) cut.add(encoder.encode(text));
    fuzz.in_chunks(text, [&](std::string_view chunk) { cut.add(encoder.encode(chunk)); });
    cut.add(encoder.finish());
    EXPECT_EQ(whole, cut) << encoding << ' ' << static_cast<int>(errors);
    if (cut.error) {
      EXPECT_LE(cut.error->position + cut.error->size, text.size());
    }
  }
}

TEST(TextFuzz, LosslessTextYieldsTheSameBytes) {
  Fuzz fuzz;
  constexpr std::string_view both_ways[] = {"utf-8",     "ascii",  "latin-1", "utf-16-le",
                                            "utf-16-be", "cp1252", "koi8-r"};
  for (int i = 0; i < 5'000 && !::testing::Test::HasFailure(); ++i) {
    const std::string_view encoding = fuzz.one_of(both_ways);
    const std::string bytes = fuzz.bytes(20);
    auto decoder = Decoder::make(encoding, TextErrors::lossless).value();
    auto encoder = Encoder::make(encoding, TextErrors::lossless).value();
    Outcome text;
    fuzz.in_chunks(bytes, [&](std::string_view chunk) { text.add(decoder.decode(chunk)); });
    text.add(decoder.finish());
    EXPECT_FALSE(text.error);
    Outcome again;
    fuzz.in_chunks(text.text, [&](std::string_view chunk) { again.add(encoder.encode(chunk)); });
    again.add(encoder.finish());
    EXPECT_FALSE(again.error);
    EXPECT_EQ(again.text, bytes) << encoding;
  }
}

// --- lines --------------------------------------------------------------------------------------

/// A simple model: lines with their endings, as Python's TextIOWrapper.
Texts model_lines(std::string_view text, Newlines mode) {
  const bool any = mode == Newlines::universal || mode == Newlines::kept;
  const std::string_view one = mode == Newlines::crlf ? "\r\n" : mode == Newlines::cr ? "\r" : "\n";
  Texts lines(1);
  for (std::size_t at = 0; at < text.size();) {
    std::string_view ending;
    for (const std::string_view candidate : {"\r\n"sv, "\r"sv, "\n"sv}) {
      const bool counts = any || candidate == one;
      if (counts && ending.empty() && text.substr(at).starts_with(candidate)) ending = candidate;
    }
    if (ending.empty()) {
      lines.back() += text[at++];
      continue;
    }
    at += ending.size();
    lines.back() += mode == Newlines::universal ? "\n" : ending;
    lines.emplace_back();
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

constexpr Newlines modes[] = {Newlines::universal, Newlines::kept, Newlines::lf, Newlines::crlf,
                              Newlines::cr};

void add_lines(LineReader& reader, std::string& open, Texts& lines, std::size_t limit) {
  for (;;) {
    const Line line = reader.read_line();
    if (line.status == ReadStatus::more || line.status == ReadStatus::end) break;
    EXPECT_LE(line.text.size(), limit);
    EXPECT_FALSE(line.text.empty() && line.ending.empty());
    open.append(line.text).append(line.ending);
    if (line.status == ReadStatus::too_long) continue;
    lines.push_back(open);
    open.clear();
  }
  EXPECT_LE(reader.buffered(), limit + 1);
}

TEST(TextFuzz, LinesEqualThoseOfTheModel) {
  Fuzz fuzz;
  for (int i = 0; i < 30'000 && !::testing::Test::HasFailure(); ++i) {
    const Newlines mode = fuzz.one_of(modes);
    const std::string text = fuzz.bytes(20);
    const std::size_t limit = 1 + fuzz.below(20);
    LineReader reader{mode, limit};
    Texts lines;
    std::string open;  // the pieces of a line that is too long
    fuzz.in_chunks(text, [&](std::string_view chunk) {
      reader.feed(chunk);
      add_lines(reader, open, lines, limit);
    });
    reader.finish();
    add_lines(reader, open, lines, limit);
    EXPECT_EQ(lines, model_lines(text, mode)) << static_cast<int>(mode);
    EXPECT_TRUE(reader.at_end());
  }
}

TEST(TextFuzz, LinesAndReadsTogetherLoseNothing) {
  Fuzz fuzz;
  for (int i = 0; i < 30'000 && !::testing::Test::HasFailure(); ++i) {
    const Newlines mode = fuzz.one_of(modes);
    const std::string text = fuzz.bytes(30);
    LineReader reader{mode, 1 + fuzz.below(20)};
    std::string all;
    fuzz.in_chunks(text, [&](std::string_view chunk) {
      reader.feed(chunk);
      for (std::size_t count = fuzz.below(4); count > 0; --count) {
        if (fuzz.below(2) == 0) {
          all += reader.read(fuzz.below(6));
        } else {
          const Line line = reader.read_line();
          all.append(line.text).append(line.ending);
        }
      }
      reader.keep();
    });
    reader.finish();
    all += reader.read_all();
    std::string expected;
    for (const std::string& line : model_lines(text, mode)) expected += line;
    EXPECT_EQ(all, expected) << static_cast<int>(mode);
    EXPECT_TRUE(reader.at_end());
  }
}

// --- frames -------------------------------------------------------------------------------------

/// The frames, with long ones joined, or skipped in every other case.
template <typename Framer>
void add_frames(Framer& framer, bool skips, std::string& open, Texts& frames) {
  for (;;) {
    const Frame frame = framer.next();
    if (frame.status == ReadStatus::more || frame.status == ReadStatus::end) return;
    open.append(frame.text());
    if (frame.status == ReadStatus::too_long) {
      if (skips) framer.skip();
      if (skips) open.clear();
      continue;
    }
    if (frame.status == ReadStatus::ready) frames.push_back(open);
    open.clear();
  }
}

TEST(TextFuzz, LengthsYieldTheFramesThatWereWritten) {
  Fuzz fuzz;
  for (int i = 0; i < 5'000 && !::testing::Test::HasFailure(); ++i) {
    const LengthFormat format{static_cast<std::uint8_t>(1 + fuzz.below(8)),
                              fuzz.below(2) == 0 ? std::endian::big : std::endian::little};
    const std::size_t limit = 1 + fuzz.below(30);
    const bool skips = fuzz.below(2) == 0;
    Texts written;
    std::string stream;
    for (std::size_t count = fuzz.below(8); count > 0; --count) {
      const std::string body = fuzz.bytes(8);
      if (append_frame(stream, std::as_bytes(std::span{body}), format)) continue;
      if (body.size() <= limit || !skips) written.push_back(body);
    }
    LengthFramer framer{format, limit};
    Texts frames;
    std::string open;
    fuzz.in_chunks(stream, [&](std::string_view chunk) {
      framer.feed(std::as_bytes(std::span{chunk}));
      add_frames(framer, skips, open, frames);
      EXPECT_LE(framer.buffered(), limit + format.size);
    });
    framer.finish();
    EXPECT_EQ(framer.next().status, ReadStatus::end);
    EXPECT_EQ(frames, written);
  }
}

TEST(TextFuzz, DelimitersSplitAsFindDoes) {
  Fuzz fuzz;
  for (int i = 0; i < 30'000 && !::testing::Test::HasFailure(); ++i) {
    std::string needle(1 + fuzz.below(5), 'a');
    for (char& c : needle) c = fuzz.below(3) == 0 ? 'b' : 'a';
    std::string stream(fuzz.below(60), 'a');
    for (char& c : stream) c = fuzz.below(3) == 0 ? 'b' : 'a';
    const std::size_t limit = 1 + fuzz.below(30);
    const bool skips = fuzz.below(2) == 0;
    Texts expected;
    std::size_t at = 0;
    for (std::size_t hit = stream.find(needle); hit != std::string::npos;
         hit = stream.find(needle, at)) {
      if (hit - at <= limit || !skips) expected.push_back(stream.substr(at, hit - at));
      at = hit + needle.size();
    }
    DelimiterFramer framer{needle, limit};
    Texts frames;
    std::string open;
    fuzz.in_chunks(stream, [&](std::string_view chunk) {
      framer.feed(std::as_bytes(std::span{chunk}));
      add_frames(framer, skips, open, frames);
      EXPECT_LE(framer.buffered(), limit + needle.size());
    });
    framer.finish();
    const Frame left = framer.next();
    const bool is_left = at < stream.size();
    EXPECT_EQ(left.status, is_left ? ReadStatus::incomplete : ReadStatus::end);
    EXPECT_EQ(frames, expected) << needle << ' ' << stream;
  }
}

}  // namespace
}  // namespace rondo
