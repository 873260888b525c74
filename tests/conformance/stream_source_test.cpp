// SPDX-License-Identifier: MIT
// Files that the system's sendfile refuses: they are read and written instead.
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

class StreamSources : public StreamsOnEveryBackend {
 protected:
  void open() {
    Pair pair = unix_pair();
    peer = std::move(pair.theirs);
    stream = adopt(std::move(pair.ours), recorder);
  }
  /// A pipe of the system, which may block.
  void make_source() {
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    source = File{fds[0]};
    feeder = Fd{fds[1]};
  }
  void feed(std::string_view text) const {
    ASSERT_EQ(::write(feeder.get(), text.data(), text.size()), std::ssize(text));
  }

  StreamRecorder recorder;
  Fd peer;
  File source;
  Fd feeder;
  std::unique_ptr<Stream> stream;
};
RONDO_ON_EVERY_BACKEND(StreamSources);

TEST_P(StreamSources, MayBeFilesOfProc) {
  RONDO_NEEDS(files);
  open();
  for (const char* const path : {"/proc/self/status", "/proc/self/cmdline", "/proc/cpuinfo"}) {
    auto file = File::open(path);
    if (!file) continue;
    stream->send_file(std::move(*file), 0, to_end_of_file);
  }
  stream->write("the end");
  stream->shutdown_output();
  const std::string all = read_to_end(peer);
  EXPECT_TRUE(all.starts_with("Name:")) << all.substr(0, 100);
  EXPECT_TRUE(all.ends_with("the end"));
  EXPECT_EQ(recorder.closes, 0) << recorder.message;
}

TEST_P(StreamSources, MayBeAPipe) {
  RONDO_NEEDS(files);
  for (const std::uint64_t size : {std::uint64_t{11}, to_end_of_file}) {
    open();
    make_source();
    feed("from a pipe");
    feeder.close();
    stream->write("before ");
    stream->send_file(std::move(source), 0, size);
    stream->write(" after");
    EXPECT_EQ(read_by_peer(peer, 24), "before from a pipe after");
    EXPECT_EQ(recorder.closes, 0) << recorder.message;
  }
}

TEST_P(StreamSources, AreAwaitedWithoutBlocking) {
  RONDO_NEEDS(files);
  open();
  make_source();
  stream->send_file(std::move(source), 0, to_end_of_file);
  stream->write("after");
  run_on();
  EXPECT_EQ(read_all(peer.get()), "");
  for (const std::string_view piece : {"one ", "two "}) {
    feed(piece);
    EXPECT_EQ(read_by_peer(peer, piece.size()), piece);
    run_on();
  }
  const int waits = spy.waits;
  run_on();
  EXPECT_LE(spy.waits - waits, 20) << "it does not spin";
  feeder.close();
  EXPECT_EQ(read_by_peer(peer, 5), "after");
}

TEST_P(StreamSources, ThatWaitEndWithTheirStream) {
  RONDO_NEEDS(files);
  for (const int how : {0, 1, 2}) {
    open();
    make_source();
    stream->send_file(std::move(source), 0, to_end_of_file);
    run_on();
    if (how == 0) stream.reset();
    if (how == 1) stream->abort();
    if (how == 2) stream->close(Duration::zero());
    run_on();
    stream.reset();
    recorder = {};
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(StreamSources, OfAPipeBeginAtItsBeginning) {
  RONDO_NEEDS(files);
  open();
  make_source();
  feed("from a pipe");
  stream->send_file(std::move(source), 5, 2);
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_EQ(recorder.error, std::errc::invalid_seek);
}

}  // namespace
}  // namespace rondo::test
