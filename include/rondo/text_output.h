// SPDX-License-Identifier: MIT
// rondo: text on its way out: line endings, then the encoding.
#pragma once

#include <string>
#include <string_view>

#include <rondo/codec.h>
#include <rondo/export.h>
#include <rondo/lines.h>
#include <rondo/result.h>

namespace rondo::detail {

class RONDO_EXPORT TextOutput {
 public:
  explicit TextOutput(LineEnding ending = LineEnding::lf) noexcept : ending_(ending) {}
  /// Errors: as Encoder::make().
  [[nodiscard]] Result<void> set_encoding(const Encoding& encoding, TextErrors errors);

  /// Valid until the next call, and as long as `text`. After an error another text begins.
  [[nodiscard]] Encoded encode(std::string_view text);
  /// The same with a `\n` at the end.
  [[nodiscard]] Encoded encode_line(std::string_view line);
  /// Gives memory back that only the last result needed.
  void release_memory() noexcept;

 private:
  [[nodiscard]] Encoded run(std::string_view text);

  Encoder encoder_;
  std::string ended_;  // with the endings that are asked for
  LineEnding ending_;
};

}  // namespace rondo::detail
