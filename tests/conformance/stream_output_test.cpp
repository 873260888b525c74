// SPDX-License-Identifier: MIT
// What is written leaves: in order, whole, in as few calls as was promised, within its limits.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/stream_fixture.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

/// Bytes whose letting go is counted.
struct Counted {
  explicit Counted(std::string bytes) : text(std::move(bytes)) {}
  OwnedBytes lend() {
    return {std::as_bytes(std::span{text}), this,
            [](void* owner) noexcept { ++static_cast<Counted*>(owner)->freed; }};
  }
  std::string text;
  int freed = 0;
};

File file_of(std::string_view text) {
  const TemporaryFile file{text};  // which may go while it is open
  return File::open(file.path()).value();
}

class StreamOutput : public StreamsOnEveryBackend {
 protected:
  void open(const StreamOptions& options = {}) { open(unix_pair(), options); }
  void open(Pair pair, const StreamOptions& options = {}) {
    peer = std::move(pair.theirs);
    stream = adopt(std::move(pair.ours), recorder, options);
    run_on();
    before = sends(net);
  }
  void fill() { taken = fill_until_full(stream->fd()); }
  [[nodiscard]] int sent_since() const { return sends(net) - before; }
  /// Has this done in on_data.
  void answer(std::function<void()> with) {
    recorder.on_data_then = [with = std::move(with)](Stream&, Bytes) { with(); };
    write_all(peer.get(), "?");
    const int calls = recorder.calls;
    EXPECT_TRUE(runs_until([&] { return recorder.calls > calls; }));
  }
  /// That which follows what fill() wrote.
  std::string read_after_filling(std::size_t size) {
    return read_by_peer(peer, taken + size).substr(taken);
  }

  StreamRecorder recorder;
  Fd peer;
  std::unique_ptr<Stream> stream;
  int before = 0;
  std::size_t taken = 0;
};
RONDO_ON_EVERY_BACKEND(StreamOutput);

TEST_P(StreamOutput, SixteenSmallWritesAnsweringOneReadLeaveInOneSend) {
  open();
  std::string expected;
  for (int i = 0; i < 16; ++i) expected += std::to_string(i) + ' ';
  answer([&] {
    for (int i = 0; i < 16; ++i)
      EXPECT_EQ(stream->write(std::to_string(i) + ' '), WriteStatus::accepted);
    EXPECT_EQ(stream->unsent_bytes(), expected.size());
    EXPECT_EQ(sent_since(), 0);
  });
  EXPECT_EQ(sent_since(), 1);
  EXPECT_EQ(read_all(peer.get()), expected);
  EXPECT_EQ(stream->unsent_bytes(), 0u);
}

// Also of a stream whose output has waited before, or that has options of its own.
TEST_P(StreamOutput, AnAnswerLeavesRightAfterItsCallHoweverTheStreamIs) {
  open();
  stream->set_options({.read_timeout = std::chrono::hours{1}});
  Pair other = unix_pair();
  StreamRecorder second;
  std::vector<int> sent_when_called;
  const auto note = [&](Stream& one, Bytes data) {
    sent_when_called.push_back(sent_since());
    one.write(data);
    one.write(data);
  };
  recorder.on_data_then = second.on_data_then = note;
  const auto another = adopt(std::move(other.ours), second, {.lifetime = std::chrono::hours{1}});
  run_on();
  write_all(peer.get(), "x");
  write_all(other.theirs.get(), "x");
  EXPECT_TRUE(runs_until([&] { return recorder.calls + second.calls == 2; }));
  EXPECT_EQ(sent_when_called, (std::vector<int>{0, 1}));
  EXPECT_EQ(read_all(peer.get()), "xx");
}

TEST_P(StreamOutput, WritesElsewhereLeaveOnceAtTheEndOfTheTurn) {
  open();
  reactor.defer([&] {
    for (int i = 0; i < 16; ++i) EXPECT_EQ(stream->write("x"), WriteStatus::accepted);
    EXPECT_EQ(sent_since(), 0);
  });
  run_turns(reactor, 1);
  EXPECT_EQ(sent_since(), 1);
  EXPECT_EQ(read_all(peer.get()), std::string(16, 'x'));
}

TEST_P(StreamOutput, FlushSendsAtOnceInsideAndOutside) {
  open();
  stream->write("out");
  stream->flush();
  EXPECT_EQ(read_all(peer.get()), "out");
  answer([&] {
    stream->write("in");
    stream->flush();
    EXPECT_EQ(read_all(peer.get()), "in");
    stream->write("side");
  });
  EXPECT_EQ(read_all(peer.get()), "side");
  EXPECT_EQ(sent_since(), 3);
  stream->flush();
  EXPECT_EQ(sent_since(), 3) << "there is nothing";
}

TEST_P(StreamOutput, AnAnswerLargerThanTheCorkComesWholeAndInOrder) {
  const std::string text = numbered_text(300'000);
  for (const std::size_t piece : {1u, 1000u, 4095u, 4096u, 8191u, 8192u, 8193u, 100'000u}) {
    SCOPED_TRACE(piece);
    const std::size_t size = piece == 1 ? 20'000 : text.size();
    open();
    recorder = {};
    answer([&] {
      for (std::size_t at = 0; at < size; at += piece)
        stream->write(std::string_view{text}.substr(0, size).substr(at, piece));
    });
    EXPECT_EQ(read_by_peer(peer, size), text.substr(0, size));
  }
}

TEST_P(StreamOutput, ALargePieceIsTriedAtOnce) {
  open();
  const std::string text = numbered_text(20'000);
  EXPECT_EQ(stream->write(text), WriteStatus::accepted);
  EXPECT_EQ(read_all(peer.get()), text) << "before any turn";
  EXPECT_EQ(stream->write_owned(OwnedBytes{std::string{text}}), WriteStatus::accepted);
  EXPECT_EQ(read_all(peer.get()), text);
  const Bytes parts[] = {std::as_bytes(std::span{text}).first(10'000),
                         std::as_bytes(std::span{text}).subspan(10'000)};
  EXPECT_EQ(stream->write_parts(parts), WriteStatus::accepted);
  EXPECT_EQ(read_all(peer.get()), text);
  EXPECT_EQ(sent_since(), 3);
}

TEST_P(StreamOutput, PartsLeaveTogetherAndEmptyOnesAreNothing) {
  open();
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 200; ++i) texts.push_back(std::string(static_cast<std::size_t>(i % 7), 'a'));
  std::vector<Bytes> parts;
  for (const std::string& text : texts) {
    parts.push_back(std::as_bytes(std::span{text}));
    all += text;
  }
  EXPECT_EQ(stream->write_parts(parts), WriteStatus::accepted);
  run_turns(reactor, 1);
  EXPECT_EQ(sent_since(), 1);
  EXPECT_EQ(read_all(peer.get()), all);
  answer([&] { EXPECT_EQ(stream->write_parts(parts), WriteStatus::accepted); });
  EXPECT_EQ(sent_since(), 2);
  EXPECT_EQ(read_all(peer.get()), all);
  answer([&] {
    EXPECT_EQ(stream->write(Bytes{}), WriteStatus::accepted);
    EXPECT_EQ(stream->write_parts({}), WriteStatus::accepted);
    EXPECT_EQ(stream->write_owned({}), WriteStatus::accepted);
    EXPECT_EQ(stream->send_file(file_of(""), 0, 0), WriteStatus::accepted);
  });
  run_on();
  EXPECT_EQ(sent_since(), 2);
}

TEST_P(StreamOutput, OwnedBytesAreFreedExactlyOnceOnEveryPath) {
  Counted small{"small"};
  Counted large{numbered_text(50'000)};
  Counted stuck{numbered_text(50'000)};
  Counted refused{numbered_text(50'000)};
  open();
  stream->write_owned(small.lend());
  stream->write_owned(large.lend());
  run_on();
  EXPECT_EQ(small.freed, 1);
  EXPECT_EQ(large.freed, 1);
  EXPECT_EQ(read_all(peer.get()), small.text + large.text);
  fill();
  stream->write_owned(stuck.lend());
  run_on();
  EXPECT_EQ(stuck.freed, 0);
  stream->abort();
  EXPECT_EQ(stuck.freed, 1);
  stream->write_owned(refused.lend());
  EXPECT_EQ(refused.freed, 1) << "after the end";
  run_on();
  recorder = {};
  open();
  fill();
  stream->write_owned(stuck.lend());
  stream.reset();
  EXPECT_EQ(stuck.freed, 2) << "destroyed";
  recorder = {};
  open({.write_buffer_max = 10'000});
  fill();
  stream->write_owned(stuck.lend());
  EXPECT_EQ(stuck.freed, 3) << "too much";
  run_on();
  EXPECT_EQ(recorder.reason, CloseReason::overflow);
  recorder = {};
  open();
  fill();
  stream->write_owned(stuck.lend());
  peer.close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(stuck.freed, 4) << "the peer is gone";
}

TEST_P(StreamOutput, AFileGoesBetweenWhatIsWrittenBeforeAndAfter) {
  const std::string text = numbered_text(3'000'000);
  for (Pair (*const make)() : {&unix_pair, &tcp_pair}) {
    open(make());
    stream->write("before ");
    EXPECT_EQ(stream->send_file(file_of(text), 7, text.size() - 7), WriteStatus::accepted);
    stream->write(" between ");
    stream->send_file(file_of("tiny"), 1, 2);
    stream->write(" after");
    const std::string expected = "before " + text.substr(7) + " between in after";
    EXPECT_EQ(stream->unsent_bytes(), expected.size());
    EXPECT_EQ(read_by_peer(peer, expected.size()), expected);
    stream.reset();
  }
}

TEST_P(StreamOutput, AFileThatIsTooShortEndsTheStream) {
  open();
  stream->send_file(file_of("twelve bytes"), 0, 13);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::error);
  EXPECT_TRUE(recorder.error);
  EXPECT_EQ(read_to_end(peer), "twelve bytes");
}

TEST_P(StreamOutput, AFileThatCannotBeReadEndsTheStream) {
  open();
  stream->send_file(File{}, 0, 13);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.reason, CloseReason::error);
  EXPECT_EQ(recorder.error, std::errc::bad_file_descriptor);
}

TEST_P(StreamOutput, WhatThePeerDoesNotTakeWaitsAndComesWholeAndInOrder) {
  open();
  fill();
  const std::string text = numbered_text(1'000'000);
  for (std::size_t at = 0; at < text.size(); at += 777)
    stream->write(std::string_view{text}.substr(at, 777));
  run_on();
  EXPECT_EQ(stream->unsent_bytes(), text.size());
  EXPECT_LE(sent_since(), 12) << "blocked: once a turn at most, and that by mistake";
  EXPECT_EQ(read_after_filling(text.size()), text);
  EXPECT_EQ(stream->unsent_bytes(), 0u);
}

TEST_P(StreamOutput, OnWritableIsCalledOnceForEachTimeAboveTheMark) {
  open({.write_high_water = 100});
  for (int round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    fill();
    EXPECT_EQ(stream->write(std::string(99, 'x')), WriteStatus::accepted);
    EXPECT_EQ(stream->write("x"), WriteStatus::accepted) << "at the mark";
    EXPECT_EQ(stream->write("x"), WriteStatus::above_high_water) << "above";
    EXPECT_EQ(stream->write("x"), WriteStatus::above_high_water);
    run_on();
    EXPECT_EQ(recorder.writables, round - 1);
    EXPECT_EQ(read_after_filling(102).size(), 102u);
    run_on();
    EXPECT_EQ(recorder.writables, round);
    EXPECT_EQ(stream->unsent_bytes(), 0u);
  }
}

TEST_P(StreamOutput, OnWritableIsNotCalledBelowTheMark) {
  open({.write_high_water = 100});
  fill();
  EXPECT_EQ(stream->write(std::string(100, 'x')), WriteStatus::accepted);
  EXPECT_EQ(read_after_filling(100).size(), 100u);
  run_on();
  EXPECT_EQ(recorder.writables, 0);
}

TEST_P(StreamOutput, OnWritableIsCalledAtTheLowWaterMark) {
  struct Case {
    std::optional<std::size_t> low;
    std::size_t above;
    std::size_t at_most;
  };
  for (const auto& [low, above, at_most] : {
           Case{std::nullopt, 0, 750'000},  // a quarter
           Case{2'900'000, 750'000, 2'900'000},
           Case{5'000'000, 750'000, 3'000'000},  // no higher than the high-water mark
       }) {
    SCOPED_TRACE(at_most);
    recorder = {};
    open({.write_high_water = 3'000'000, .write_low_water = low});
    const std::string text = numbered_text(4'000'000);
    EXPECT_EQ(stream->write(text), WriteStatus::above_high_water);
    std::size_t waiting = 0;
    recorder.on_writable_then = [&](Stream& one) { waiting = one.unsent_bytes(); };
    EXPECT_EQ(read_by_peer(peer, text.size()), text);
    EXPECT_EQ(recorder.writables, 1);
    EXPECT_GT(waiting, above);
    EXPECT_LE(waiting, at_most);
    EXPECT_EQ(stream->write("x"), WriteStatus::accepted);
  }
}

TEST_P(StreamOutput, AStreamWhoseOutputIsFullReadsOnceATurn) {
  open({.write_high_water = 10, .input_per_turn_max = 1'000'000});
  fill();
  stream->write("queued");
  recorder.on_data_then = [](Stream& one, Bytes) { one.write("more than ten bytes"); };
  write_all(peer.get(), numbered_text(150'000));
  EXPECT_TRUE(runs_until([&] { return recorder.calls > 0; }));
  EXPECT_EQ(recorder.calls, 1) << "though there was more to read";
}

TEST_P(StreamOutput, AWriterThatWaitsForOnWritableSendsEverything) {
  open({.write_high_water = 10'000});
  const std::string text = numbered_text(2'000'000);
  std::size_t at = 0;
  const auto go_on = [&](Stream& one) {
    while (at < text.size()) {
      const auto piece = std::string_view{text}.substr(at, 3000);
      at += piece.size();
      if (one.write(piece) != WriteStatus::accepted) return;
    }
  };
  recorder.on_writable_then = go_on;
  go_on(*stream);
  EXPECT_LT(at, text.size());
  EXPECT_EQ(read_by_peer(peer, text.size()), text);
}

TEST_P(StreamOutput, WriteBufferMaxHoldsToTheByte) {
  for (const std::size_t size : {999u, 1000u, 1001u}) {
    SCOPED_TRACE(size);
    recorder = {};
    open({.write_buffer_max = 1000});
    fill();
    stream->write(std::string(500, 'x'));
    stream->write(std::string(size - 500, 'x'));
    run_on();
    EXPECT_EQ(recorder.closes, size > 1000 ? 1 : 0);
    EXPECT_EQ(stream->unsent_bytes(), size > 1000 ? 0 : size);
    if (size <= 1000) continue;
    EXPECT_EQ(recorder.reason, CloseReason::overflow);
    EXPECT_EQ(recorder.message, "overflow: write_buffer_max");
    EXPECT_EQ(stream->write("x"), WriteStatus::refused);
    EXPECT_FALSE(stream->is_writable());
  }
}

TEST_P(StreamOutput, APeerThatNeverReadsCostsNoMoreThanTheCap) {
  open(tcp_pair(), {.write_buffer_max = 100'000});
  const std::string block(3'000, 'x');
  int writes = 0;
  while (recorder.closes == 0 && writes < 100'000) {
    stream->write(block);
    EXPECT_LE(stream->unsent_bytes(), 100'000u);
    if (++writes % 20 == 0) run_turns(reactor, 1);
  }
  EXPECT_EQ(recorder.reason, CloseReason::overflow);
  peer.close();
}

TEST_P(StreamOutput, TheCapCountsWhatTheSystemDoesNotTake) {
  open({.write_buffer_max = 1'000'000});
  fill();
  EXPECT_GT(read_all(peer.get()).size(), 0u);
  const std::string text = numbered_text(1'000'000 + 50'000);
  stream->write_owned(OwnedBytes{std::string{text}});  // a part leaves at once
  EXPECT_EQ(read_by_peer(peer, text.size()), text);
  EXPECT_EQ(recorder.closes, 0);
}

}  // namespace
}  // namespace rondo::test
