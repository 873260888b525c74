// SPDX-License-Identifier: MIT
// Decoder and Encoder: names, errors, chunks, copies. codec_test.py compares them with Python.
#include <gtest/gtest.h>

#include <clocale>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/codec.h>

namespace rondo {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view bad =
    "ab\xff\xfe"
    "cd\xe2\x82";  // PYTHON: errors= on these bytes

std::string text_of(const Encoded& encoded) {
  return {reinterpret_cast<const char*>(encoded.bytes.data()), encoded.bytes.size()};
}

std::string decoded(std::string_view bytes, TextErrors errors,
                    std::string_view encoding = "utf-8") {
  auto decoder = Decoder::make(encoding, errors).value();
  std::string text{decoder.decode(bytes).text};
  return text.append(decoder.finish().text);
}

std::string encoded(std::string_view text, TextErrors errors, std::string_view encoding) {
  auto encoder = Encoder::make(encoding, errors).value();
  std::string bytes = text_of(encoder.encode(text));
  return bytes.append(text_of(encoder.finish()));
}

TEST(Decoder, HandlesInvalidBytesByPolicy) {
  EXPECT_EQ(decoded(bad, TextErrors::strict), "ab");
  EXPECT_EQ(decoded(bad, TextErrors::replace), "ab\ufffd\ufffdcd\ufffd");
  EXPECT_EQ(decoded(bad, TextErrors::ignore), "abcd");
  EXPECT_EQ(decoded(bad, TextErrors::backslashreplace), R"(ab\xff\xfecd\xe2\x82)");
  EXPECT_EQ(decoded(bad, TextErrors::lossless), bad);
}

TEST(Decoder, ReportsThePositionOfAnError) {
  Decoder decoder;
  EXPECT_FALSE(decoder.decode("0123456789"sv).error);
  const Decoded result = decoder.decode(bad);
  EXPECT_EQ(result.text, "ab");
  ASSERT_TRUE(result.error);
  EXPECT_EQ(*result.error, (TextError{12, 1, "invalid start byte"}));
  EXPECT_EQ(result.error->message(), "byte 12: invalid start byte");
}

TEST(Decoder, RepeatsAnErrorUntilItIsReset) {
  Decoder decoder;
  const auto first = decoder.decode(
      "a\xff"
      "b"sv);
  EXPECT_EQ(first.text, "a");
  const auto again = decoder.decode("c"sv);
  EXPECT_EQ(again.text, "");
  EXPECT_EQ(again.error, first.error);
  EXPECT_EQ(decoder.finish().error, first.error);
  decoder.reset();
  EXPECT_EQ(decoder.decode("c\xe2"sv).text, "c");
  EXPECT_EQ(decoder.finish().error, (TextError{1, 1, "unexpected end of data"}));
}

TEST(Decoder, JoinsACharacterThatIsSplit) {
  Decoder decoder;
  EXPECT_EQ(decoder.decode("a\xf0"sv).text, "a");
  EXPECT_EQ(decoder.decode("\x9f"sv).text, "");
  EXPECT_EQ(decoder.decode("\x98"sv).text, "");
  EXPECT_EQ(decoder.decode("\x80z"sv).text, "\U0001f600z");
  EXPECT_FALSE(decoder.finish().error);
}

TEST(Decoder, DoesNotCopyValidText) {
  Decoder decoder;
  constexpr auto chunk = "grüße\xe2"sv;
  const Decoded result = decoder.decode(chunk);
  EXPECT_EQ(result.text.data(), chunk.data());
  EXPECT_EQ(result.text, "grüße");
  auto ascii = Decoder::make("ascii").value();
  EXPECT_EQ(ascii.decode("plain"sv).text, "plain");
}

TEST(Decoder, DropsTheByteOrderMarkOfUtf8Sig) {
  EXPECT_EQ(decoded("\xef\xbb\xbf"
                    "a\ufeff",
                    TextErrors::strict, "utf-8-sig"),
            "a\ufeff");
  EXPECT_EQ(decoded("a", TextErrors::strict, "utf-8-sig"), "a");
  EXPECT_EQ(decoded("\ufeff"
                    "a",
                    TextErrors::strict, "utf-8"),
            "\ufeff"
            "a");
  auto decoder = Decoder::make("utf-8-sig").value();
  EXPECT_EQ(decoder.decode("\xef\xbb"sv).text, "");
  EXPECT_EQ(decoder
                .decode("\xbf"
                        "a\xff"sv)
                .error->position,
            4U)
      << "positions include the byte order mark";
}

TEST(Decoder, FollowsTheByteOrderMarkOfUtf16) {
  EXPECT_EQ(decoded("\xff\xfe"
                    "a\0"sv,
                    TextErrors::strict, "utf-16"),
            "a");
  EXPECT_EQ(decoded("\xfe\xff\0a"sv, TextErrors::strict, "utf-16"), "a");
  EXPECT_EQ(decoded("a\0"sv, TextErrors::strict, "utf-16"), "a") << "little-endian without one";
  EXPECT_EQ(decoded("\xff\xfe"sv, TextErrors::strict, "utf-16-le"), "\ufeff");
  auto decoder = Decoder::make("utf-16").value();
  EXPECT_EQ(decoder.decode("\xfe\xff\0a"sv).text, "a");
  decoder.reset();
  EXPECT_EQ(decoder.decode("a\0"sv).text, "a") << "another stream has another byte order mark";
}

TEST(Decoder, DoesNotDependOnTheLocale) {
  const char* const before = std::setlocale(LC_ALL, nullptr);
  const std::string saved = before;
  for (const char* locale : {"C", "POSIX", "C.UTF-8"}) {
    if (std::setlocale(LC_ALL, locale) == nullptr) continue;
    EXPECT_EQ(decoded("\x80", TextErrors::strict, "cp1252"), "€");
    EXPECT_EQ(encoded("Ж€", TextErrors::replace, "koi8-r"), "\xf6?");
  }
  std::setlocale(LC_ALL, saved.c_str());
}

TEST(Decoder, IsMovedWithItsState) {
  auto one = Decoder::make("utf-8").value();
  EXPECT_EQ(one.decode("\xe2\x82"sv).text, "");
  Decoder two{std::move(one)};
  EXPECT_EQ(two.decode("\xac"sv).text, "€");
}

TEST(Encoder, HandlesCharactersThatTheEncodingLacksByPolicy) {
  constexpr std::string_view text = "aé€\U0001f600z";
  EXPECT_EQ(encoded(text, TextErrors::strict, "ascii"), "a");
  EXPECT_EQ(encoded(text, TextErrors::replace, "ascii"), "a???z");
  EXPECT_EQ(encoded(text, TextErrors::ignore, "ascii"), "az");
  EXPECT_EQ(encoded(text, TextErrors::backslashreplace, "ascii"), R"(a\xe9\u20ac\U0001f600z)");
  EXPECT_EQ(encoded(text, TextErrors::backslashreplace, "cp1252"), "a\xe9\x80\\U0001f600z");
  EXPECT_EQ(encoded("\U000e0041", TextErrors::replace, "koi8-r"), "?") << "iconv drops it silently";
}

TEST(Encoder, HandlesInvalidTextByPolicy) {
  EXPECT_EQ(encoded(bad, TextErrors::strict, "utf-8"), "ab");
  EXPECT_EQ(encoded(bad, TextErrors::replace, "utf-8"), "ab\ufffd\ufffdcd\ufffd");
  EXPECT_EQ(encoded(bad, TextErrors::replace, "latin-1"), "ab??cd?");
  EXPECT_EQ(encoded(bad, TextErrors::ignore, "latin-1"), "abcd");
  EXPECT_EQ(encoded(bad, TextErrors::backslashreplace, "latin-1"), R"(ab\xff\xfecd\xe2\x82)");
  EXPECT_EQ(encoded(bad, TextErrors::lossless, "latin-1"), bad);
}

TEST(Encoder, ReportsThePositionOfAnErrorUntilItIsReset) {
  auto encoder = Encoder::make("latin-1").value();
  EXPECT_EQ(text_of(encoder.encode("é")), "\xe9");
  const Encoded result = encoder.encode("x€y");
  EXPECT_EQ(text_of(result), "x");
  EXPECT_EQ(result.error, (TextError{3, 3, "ordinal not in range(256)"}));
  const Encoded again = encoder.encode("y");
  EXPECT_TRUE(again.bytes.empty());
  EXPECT_EQ(again.error, result.error);
  encoder.reset();
  EXPECT_EQ(text_of(encoder.encode("y")), "y");
}

TEST(Encoder, JoinsACharacterThatIsSplit) {
  auto encoder = Encoder::make("latin-1").value();
  EXPECT_EQ(text_of(encoder.encode("a\xc3")), "a");
  EXPECT_EQ(text_of(encoder.encode("\xa9"
                                   "b")),
            "\xe9"
            "b");
  EXPECT_EQ(text_of(encoder.encode("\xc3")), "");
  EXPECT_EQ(encoder.finish().error, (TextError{4, 1, "unexpected end of data"}));
}

TEST(Encoder, WritesAByteOrderMarkOnce) {
  auto sig = Encoder::make("utf-8-sig").value();
  EXPECT_EQ(text_of(sig.encode("a")),
            "\xef\xbb\xbf"
            "a");
  EXPECT_EQ(text_of(sig.encode("b")), "b");
  auto wide = Encoder::make("utf-16").value();
  EXPECT_EQ(text_of(wide.encode("a")),
            "\xff\xfe"
            "a\0"sv);
  EXPECT_EQ(text_of(wide.encode("b")), "b\0"sv);
  wide.reset();
  EXPECT_EQ(text_of(wide.encode("")), "\xff\xfe");
}

// The set with the yen sign contains ASCII too. Python returns to the first set for the next
// letter.
TEST(Encoder, ReturnsFromAShiftForAsciiWhateverTheChunks) {
  constexpr std::string_view wanted = "\x1b(J\\\x1b(Ba";
  auto encoder = Encoder::make("iso2022_jp").value();
  EXPECT_EQ(text_of(encoder.encode("¥a")), wanted);
  encoder.reset();
  std::string cut = text_of(encoder.encode("¥"));
  cut += text_of(encoder.encode("a"));
  EXPECT_EQ(cut, wanted);
}

TEST(Encoder, ReturnsToTheFirstShiftStateAtTheEnd) {
  auto encoder = Encoder::make("iso2022_jp").value();
  EXPECT_EQ(text_of(encoder.encode("日")), "\x1b$B\x46\x7c");
  EXPECT_EQ(text_of(encoder.finish()), "\x1b(B");
  auto decoder = Decoder::make("iso-2022-jp").value();
  EXPECT_EQ(decoder.decode("\x1b$B\x46"sv).text, "");
  EXPECT_EQ(decoder.decode("\x7c\x1b(B."sv).text, "日.");
}

TEST(Encoder, DoesNotCopyValidText) {
  Encoder encoder;
  constexpr auto text = "grüße"sv;
  EXPECT_EQ(static_cast<const void*>(encoder.encode(text).bytes.data()), text.data());
}

TEST(Encoder, TakesLinearTimeForManyMissingCharacters) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "й";
  EXPECT_EQ(encoded(text, TextErrors::replace, "cp1252").size(), 300'000U);
  EXPECT_EQ(encoded(text, TextErrors::ignore, "iso8859-15").size(), 0U);
}

TEST(Encoding, IsFoundByItsAliases) {
  const auto name_of = [](std::string_view alias) { return Encoding::find(alias).value().name(); };
  for (const auto alias : {"utf-8", "UTF8", "utf_8", "U8", "cp65001"}) {
    EXPECT_EQ(name_of(alias), "utf-8");
  }
  for (const auto alias : {"utf-8-sig", "UTF_8_SIG", "utf8sig"}) {
    EXPECT_EQ(name_of(alias), "utf-8-sig");
  }
  for (const auto alias : {"latin-1", "latin1", "ISO-8859-1", "iso8859_1", "L1", "cp819"}) {
    EXPECT_EQ(name_of(alias), "latin-1");
  }
  for (const auto alias : {"ascii", "US-ASCII", "646"}) EXPECT_EQ(name_of(alias), "ascii");
  EXPECT_EQ(name_of("utf-16"), "utf-16");
  EXPECT_EQ(name_of("UTF-16LE"), "utf-16-le");
  EXPECT_EQ(name_of("utf_16_be"), "utf-16-be");
  EXPECT_EQ(Encoding{}.name(), "utf-8");
  for (const auto alias : {"cp1252", "windows-1252", "Windows_1252", "shift_jis", "sjis", "gb18030",
                           "koi8_r", "koi8-r", "KOI8R", "euc_jp", "eucjp", "iso8859_15", "latin9",
                           "iso2022_jp", "utf-32", "utf_32_le", "big5", "cp949", "tis620"}) {
    const auto found = Encoding::find(alias);
    ASSERT_TRUE(found) << alias;
    EXPECT_EQ(found->kind(), EncodingKind::other) << alias;
  }
  EXPECT_EQ(decoded("\x5c\x7e", TextErrors::strict, "shift_jis"), "\\~") << "not a yen sign";
}

TEST(Encoding, RefusesUnknownNames) {
  for (const auto name : {"", "klingon", "utf-8//IGNORE", "char", "wchar_t", "utf-7",
                          "unicode-1-1-utf-7", "utf 9", "../x", "INTERNAL", "-", "a\nb"}) {
    const auto found = Encoding::find(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error(), std::errc::invalid_argument);
    EXPECT_FALSE(Decoder::make(name));
    EXPECT_FALSE(Encoder::make(name));
  }
  EXPECT_EQ(Encoding::find("klingon").error().message(),
            "find encoding \"klingon\": Invalid argument");
  EXPECT_FALSE(Encoding::find(std::string(100'000, 'x')));
}

}  // namespace
}  // namespace rondo
