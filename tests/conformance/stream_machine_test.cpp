// SPDX-License-Identifier: MIT
// Two streams that are connected with each other do random things, beside a model of what each has
// written: its bytes arrive in order and whole until the end, and each ends once. RONDO_SEED
// replays a run.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/seed.h"
#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

class StreamMachine : public StreamsOnEveryBackend {
 protected:
  static constexpr int worlds_max = 60;
  static constexpr int operations_max = 120;

  struct Side {
    std::unique_ptr<Stream> stream;
    StreamRecorder recorder;
    std::string written;      // what was accepted for sending
    bool was_abrupt = false;  // it was aborted, or ended with something lost
    bool ended_itself = false;
  };

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_);
  }
  std::string some_text() {
    constexpr std::size_t sizes[] = {1, 20, 300, 5'000, 9'000, 80'000, 400'000};
    const std::size_t size = 1 + below(sizes[below(std::size(sizes))]);
    std::string text(size, ' ');
    for (char& one : text) {
      ++letters_;
      one = static_cast<char>((letters_ % 7 == 0 ? 'A' : 'a') + letters_ % 26);
    }
    return text;
  }

  void write(Side& side) {
    const std::string text = some_text();
    Stream& stream = *side.stream;
    if (stream.is_writable()) side.written += text;
    const std::string_view view{text};
    const std::size_t cut = below(text.size() + 1);
    const auto bytes = std::as_bytes(std::span{text});
    const std::array<Bytes, 2> parts{bytes.first(cut), bytes.subspan(cut)};
    switch (below(4)) {
      case 0:
        stream.write(view);
        break;
      case 1:
        stream.write_owned(OwnedBytes{std::string{text}});
        break;
      case 2:
        stream.write_parts(parts);
        break;
      default:
        stream.write(view.substr(0, cut));
        stream.write(view.substr(cut));
    }
  }

  void operate(Side& side) {
    Stream& stream = *side.stream;
    switch (below(24)) {
      case 0:
        return stream.pause();
      case 1:
      case 2:
        return stream.resume();
      case 3:
        return stream.flush();
      case 4:
        return below(6) == 0 ? stream.shutdown_output() : void();
      case 5:
        if (below(8) != 0) return;
        side.ended_itself = true;
        return stream.close();
      case 6:
        if (below(16) != 0) return;
        side.was_abrupt = side.ended_itself = true;
        return stream.abort();
      case 7:
        return stream.set_options(options());
      default:
        return write(side);
    }
  }
  StreamOptions options() {
    const auto hour_or_none = [this] {
      return below(2) == 0 ? forever : Duration{std::chrono::hours{1}};
    };
    return {.read_timeout = hour_or_none(),
            .write_timeout = hour_or_none(),
            .close_timeout = forever,
            .write_high_water = below(3) * 20'000,
            .write_buffer_max = std::size_t{1} << 30U,
            .input_per_turn_max = (std::size_t{64} << 10U) * (1 + below(3)),
            .lingering_close = LingeringClose::always};
  }

  void prepare(Side& side) {
    side.recorder.on_data_then = [this, &side](Stream&, Bytes) {
      if (may_act_ && below(3) == 0)
        for (std::size_t i = below(4); i > 0; --i) operate(side);
    };
    side.recorder.on_end_then = [this, &side](Stream& stream) {
      if (may_act_ && below(2) == 0) return;
      side.ended_itself = true;
      stream.close();
    };
    side.recorder.on_writable_then = [this, &side](Stream&) {
      if (may_act_ && below(2) == 0) operate(side);
    };
  }

  /// What has arrived so far is a part of what was written.
  static void compare(const Side& from, const Side& to) {
    const std::string& got = to.recorder.received;
    ASSERT_LE(got.size(), from.written.size());
    ASSERT_EQ(from.written.compare(0, got.size(), got), 0) << "something is lost or out of place";
    if (!from.stream->is_writable()) return;  // what waited may be lost
    ASSERT_LE(got.size() + from.stream->unsent_bytes(), from.written.size());
  }
  static std::string state_of(const Side& side) {
    return (side.recorder.closes > 0    ? "over"
            : side.stream->is_reading() ? "reading"
                                        : "deaf") +
           (", " + std::to_string(side.stream->unsent_bytes())) + " waiting; ";
  }
  static bool is_over(const Side& side) { return side.recorder.closes > 0; }

  /// Both finish; all that was promised to arrive must have.
  void bring_to_an_end(std::array<Side, 2>& sides) {
    may_act_ = false;
    for (Side& side : sides) {
      side.stream->resume();
      side.stream->shutdown_output();
    }
    EXPECT_TRUE(runs_until([&] { return is_over(sides[0]) && is_over(sides[1]); }))
        << state_of(sides[0]) << state_of(sides[1]);
    run_on();
    for (std::size_t i = 0; i < 2; ++i) {
      const Side& from = sides[i];
      const Side& to = sides[1 - i];
      ASSERT_EQ(from.recorder.closes, 1);
      ASSERT_LE(from.recorder.opens, 1);
      const std::string& got = to.recorder.received;
      ASSERT_EQ(from.written.compare(0, got.size(), got), 0);
      ASSERT_EQ(from.stream->unsent_bytes(), 0u);
      const bool clean = !from.was_abrupt && !to.ended_itself;
      if (clean) {
        ASSERT_EQ(got.size(), from.written.size()) << to.recorder.message;
      }
    }
  }

  std::mt19937_64 random_{chosen_seed()};
  std::uint64_t letters_ = 0;
  bool may_act_ = true;
};
RONDO_ON_EVERY_BACKEND(StreamMachine);

TEST_P(StreamMachine, WhatOneWritesTheOtherGets) {
  for (int world = 0; world < worlds_max; ++world) {
    SCOPED_TRACE(world);
    may_act_ = true;
    Pair pair = below(2) == 0 ? unix_pair() : tcp_pair();
    std::array<Side, 2> sides;
    for (Side& side : sides) prepare(side);
    sides[0].stream = adopt(std::move(pair.ours), sides[0].recorder, options());
    sides[1].stream = adopt(std::move(pair.theirs), sides[1].recorder, options());
    for (int i = 0; i < operations_max; ++i) {
      if (below(3) == 0) run_turns(reactor, 1);
      operate(sides[below(2)]);
      compare(sides[0], sides[1]);
      compare(sides[1], sides[0]);
      if (HasFatalFailure()) return;
    }
    bring_to_an_end(sides);
    if (HasFatalFailure()) return;
    for (Side& side : sides) side.stream.reset();
    EXPECT_FALSE(reactor.alive());
  }
}

}  // namespace
}  // namespace rondo::test
