// SPDX-License-Identifier: MIT
// The decoder of UTF-8 against the table of the standard (Unicode 15, table 3-7), byte by byte: the
// maximal invalid parts, with every policy, in chunks.
#include "fuzz/codecs.h"
#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

unsigned at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

/// What follows a lead byte: the size of the character, and the range of the second byte. Size 0:
/// no character begins with this byte.
struct Row {
  std::size_t size = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
};

Row row_of(unsigned lead) {
  if (lead < 0x80) return {1};
  if (lead >= 0xc2 && lead <= 0xdf) return {2};
  if (lead == 0xe0) return {3, 0xa0, 0xbf};
  if (lead == 0xed) return {3, 0x80, 0x9f};
  if (lead >= 0xe1 && lead <= 0xef) return {3};
  if (lead == 0xf0) return {4, 0x90, 0xbf};
  if (lead >= 0xf1 && lead <= 0xf3) return {4};
  if (lead == 0xf4) return {4, 0x80, 0x8f};
  return {};
}

/// The size of the first character, or of the maximal invalid part.
struct Front {
  std::size_t size;
  bool is_good;
};

Front front_of(std::string_view bytes) {
  const Row row = row_of(at(bytes, 0));
  if (row.size == 0) return {1, false};
  std::size_t good = 1;
  while (good < row.size && good < bytes.size()) {
    const unsigned low = good == 1 ? row.low : 0x80;
    const unsigned high = good == 1 ? row.high : 0xbf;
    if (at(bytes, good) < low || at(bytes, good) > high) break;
    ++good;
  }
  return {good, good == row.size};
}

Outcome model(std::string_view bytes, TextErrors errors) {
  constexpr std::string_view digits = "0123456789abcdef";
  Outcome outcome;
  for (std::size_t i = 0; i < bytes.size();) {
    const Front front = front_of(bytes.substr(i));
    const std::string_view part = bytes.substr(i, front.size);
    if (front.is_good || errors == TextErrors::lossless) {
      outcome.text += part;
    } else if (errors == TextErrors::strict) {
      outcome.error = TextError{i, front.size, {}};
      return outcome;
    } else if (errors == TextErrors::replace) {
      outcome.text += "\xef\xbf\xbd";
    } else if (errors == TextErrors::backslashreplace) {
      for (std::size_t j = 0; j < part.size(); ++j) {
        outcome.text.append("\\x") += digits[at(part, j) >> 4U];
        outcome.text += digits[at(part, j) & 15U];
      }
    }
    i += front.size;
  }
  return outcome;
}

}  // namespace

void utf8(Input& input) {
  const TextErrors errors = input.one_of(policies);
  Cuts cuts{input};
  const std::string_view bytes = input.rest();
  auto decoder = Decoder::make("utf-8", errors).value();
  Outcome real = decoded(decoder, bytes, cuts);
  if (real.error) {
    require(!real.error->reason.empty(), "an error has a reason");
    real.error->reason = {};
  }
  require_same(real, model(bytes, errors), "as the table says");
}

const Target target{"utf8", utf8};

}  // namespace rondo::fuzz
