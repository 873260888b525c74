// SPDX-License-Identifier: MIT
// The handler of a stream that checks the promises of its callbacks: each byte once and in order,
// none while paused, nothing after the end, one close. It sends as much as it receives, and the
// input controls its calls of the stream.
#pragma once

#include <rondo/stream.h>

#include "fuzz/raw_peers.h"

namespace rondo::fuzz {

class Voice {
 public:
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

  void opened() {
    require(!is_open_ && !is_closing_ && !is_over_, "opens once, and first");
    is_open_ = true;
  }
  void heard(Stream& stream, Bytes data) {
    require(is_open_ && !has_ended_ && !is_closing_ && !is_over_, "data only between open and end");
    require(!is_paused_, "no data while paused");
    require(!data.empty(), "data is not empty");
    hear(heard_, data);
    say(stream, data.size());
  }
  void ended() {
    require(is_open_ && !has_ended_ && !is_closing_ && !is_over_, "ends once, before it closes");
    has_ended_ = true;
  }
  void can_write() const {
    require(was_above_ && !is_closing_ && !is_over_,
            "on_writable only after output was above the high-water mark");
  }
  void closed() {
    require(!is_over_, "closes once");
    is_over_ = true;
  }

  void say(Stream& stream, std::size_t size) {
    if (!stream.is_writable()) return;
    said(stream, size, stream.write(text_from(sent_, size)));
  }
  /// One operation on the stream, which has not ended.
  void operate(Stream& stream, Input& input) {
    switch (input.below(11)) {
      case 0:
        return say(stream, 1 + input.byte());
      case 1:
        return say(stream, std::size_t{1} << input.below(17));
      case 2:
        return say_in_parts(stream, 1 + input.byte());
      case 3:
        return say_owned(stream, std::size_t{1} << input.below(17));
      case 4:
        is_paused_ = true;
        return stream.pause();
      case 5:
        is_paused_ = false;
        return stream.resume();
      case 6:
        return stream.shutdown_output();
      case 7:
        is_closing_ = true;
        return stream.close();
      case 8:
        is_closing_ = true;
        return stream.abort();
      case 9:
        return stream.flush();
      default:
        stream.set_options(some_options(input));
        // The mark may be lower now than what is queued, or than the memory that this needs.
        was_above_ = was_above_ || stream.unsent_bytes() > 0;
    }
  }
  /// It ends within ten minutes in any case.
  static StreamOptions some_options(Input& input) {
    constexpr LingeringClose lingers[] = {LingeringClose::if_unread, LingeringClose::off,
                                          LingeringClose::always};
    const auto some_time = [&]() -> Duration {
      const std::chrono::seconds time{input.byte() & 15U};
      return time == std::chrono::seconds{0} ? forever : time;
    };
    return {.idle_timeout = some_time(),
            .read_timeout = some_time(),
            .write_timeout = some_time(),
            .lifetime = std::chrono::minutes{10},
            .close_timeout = std::chrono::seconds{1 + (input.byte() & 15U)},
            .write_high_water = std::size_t{1} << input.below(18),
            .write_buffer_max = std::size_t{1} << (10 + input.below(12)),
            .pause_reading_when_full = input.flag(),
            .lingering_close = input.one_of(lingers)};
  }

 private:
  /// Output that is written in on_data may exceed the high-water mark only after on_data returns.
  void said(const Stream& stream, std::size_t size, WriteStatus status) {
    sent_ += size;
    if (status == WriteStatus::above_high_water ||
        stream.unsent_bytes() > stream.options().write_high_water)
      was_above_ = true;
  }
  void say_in_parts(Stream& stream, std::size_t size) {
    if (!stream.is_writable()) return;
    const std::string text = text_from(sent_, size);
    const Bytes all = bytes_of(text);
    const Bytes parts[] = {all.first(size / 3), all.subspan(size / 3)};
    said(stream, size, stream.write_parts(parts));
  }
  void say_owned(Stream& stream, std::size_t size) {
    if (!stream.is_writable()) return;
    said(stream, size, stream.write_owned(OwnedBytes{text_from(sent_, size)}));
  }

  std::uint64_t heard_ = 0;
  std::uint64_t sent_ = 0;
  bool is_open_ = false;
  bool has_ended_ = false;
  bool is_paused_ = false;
  bool was_above_ = false;
  bool is_closing_ = false;
  bool is_over_ = false;
};

}  // namespace rondo::fuzz
