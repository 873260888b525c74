// SPDX-License-Identifier: MIT
// The parts of scenarios: an echo session, and a client that sends a text and receives it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include <rondo/rondo.h>

#include "inject/stage.h"

namespace rondo::test {

using namespace std::chrono_literals;

struct Echo final : Session {
  void on_data(Stream& client, Bytes data) override { client.write(data); }
};

/// Long enough for everything except a failure.
inline const StreamOptions patient{.idle_timeout = 5s, .close_timeout = 2s};

inline std::string_view text_of(Bytes data) noexcept {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Receives a number of bytes, then shuts its output down. Reports how the stream ended.
class Listener : public StreamHandler {
 public:
  Listener(Stage& stage, std::string_view name, std::size_t awaited) noexcept
      : closed(stage, name), stage_(stage), awaited_(awaited) {}

  virtual ~Listener() = default;

  void on_data(Stream& stream, Bytes data) override {
    heard += data.size();
    if (heard == awaited_) stream.shutdown_output();
  }
  void on_close(Stream&, const Close& why) override {
    closed.end();
    reason = why.reason;
    is_content = heard == awaited_ && (why.reason == CloseReason::eof || why.reason == wanted);
    if (!is_content) stage_.report(why);
    if (then) then();
  }
  [[nodiscard]] Stage& stage() noexcept { return stage_; }

  Once closed;
  Function<void()> then;
  std::size_t heard = 0;
  CloseReason wanted = CloseReason::eof;
  CloseReason reason = CloseReason::error;
  bool is_content = false;

 private:
  Stage& stage_;
  std::size_t awaited_;
};

/// Sends a text, and shuts its output down when it has come back.
class Speaker final : public Listener {
 public:
  Speaker(Stage& stage, std::string_view words) noexcept
      : Listener(stage, "the client's stream", words.size()), words_(words) {}

  void on_open(Stream& stream) override { stream.write(words_); }
  void on_data(Stream& stream, Bytes data) override {
    if (words_.substr(heard).substr(0, data.size()) != text_of(data))
      stage().fault("what comes back is not what was said");
    Listener::on_data(stream, data);
  }

 private:
  std::string_view words_;
};

/// A client and its stream.
struct Client {
  Client(Stage& stage, std::string_view words) noexcept : handler(stage, words) {}
  void connect(Stage& stage, std::string_view target, const ConnectOptions& options) {
    stream = rondo::connect(stage.reactor(), target, handler, options);
    handler.closed.begin();
  }
  [[nodiscard]] bool is_content() const noexcept { return handler.is_content; }

  Speaker handler;
  std::unique_ptr<Stream> stream;
};

/// Two streams that are connected to each other.
struct Streams {
  /// False: the failure was reported.
  [[nodiscard]] bool open(Stage& stage, Listener& left_handler, Listener& right_handler,
                          const StreamOptions& options = patient) {
    auto ends = Socket::pair(stage.net(), SocketType::stream);
    if (!ends) return stage.report(ends.error()), false;
    auto made_left = Stream::adopt(stage.reactor(), std::move((*ends)[0]), left_handler, options);
    if (!made_left) return stage.report(made_left.error()), false;
    left = std::move(*made_left);
    left_handler.closed.begin();
    auto made_right = Stream::adopt(stage.reactor(), std::move((*ends)[1]), right_handler, options);
    if (!made_right) return stage.report(made_right.error()), left->abort(), stage.run(), false;
    right = std::move(*made_right);
    right_handler.closed.begin();
    return true;
  }

  std::unique_ptr<Stream> left;
  std::unique_ptr<Stream> right;
};

}  // namespace rondo::test
