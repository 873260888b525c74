// SPDX-License-Identifier: MIT
// Decoders: chunks make no difference; the text is UTF-8; lossless text yields the same bytes.
#include "fuzz/codecs.h"
#include "fuzz/target.h"

namespace rondo::fuzz {

void decoders(Input& input) {
  const std::string_view encoding = input.one_of(encodings);
  const TextErrors errors = input.one_of(policies);
  Cuts cuts{input};
  const std::string_view bytes = input.rest();

  auto decoder = Decoder::make(encoding, errors).value();
  Outcome whole;
  whole.add(decoder.decode(bytes));
  whole.add(decoder.finish());
  decoder.reset();
  const Outcome cut = decoded(decoder, bytes, cuts);
  require_same(cut, whole, "chunks make no difference");
  require(!cut.error || errors == TextErrors::strict, "only strict fails");
  if (errors != TextErrors::lossless) {
    auto check = Decoder::make("utf-8").value();
    require_same(check.decode(cut.text).text, cut.text, "text is UTF-8");
    require(!check.finish().error, "text is whole");
    return;
  }
  if (std::find(std::begin(both_ways), std::end(both_ways), encoding) == std::end(both_ways))
    return;
  auto encoder = Encoder::make(encoding, TextErrors::lossless).value();
  const Outcome again = encoded(encoder, cut.text, cuts);
  require_same(again, Outcome{std::string{bytes}, {}}, "lossless text yields the same bytes");
}

const Target target{"decoders", decoders};

}  // namespace rondo::fuzz
