// SPDX-License-Identifier: MIT
// LengthFramer on any bytes, with any chunks, against a walk over the whole input; and
// append_frame, whose frames are read again.
#include <optional>

#include <rondo/framing.h>

#include "fuzz/frames.h"
#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

std::uint64_t length_in(std::string_view prefix, std::endian order) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const std::size_t at = order == std::endian::big ? i : prefix.size() - 1 - i;
    length = length * 256 + static_cast<unsigned char>(prefix[at]);
  }
  return length;
}

struct Walk {
  std::string frames;               // each followed by a bar
  std::optional<std::string> rest;  // the incomplete frame
};

Walk walk(std::string_view stream, LengthFormat format, std::size_t limit, bool skips) {
  Walk walk;
  while (!stream.empty()) {
    if (stream.size() < format.size) {
      walk.rest = stream;
      break;
    }
    const std::uint64_t length = length_in(stream.substr(0, format.size), format.order);
    stream.remove_prefix(format.size);
    if (length > stream.size()) {
      walk.rest = stream;
      break;
    }
    const auto size = static_cast<std::size_t>(length);
    if (size <= limit || !skips) walk.frames.append(stream.substr(0, size)) += '|';
    stream.remove_prefix(size);
  }
  return walk;
}

void read(std::string_view stream, LengthFormat format, std::size_t limit, bool skips, Cuts& cuts) {
  LengthFramer framer{format, limit};
  Frames frames{skips};
  cuts.each(stream, [&](std::string_view chunk) {
    framer.feed(bytes_of(chunk));
    frames.take(framer);
    require(framer.buffered() < limit + format.size, "keeps at most one frame");
  });
  const Walk model = walk(stream, format, limit, skips);
  require_same(frames.taken(), model.frames, "the frames that the lengths describe");
  framer.finish();
  std::string left = frames.open();
  bool is_incomplete = false;
  for (Frame frame = framer.next(); frame.status != ReadStatus::end; frame = framer.next()) {
    require(frame.status == ReadStatus::incomplete, "no frame is whole");
    require(frame.expected > frame.data.size(), "reports the size it would have");
    is_incomplete = true;
    left += frame.text();
  }
  require(is_incomplete == model.rest.has_value(), "reports what is left");
  if (!skips && model.rest) require_same(left, *model.rest, "and returns it");
}

}  // namespace

void lengths(Input& input) {
  const LengthFormat format{static_cast<std::uint8_t>(1 + input.below(8)),
                            input.flag() ? std::endian::big : std::endian::little};
  const bool skips = input.flag();
  const std::size_t limit = 1 + input.below(32);
  Cuts cuts{input};
  const std::string_view stream = input.rest();
  read(stream, format, limit, skips, cuts);

  std::string written;
  std::string model;
  for (std::string_view rest = stream; !rest.empty();) {
    const std::string_view body = rest.substr(1, static_cast<unsigned char>(rest.front()) % 64);
    rest.remove_prefix(1 + body.size());
    require(!append_frame(written, bytes_of(body), format), "any format holds 63 bytes");
    model.append(body) += '|';
  }
  require_same(walk(written, format, limit, false).frames, model, "frames as they were written");
  read(written, format, limit, skips, cuts);
}

const Target target{"lengths", lengths};

}  // namespace rondo::fuzz
