// SPDX-License-Identifier: MIT
// Shared by the fuzz targets of encodings.
#pragma once

#include <optional>
#include <string>

#include <rondo/codec.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

constexpr std::string_view encodings[] = {
    "utf-8",   "utf-8-sig", "ascii",       "latin-1", "utf-16", "utf-16-le", "utf-16-be", "cp1252",
    "gb18030", "euc-jp",    "iso-2022-jp", "cp932",   "big5",   "utf-32",    "koi8-r",
};
/// Encodings in which each text has one form, so that lossless text yields the same bytes.
constexpr std::string_view both_ways[] = {"utf-8",     "ascii",  "latin-1", "utf-16-le",
                                          "utf-16-be", "cp1252", "koi8-r"};
constexpr TextErrors policies[] = {TextErrors::strict, TextErrors::replace, TextErrors::ignore,
                                   TextErrors::backslashreplace, TextErrors::lossless};

/// The joint result of all calls of a decoder or an encoder.
struct Outcome {
  std::string text;
  std::optional<TextError> error;

  void add(const Decoded& decoded) {
    require(!error || decoded.text.empty(), "nothing follows an error");
    text += decoded.text;
    error = decoded.error;
  }
  void add(const Encoded& encoded) {
    require(!error || encoded.bytes.empty(), "nothing follows an error");
    text += text_of(encoded.bytes);
    error = encoded.error;
  }
};

inline void require_same(const Outcome& real, const Outcome& model, std::string_view what,
                         std::source_location where = std::source_location::current()) {
  require_same(real.text, model.text, what, where);
  require(real.error == model.error, what, where);
}

inline Outcome decoded(Decoder& decoder, std::string_view bytes, Cuts& cuts) {
  Outcome outcome;
  cuts.each(bytes, [&](std::string_view chunk) { outcome.add(decoder.decode(chunk)); });
  outcome.add(decoder.finish());
  if (outcome.error) {
    require(outcome.error->position + outcome.error->size <= bytes.size(),
            "the error lies within the input");
  }
  return outcome;
}

inline Outcome encoded(Encoder& encoder, std::string_view text, Cuts& cuts) {
  Outcome outcome;
  outcome.add(encoder.encode(std::string_view{}));  // the BOM
  cuts.each(text, [&](std::string_view chunk) { outcome.add(encoder.encode(chunk)); });
  outcome.add(encoder.finish());
  if (outcome.error) {
    require(outcome.error->position + outcome.error->size <= text.size(),
            "the error lies within the input");
  }
  return outcome;
}

}  // namespace rondo::fuzz
