// SPDX-License-Identifier: MIT
// Streams that have nothing to do: whatever state the peer has left them in, the reactor sleeps.
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// Waits that return early are no busy loop: a turn or two settle a change.
constexpr int waits_max = 50;

class RestingStreams : public StreamsOnEveryBackend {
 protected:
  struct State {
    const char* name;
    std::function<void()> bring_about;
    StreamOptions options{};
  };

  void fill() {
    stream->write(numbered_text(8'000'000));  // more than the system takes
    run_on();
    EXPECT_GT(stream->unsent_bytes(), 0U);
  }
  void finish_peer() { finish_writing(peer); }

  const std::vector<State> states{
      {"quiet", [] {}},
      {"the peer has finished", [this] { finish_peer(); }},
      {"paused, with data",
       [this] {
         stream->pause();
         write_all(peer.get(), "unread");
       }},
      {"paused, with data, and the peer has finished",
       [this] {
         stream->pause();
         write_all(peer.get(), "unread");
         finish_peer();
       }},
      {"paused, with data, and the peer has gone",
       [this] {
         stream->pause();
         write_all(peer.get(), "unread");
         peer.close();
       }},
      {"paused, and the peer has reset",
       [this] {
         stream->pause();
         close_with_reset(peer);
       }},
      {"the output waits", [this] { fill(); }},
      {"the output waits, and the peer has finished",
       [this] {
         fill();
         finish_peer();
       }},
      {"the output holds the input",
       [this] {
         fill();
         write_all(peer.get(), "a question");
       },
       {.write_buffer_max = 100'000'000, .pause_reading_when_full = true}},
      {"finished", [this] { stream->shutdown_output(); }},
      {"lingering",
       [this] { stream->close(); },
       {.close_timeout = 1h, .lingering_close = LingeringClose::always}},
      {"closing, and the output waits",
       [this] {
         fill();
         stream->close();
       },
       {.close_timeout = 1h}},
  };

  StreamRecorder recorder;
  Fd peer;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(RestingStreams);

TEST_P(RestingStreams, DoNotSpinInAnyState) {
  for (const State& state : states) {
    for (const bool is_tcp : {false, true}) {
      Pair pair = is_tcp ? tcp_pair() : unix_pair();
      recorder = {};
      recorder.on_end_then = [](Stream&) {};
      peer = std::move(pair.theirs);
      stream = adopt(std::move(pair.ours), recorder, state.options);
      run_on();
      state.bring_about();
      run_on();
      const int before = spy.waits;
      EXPECT_TRUE(reactor.run_for(5ms));
      EXPECT_LE(spy.waits - before, waits_max) << state.name << (is_tcp ? ", TCP" : ", Unix");
      EXPECT_EQ(recorder.closes, 0) << state.name << (is_tcp ? ", TCP" : ", Unix");
      stream.reset();
    }
  }
}

}  // namespace
}  // namespace rondo::test
