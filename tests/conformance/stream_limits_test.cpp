// SPDX-License-Identifier: MIT
// The limits of what is queued: a stream is not ended for output that its peer takes, and files and
// descriptors count as bytes do.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/descriptor_streams.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

constexpr std::size_t cap = std::size_t{64} << 10U;

class StreamLimits : public DescriptorStreams {
 protected:
  void open(const StreamOptions& options) {
    Pair pair = unix_pair();
    peer = std::move(pair.theirs);
    recorder = {};
    stream = adopt(std::move(pair.ours), recorder, options);
    run_on();
  }
  /// Has this done inside on_data, or outside of all calls.
  void perform(bool is_corked, std::function<void()> with) {
    if (!is_corked) return with();
    recorder.on_data_then = [with = std::move(with)](Stream&, Bytes) { with(); };
    write_all(peer.get(), "?");
    EXPECT_TRUE(runs_until([&] { return recorder.calls == 1; }));
  }
  static File file_of(std::string_view text) {
    const TemporaryFile file{text};
    return File::open(file.path()).value();
  }

  StreamRecorder recorder;
  Fd peer;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(StreamLimits);

TEST_P(StreamLimits, ABurstIntoAnEmptyPeerIsOfferedBeforeTheStreamEnds) {
  const std::string text = numbered_text(1024);
  const Bytes bytes = std::as_bytes(std::span{text});
  const std::function<WriteStatus()> kinds[] = {
      [&] { return stream->write(text); },
      [&] { return stream->write_parts(std::vector<Bytes>{bytes.first(10), bytes.subspan(10)}); },
      [&] { return stream->write_owned(OwnedBytes{std::string{text}}); },
      [&] {
        const WriteStatus first = stream->send_file(file_of("f"), 0, 1);
        return first == WriteStatus::refused ? first : stream->write(text.substr(1));
      },
  };
  for (const bool is_corked : {false, true}) {
    for (const auto& write : kinds) {
      SCOPED_TRACE(testing::Message() << is_corked << ' ' << &write - kinds);
      open({.write_buffer_max = cap});
      perform(is_corked, [&] {
        for (int i = 0; i < 80; ++i) ASSERT_NE(write(), WriteStatus::refused) << i;
      });
      EXPECT_EQ(read_by_peer(peer, 80 * text.size()).size(), 80 * text.size());
      EXPECT_EQ(recorder.closes, 0);
      stream.reset();
    }
  }
}

TEST_P(StreamLimits, APeerThatHasReadInTheMeantimeIsOfferedMore) {
  open({.write_buffer_max = cap});
  fill_until_full(stream->fd());
  stream->write(std::string(cap, 'x'));  // the system is known to be full
  EXPECT_GT(read_all(peer.get()).size(), 0u);
  EXPECT_NE(stream->write("one more"), WriteStatus::refused);
  EXPECT_EQ(read_by_peer(peer, cap + 8), std::string(cap, 'x') + "one more");
}

TEST_P(StreamLimits, DescriptorsAreOfferedToo) {
  open({.write_descriptors_max = 5});
  const int turns = 40;
  for (int i = 0; i < turns; ++i) ASSERT_NE(stream->write("x", many(1)), WriteStatus::refused) << i;
  EXPECT_EQ(read_by_peer(peer, turns), std::string(turns, 'x'));
}

TEST_P(StreamLimits, FilesThatWaitCountForTheMarksAndForTheLimit) {
  open({.write_descriptors_max = 16});
  fill_until_full(stream->fd());
  for (int i = 1; i <= 17; ++i) {
    const WriteStatus status = stream->send_file(file_of("f"), 0, 1);
    const WriteStatus expected = i <= 4    ? WriteStatus::accepted
                                 : i <= 16 ? WriteStatus::above_high_water
                                           : WriteStatus::refused;
    EXPECT_EQ(status, expected) << i;
  }
  run_on();
  EXPECT_EQ(recorder.reason, CloseReason::overflow);
  EXPECT_EQ(recorder.message, "overflow: write_descriptors_max");
}

TEST_P(StreamLimits, FilesThatHaveLeftMakeItWritableAgain) {
  open({.write_descriptors_max = 16});
  const std::size_t filled = fill_until_full(stream->fd());
  for (int i = 0; i < 5; ++i) stream->send_file(file_of("f"), 0, 1);
  run_on();
  EXPECT_EQ(recorder.writables, 0);
  EXPECT_EQ(read_by_peer(peer, filled + 5).substr(filled), "fffff");
  EXPECT_TRUE(runs_until([&] { return recorder.writables == 1; }));
}

TEST_P(StreamLimits, NothingIsReadWhileManyFilesWait) {
  open({.pause_reading_when_full = true, .write_descriptors_max = 16});
  const std::size_t filled = fill_until_full(stream->fd());
  for (int i = 0; i < 5; ++i) stream->send_file(file_of("f"), 0, 1);
  write_all(peer.get(), "another request");
  run_on();
  EXPECT_EQ(recorder.received, "");
  EXPECT_EQ(read_by_peer(peer, filled + 5).size(), filled + 5);
  EXPECT_TRUE(runs_until([&] { return recorder.received == "another request"; }));
}

TEST_P(StreamLimits, SizesBeyondAllFilesDoNotWrap) {
  for (const std::uint64_t size : {UINT64_MAX - 1, std::uint64_t{1} << 63U}) {
    open({});
    fill_until_full(stream->fd());
    stream->send_file(file_of("short"), 0, size);
    stream->send_file(file_of("short"), 0, size);
    stream->write("after it");
    EXPECT_EQ(stream->unsent_bytes(), SIZE_MAX);
    read_all(peer.get());
    EXPECT_TRUE(runs_until([&] {
      read_all(peer.get());
      return recorder.closes == 1;
    }));
    EXPECT_EQ(recorder.reason, CloseReason::error) << "the file is shorter";
    stream.reset();
  }
}

TEST_P(StreamLimits, AFileIsSentToItsEnd) {
  open({});
  const std::string text = numbered_text(2'000'000);
  EXPECT_EQ(stream->send_file(file_of(text), 10, to_end_of_file), WriteStatus::accepted);
  EXPECT_EQ(stream->unsent_bytes(), SIZE_MAX);
  stream->send_file(file_of(""), 0, to_end_of_file);
  stream->write(" after it");
  const std::string expected = text.substr(10) + " after it";
  EXPECT_EQ(read_by_peer(peer, expected.size()), expected);
  EXPECT_EQ(stream->unsent_bytes(), 0u);
  EXPECT_EQ(recorder.closes, 0);
}

}  // namespace
}  // namespace rondo::test
