// SPDX-License-Identifier: MIT
// Stream::set_options(): everything holds from the call on, without any other event.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "support/descriptor_streams.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

class NewOptions : public DescriptorStreams {
 protected:
  /// A stream whose peer takes nothing, with so many bytes queued.
  void open(const StreamOptions& options, std::size_t queued) {
    Pair pair = unix_pair();
    peer = std::move(pair.theirs);
    stream = adopt(std::move(pair.ours), recorder, options);
    run_on();
    filled = fill_until_full(stream->fd());
    if (queued > 0) stream->write(std::string(queued, 'x'));
    run_on();
  }

  StreamRecorder recorder;
  Fd peer;
  std::size_t filled = 0;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(NewOptions);

TEST_P(NewOptions, HoldInputAndLetItGoOn) {
  StreamOptions options{.write_high_water = 10};
  open(options, 100);
  for (int round = 0; round < 3; ++round) {
    options.pause_reading_when_full = true;
    stream->set_options(options);
    const std::string before = recorder.received;
    write_all(peer.get(), "held");
    run_on();
    EXPECT_EQ(recorder.received, before);
    options.pause_reading_when_full = false;
    stream->set_options(options);
    EXPECT_TRUE(runs_until([&] { return recorder.received == before + "held"; }));
  }
}

TEST_P(NewOptions, HoldInputInsideACall) {
  open({.write_high_water = 10}, 100);
  recorder.on_data_then = [](Stream& one, Bytes) {
    one.set_options({.write_high_water = 10, .pause_reading_when_full = true});
  };
  write_all(peer.get(), "one");
  EXPECT_TRUE(runs_until([&] { return recorder.received == "one"; }));
  write_all(peer.get(), "two");
  run_on();
  EXPECT_EQ(recorder.received, "one");
  EXPECT_EQ(read_by_peer(peer, filled + 100).size(), filled + 100);
  EXPECT_TRUE(runs_until([&] { return recorder.received == "onetwo"; }));
}

TEST_P(NewOptions, LowerTheHighWaterMark) {
  open({.pause_reading_when_full = true}, 30'000);
  EXPECT_EQ(stream->write(""), WriteStatus::accepted);
  stream->set_options({.write_high_water = 20'000, .pause_reading_when_full = true});
  EXPECT_EQ(stream->write(""), WriteStatus::above_high_water);
  write_all(peer.get(), "held");
  run_on();
  EXPECT_EQ(recorder.received, "");
  EXPECT_EQ(read_by_peer(peer, filled + 30'000).size(), filled + 30'000);
  EXPECT_TRUE(runs_until([&] { return recorder.received == "held"; }));
  EXPECT_EQ(recorder.writables, 1);
}

TEST_P(NewOptions, RaiseTheLowWaterMark) {
  open({.write_high_water = 20'000, .pause_reading_when_full = true}, 30'000);
  write_all(peer.get(), "held");
  run_on();
  EXPECT_EQ(recorder.writables, 0);
  stream->set_options(
      {.write_high_water = 40'000, .write_low_water = 30'000, .pause_reading_when_full = true});
  EXPECT_TRUE(runs_until([&] { return recorder.received == "held"; }));
  EXPECT_EQ(recorder.writables, 1);
}

TEST_P(NewOptions, LowerWhatMayBeQueued) {
  open({}, 30'000);
  stream->set_options({.write_buffer_max = 30'000});
  EXPECT_FALSE(stream->is_closing());
  stream->set_options({.write_buffer_max = 29'999});
  EXPECT_TRUE(stream->is_closing());
  EXPECT_EQ(recorder.closes, 0) << "callbacks come from the turn";
  run_on();
  EXPECT_EQ(recorder.message, "overflow: write_buffer_max");
}

TEST_P(NewOptions, AreOfferedToThePeerBeforeTheyEndAStream) {
  open({}, 30'000);
  std::string got = read_all(peer.get());
  EXPECT_GE(got.size(), filled);
  stream->set_options({.write_buffer_max = 100});
  EXPECT_FALSE(stream->is_closing());
  got += read_by_peer(peer, filled + 30'000 - got.size());
  EXPECT_EQ(got.size(), filled + 30'000);
}

TEST_P(NewOptions, LowerHowManyDescriptorsMayWait) {
  open({}, 0);
  const TemporaryFile file{"f"};
  for (int i = 0; i < 8; ++i) stream->send_file(File::open(file.path()).value(), 0, 1);
  EXPECT_EQ(stream->write(""), WriteStatus::accepted);
  stream->set_options({.write_descriptors_max = 8});
  EXPECT_EQ(stream->write(""), WriteStatus::above_high_water);
  stream->set_options({.write_descriptors_max = 7});
  run_on();
  EXPECT_EQ(recorder.message, "overflow: write_descriptors_max");
}

TEST_P(NewOptions, TakeDescriptors) {
  Pair pair = unix_pair();
  peer = std::move(pair.theirs);
  const auto sending = adopt(std::move(peer), sender_calls);
  stream = adopt(std::move(pair.ours), receiver);
  run_on();
  Pipe pipes[3] = {make_pipe(), make_pipe(), make_pipe()};
  sending->write("a", passable(pipes[0]));
  EXPECT_TRUE(runs_until([&] { return receiver.received == "a"; }));
  stream->set_options({.receive_descriptors = true});
  sending->write("b", passable(pipes[1]));
  EXPECT_TRUE(runs_until([&] { return receiver.received == "a[b]"; }));
  stream->set_options({});
  sending->write("c", passable(pipes[2]));
  EXPECT_TRUE(runs_until([&] { return receiver.received == "a[b]c"; }));
  EXPECT_EQ(receiver.descriptors.size(), 1u);
}

TEST_P(NewOptions, DecideHowItLingers) {
  Pair pair = tcp_pair();
  stream = adopt(std::move(pair.ours), recorder);
  run_on();
  stream->set_options({.lingering_close = LingeringClose::off});
  stream->close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::closed);
}

}  // namespace
}  // namespace rondo::test
