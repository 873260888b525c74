// SPDX-License-Identifier: MIT
// DelimiterFramer and FixedFramer with any chunks, against find() and substr() on the whole input.
#include <rondo/framing.h>

#include "fuzz/frames.h"
#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

void fixed(std::size_t size, std::string_view stream, Cuts& cuts) {
  FixedFramer framer{size};
  Frames frames{false};
  cuts.each(stream, [&](std::string_view chunk) {
    framer.feed(bytes_of(chunk));
    frames.take(framer);
    require(framer.buffered() < size, "keeps less than a frame");
  });
  std::string model;
  for (; stream.size() >= size; stream.remove_prefix(size)) {
    model.append(stream.substr(0, size)) += '|';
  }
  require_same(frames.taken(), model, "frames of one size");
  framer.finish();
  const Frame left = framer.next();
  require(left.status == (stream.empty() ? ReadStatus::end : ReadStatus::incomplete),
          "reports what is left");
  require_same(left.text(), stream, "and returns it");
  require(framer.next().status == ReadStatus::end, "and then the end");
}

}  // namespace

void delimiters(Input& input) {
  const bool skips = input.flag();
  const std::size_t limit = 1 + input.below(32);
  const std::string needle{input.text(1 + input.below(6))};
  Cuts cuts{input};
  const std::string_view stream = input.rest();
  if (needle.empty()) return;

  DelimiterFramer framer{needle, limit};
  Frames frames{skips};
  cuts.each(stream, [&](std::string_view chunk) {
    framer.feed(bytes_of(chunk));
    frames.take(framer);
    require(framer.buffered() < limit + needle.size(), "keeps at most one frame");
  });
  std::string model;
  std::size_t at = 0;
  for (std::size_t hit = stream.find(needle); hit != stream.npos; hit = stream.find(needle, at)) {
    if (hit - at <= limit || !skips) model.append(stream.substr(at, hit - at)) += '|';
    at = hit + needle.size();
  }
  require_same(frames.taken(), model, "the frames that find() finds");
  framer.finish();
  std::string left{frames.open()};
  bool is_incomplete = false;
  for (Frame frame = framer.next(); frame.status != ReadStatus::end; frame = framer.next()) {
    require(frame.status == ReadStatus::incomplete || frame.status == ReadStatus::too_long,
            "no frame is whole");
    is_incomplete = frame.status == ReadStatus::incomplete;
    left += frame.text();
  }
  require(is_incomplete == (at < stream.size()), "reports what is left");
  if (!skips) require_same(left, stream.substr(at), "and returns it");

  fixed(limit, stream, cuts);
}

const Target target{"delimiters", delimiters};

}  // namespace rondo::fuzz
