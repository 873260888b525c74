// SPDX-License-Identifier: MIT
// What the tests of streams share: a handler that records its calls, and a reactor on
// each backend whose socket calls are counted and can fail.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/stream.h>

#include "support/descriptors.h"
#include "support/failing_net.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/text_of.h"

namespace rondo::test {

/// A text in which a byte that is lost, doubled or out of its place is seen.
inline std::string numbered_text(std::size_t size) {
  std::string text;
  text.reserve(size + 24);
  for (std::size_t i = 0; text.size() < size; ++i) {
    std::array<char, 24> number{};
    char* const end = std::to_chars(number.begin(), number.end(), i).ptr;
    *end = ',';
    text.append(number.data(), end + 1);
  }
  text.resize(size);
  return text;
}

/// How often a stream asked the system to send.
inline int sends(const FailingNet& net) {
  return net.calls("write") + net.calls("writev") + net.calls("write_file");
}

/// Writes down every call, and then does what the test wants.
struct StreamRecorder final : StreamHandler {
  void on_open(Stream& stream) override {
    const Call call{*this};
    ++opens;
    if (const auto then = on_open_then) then(stream);
  }
  void on_data(Stream& stream, Bytes data) override {
    const Call call{*this};
    EXPECT_FALSE(data.empty());
    EXPECT_EQ(ends, 0) << "data after the end";
    ++calls;
    received += text_of(data);
    if (const auto then = on_data_then) then(stream, data);
  }
  void on_end(Stream& stream) override {
    const Call call{*this};
    ++ends;
    if (const auto then = on_end_then) {
      then(stream);
    } else {
      StreamHandler::on_end(stream);
    }
  }
  void on_writable(Stream& stream) override {
    const Call call{*this};
    ++writables;
    if (const auto then = on_writable_then) then(stream);
  }
  void on_close(Stream& stream, const Close& close) override {
    const Call call{*this};
    ++closes;
    reason = close.reason;
    error = close.error;
    what = close.what;
    message = close.message();
    if (const auto then = on_close_then) then(stream);
  }

  int opens = 0;
  int calls = 0;
  int ends = 0;
  int writables = 0;
  int closes = 0;
  std::string received;
  CloseReason reason{};
  std::error_code error;
  std::string what;
  std::string message;
  std::function<void(Stream&)> on_open_then;
  std::function<void(Stream&, Bytes)> on_data_then;
  std::function<void(Stream&)> on_end_then;
  std::function<void(Stream&)> on_writable_then;
  std::function<void(Stream&)> on_close_then;

 private:
  /// Never two at once, never after the last.
  struct Call {
    explicit Call(StreamRecorder& recorder) : here(recorder) {
      EXPECT_EQ(here.closes, 0) << "a call after on_close";
      EXPECT_EQ(here.running++, 0) << "two calls at once";
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { --here.running; }
    StreamRecorder& here;
  };
  int running = 0;
};

class StreamsOnEveryBackend : public ReactorOnEveryBackend {
 protected:
  StreamsOnEveryBackend() { spy.use_net(&net); }

  std::unique_ptr<Stream> adopt(Fd fd, StreamHandler& handler, const StreamOptions& options = {}) {
    return Stream::adopt(reactor, Socket{net, fd.release()}, handler, options).value();
  }
  template <typename Done>
  [[nodiscard]] bool runs_until(Done done) {
    return run_until(reactor, std::move(done));
  }
  /// Long enough for all that is under way to arrive.
  void run_on() { run_turns(reactor, 10); }
  /// What the peer gets until `size` bytes have come, or the end.
  std::string read_by_peer(const Fd& peer, std::size_t size) {
    std::string text;
    EXPECT_TRUE(runs_until([&] {
      text += read_all(peer.get());
      return text.size() >= size;
    }));
    return text;
  }
  /// What the peer gets until the end of input.
  std::string read_to_end(const Fd& peer) {
    std::string text;
    EXPECT_TRUE(runs_until([&] {
      text += read_all(peer.get());
      const long result = read_result(peer.get());
      EXPECT_TRUE(result == 0 || result == -EAGAIN) << result;
      return result != -EAGAIN;
    }));
    return text;
  }

  FailingNet net{spy.inner().net()};
};

}  // namespace rondo::test
