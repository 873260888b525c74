// SPDX-License-Identifier: MIT
// What the tests of descriptors that pass through streams share.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/socket.h>
#include <rondo/stream.h>

#include "support/descriptors.h"
#include "support/stream_fixture.h"

namespace rondo::test {

/// Writes down what comes, with a mark where descriptors came, and keeps them.
struct Receiver final : StreamHandler {
  void on_data(Stream&, Bytes data) override {
    bytes += data.size();
    received += text_of(data);
  }
  void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors with) override {
    EXPECT_EQ(with.size, data.size());
    bytes += data.size();
    received += '[' + text_of(data) + ']';
    losses += with.lost ? 1 : 0;
    for (Socket& one : with.descriptors) descriptors.push_back(std::move(one));
    if (then) then(stream);
  }
  void on_close(Stream&, const Close& close) override {
    ++closes;
    reason = close.reason;
    error = close.error;
  }

  std::string received;
  std::size_t bytes = 0;
  std::vector<Socket> descriptors;
  int losses = 0;
  int closes = 0;
  CloseReason reason{};
  std::error_code error;
  std::function<void(Stream&)> then;
};

class DescriptorStreams : public StreamsOnEveryBackend {
 protected:
  std::unique_ptr<Stream> receiving(Fd fd, StreamHandler& handler) {
    return adopt(std::move(fd), handler, {.receive_descriptors = true});
  }
  /// The end of a pipe to write to, as something to pass. What is written there shows that it
  /// arrived.
  std::vector<Socket> passable(Pipe& pipe) {
    std::vector<Socket> descriptors;
    descriptors.emplace_back(net, pipe.writer.release());
    return descriptors;
  }
  std::vector<Socket> many(std::size_t count) {
    std::vector<Socket> descriptors;
    const Pipe pipe = make_pipe();
    while (descriptors.size() < count)
      descriptors.emplace_back(net, duplicate(pipe.writer.get()).release());
    return descriptors;
  }
  /// Whether the other end is closed.
  static bool is_closed(const Pipe& pipe) { return read_result(pipe.reader.get()) == 0; }

  StreamRecorder sender_calls;
  Receiver receiver;
};

}  // namespace rondo::test
