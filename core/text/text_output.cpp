// SPDX-License-Identifier: MIT
#include <rondo/text_output.h>

#include <utility>

#include "spare.h"

namespace rondo::detail {

Result<void> TextOutput::set_encoding(const Encoding& encoding, TextErrors errors) {
  auto encoder = Encoder::make(encoding, errors);
  if (!encoder) return std::move(encoder).error();
  encoder_ = std::move(*encoder);
  return {};
}

Encoded TextOutput::encode(std::string_view text) {
  if (ending_ == LineEnding::lf) return run(text);
  ended_.clear();
  append_lines(ended_, text, ending_);
  return run(ended_);
}

Encoded TextOutput::encode_line(std::string_view line) {
  ended_.clear();
  append_lines(ended_, line, ending_);
  append_lines(ended_, "\n", ending_);
  return run(ended_);
}

Encoded TextOutput::run(std::string_view text) {
  const Encoded encoded = encoder_.encode(text);
  if (encoded.error) encoder_.reset();
  return encoded;
}

void TextOutput::release_memory() noexcept {
  encoder_.release_memory();
  release_spare(ended_);
}

}  // namespace rondo::detail
