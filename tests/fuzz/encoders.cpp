// SPDX-License-Identifier: MIT
// Encoders: pieces make no difference; text that needed no replacement can be decoded again.
#include "fuzz/codecs.h"
#include "fuzz/target.h"

namespace rondo::fuzz {

void encoders(Input& input) {
  const std::string_view encoding = input.one_of(encodings);
  const TextErrors errors = input.one_of(policies);
  Cuts cuts{input};
  const std::string_view text = input.rest();

  auto encoder = Encoder::make(encoding, errors).value();
  Outcome whole;
  whole.add(encoder.encode(text));
  whole.add(encoder.finish());
  encoder.reset();
  const Outcome cut = encoded(encoder, text, cuts);
  require_same(cut, whole, "pieces make no difference");
  require(!cut.error || errors == TextErrors::strict || errors == TextErrors::lossless,
          "strict and lossless alone fail");

  const bool is_one_to_one =
      std::find(std::begin(both_ways), std::end(both_ways), encoding) != std::end(both_ways);
  if (!is_one_to_one || errors != TextErrors::strict || cut.error) return;
  auto decoder = Decoder::make(encoding).value();
  require_same(decoded(decoder, cut.text, cuts), Outcome{std::string{text}, {}},
               "what was written reads back");
}

const Target target{"encoders", encoders};

}  // namespace rondo::fuzz
