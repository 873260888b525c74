// SPDX-License-Identifier: MIT
// Reads the frames of a framer, for the fuzz targets of framers.
#pragma once

#include <rondo/framing.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

/// The frames, each followed by a bar. Long ones are joined, or skipped.
class Frames {
 public:
  explicit Frames(bool skips) noexcept : skips_(skips) {}

  template <typename Framer>
  void take(Framer& framer) {
    for (;;) {
      const Frame frame = framer.next();
      if (frame.status == ReadStatus::more || frame.status == ReadStatus::end) return;
      require(frame.status != ReadStatus::incomplete, "the input has not ended");
      open_ += frame.text();
      if (frame.status == ReadStatus::too_long) {
        if (skips_) framer.skip();
        if (skips_) open_.clear();
      } else {
        taken_.append(open_) += '|';
        open_.clear();
      }
    }
  }
  [[nodiscard]] const std::string& taken() const noexcept { return taken_; }
  /// The pieces of a long frame so far.
  [[nodiscard]] const std::string& open() const noexcept { return open_; }

 private:
  bool skips_;
  std::string open_;
  std::string taken_;
};

}  // namespace rondo::fuzz
