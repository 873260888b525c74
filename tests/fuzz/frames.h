// Takes what a framer has, for the fuzz targets of framers.
#pragma once

#include <rondo/framing.h>

#include "fuzz/fuzz.h"

namespace rondo::fuzz {

/// The frames with a bar behind each; long ones joined, or skipped.
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
  /// What has come of a long one.
  [[nodiscard]] const std::string& open() const noexcept { return open_; }

 private:
  bool skips_;
  std::string open_;
  std::string taken_;
};

}  // namespace rondo::fuzz
