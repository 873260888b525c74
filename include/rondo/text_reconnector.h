// SPDX-License-Identifier: MIT
// rondo: a client that speaks in text and connects again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <rondo/export.h>
#include <rondo/reconnector.h>
#include <rondo/text_stream.h>

namespace rondo {

/// A Reconnector whose connections speak in text. Each has a TextStream of its own, so no half of a
/// line or of a character, no error and no pause passes from one connection to the next; what must
/// reach the server is written again in on_open. `handler` outlives it. See Reconnector for when it
/// connects, for what keeps run() alive, and for what destroying it does.
class RONDO_EXPORT TextReconnector final : private StreamHandler {
 public:
  /// `target` as for connect().
  TextReconnector(Reactor& reactor, std::string target, TextHandler& handler,
                  const TextOptions& options = {}, const ReconnectOptions& reconnect = {});
  TextReconnector(const TextReconnector&) = delete;
  TextReconnector& operator=(const TextReconnector&) = delete;
  ~TextReconnector();

  /// The text of the current connection, from on_open until on_close; null otherwise. The handler
  /// can read what is left in on_close.
  [[nodiscard]] TextStream* text() noexcept;
  /// How often it has connected.
  [[nodiscard]] std::uint64_t connects() const noexcept { return reconnector_.connects(); }
  /// Closes the current connection, and does not connect again.
  void stop() { reconnector_.stop(); }

 private:
  void on_open(Stream& stream) override { text_of(stream).on_open(stream); }
  void on_data(Stream& stream, Bytes data) override { text_of(stream).on_data(stream, data); }
  void on_end(Stream& stream) override { text_of(stream).on_end(stream); }
  void on_resume(Stream& stream) override { text_of(stream).on_resume(stream); }
  void on_writable(Stream& stream) override { text_of(stream).on_writable(stream); }
  void on_close(Stream& stream, const Close& why) override {
    text_of(stream).on_close(stream, why);
  }
  StreamHandler& text_of(Stream& stream);

  Reactor& reactor_;
  TextHandler& handler_;
  const TextOptions options_;
  std::optional<TextStream> text_;  // for the current connection, otherwise for the last
  Reconnector reconnector_;
};

}  // namespace rondo
