// SPDX-License-Identifier: MIT
// The deadlines of a stream with a layer, and when the layer rests.
#include <cerrno>
#include <chrono>
#include <vector>

#include "support/framed_layer.h"
#include "support/stream_deadlines.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class LayerDeadlines : public StreamDeadlines {
 protected:
  void open(const StreamOptions& options) {
    StreamDeadlines::open(options);
    ASSERT_TRUE(stream->upgrade(layers, {}, {}));
  }
  FramedLayers layers;
};

TEST_F(LayerDeadlines, ReadCountsFromTheEndOfTheHandshakeOfALayer) {
  open({.read_timeout = 5s});
  at(4s, [this] { say(FramedLayer::greeting); });
  expect_end(9s, "read timeout");
}

TEST_F(LayerDeadlines, LetALayerRestOnceAfterEachUse) {
  open({.lifetime = 60s});
  FramedLayer::rests = 0;
  std::vector<int> seen;
  const auto look = [&] { seen.push_back(FramedLayer::rests); };
  at(1s, [this] { say(FramedLayer::greeting); });
  at(4s, look);
  at(6s, look);
  at(20s, look);
  at(30s, [this] { stream->write("used"); });
  at(33s, look);
  at(35s, look);
  expect_end(60s, "lifetime");
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 1, 1, 2}));
}

TEST_F(LayerDeadlines, CloseCountsForTheEndOfALayer) {
  open({.close_timeout = 7s});
  say(FramedLayer::greeting);
  at(1s, [this] {
    fill_until_full(stream->fd());
    stream->close();  // nothing is queued, and the end does not fit
  });
  expect_end(8s, "close timeout");
}

/// If the stream still waited for room, each turn would find it, and time would not pass.
TEST_F(LayerDeadlines, PassAfterALayerHasWaitedForRoomForItsEnd) {
  open({.lifetime = 60s});
  say(FramedLayer::greeting);
  at(1s, [this] {
    net.fail("write", EAGAIN);
    stream->shutdown_output();
  });
  for (int i = 0; i < 100 && recorder.closes == 0; ++i) EXPECT_TRUE(reactor->run_once());
  EXPECT_EQ(recorder.what, "lifetime");
  EXPECT_EQ(read_all(pair.theirs.get()).size(), FramedLayer::greeting.size() + 2);
}

}  // namespace
}  // namespace rondo::test
