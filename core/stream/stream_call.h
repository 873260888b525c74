// How a stream calls its handler.
#pragma once

#include <rondo/stream.h>

#include "streams.h"

namespace rondo::detail {

/// Call it where an exception of the handler was caught: aborts the stream and lets the exception
/// go on, unless the stream's owner takes it.
[[gnu::cold]] void stream_threw(Stream& stream);

}  // namespace rondo::detail

namespace rondo {

/// Makes a call of the handler. False: the stream is gone.
template <typename Call>
bool Stream::call(Call&& one) {
  const detail::Streams::Frame frame{group_->streams, *this};
  try {
    one();
  } catch (...) {
    if (frame.stream_is_gone()) throw;
    detail::stream_threw(*this);
  }
  return !frame.stream_is_gone();
}

}  // namespace rondo
