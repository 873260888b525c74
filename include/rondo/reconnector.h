// SPDX-License-Identifier: MIT
// rondo: a client that connects again.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <rondo/backoff.h>
#include <rondo/client.h>
#include <rondo/export.h>
#include <rondo/stream.h>
#include <rondo/time.h>
#include <rondo/timer.h>

namespace rondo {

/// `Reconnector{reactor, "example.org:7000", handler, {.stable_after = 1min}}`
struct ReconnectOptions {
  ConnectOptions connect{};  ///< for each attempt
  BackoffOptions backoff{};  ///< the pauses between attempts
  /// The pauses grow until a connection has lasted this long; then they start small again. A peer
  /// that accepts and closes at once is so called less and less often.
  Duration stable_after = std::chrono::seconds{10};
};

/// A client that stays connected: whenever its stream has ended, or could not connect, it connects
/// again after a pause (see Backoff). `handler` outlives the Reconnector and is called for one
/// stream after the other; each stream ends with its own on_close. It keeps run() alive until
/// stop(). Destroying it, also inside one of its own callbacks, ends the stream without a call.
/// Destroy it before the reactor. Use it on the reactor's thread only.
///
///     rondo::Reconnector client{reactor, "example.org:7000", handler};
class RONDO_EXPORT Reconnector final : private StreamHandler {
 public:
  /// `target` as for connect().
  Reconnector(Reactor& reactor, std::string target, StreamHandler& handler,
              const ReconnectOptions& options = {});
  Reconnector(const Reconnector&) = delete;
  Reconnector& operator=(const Reconnector&) = delete;
  ~Reconnector();

  /// The current stream, which may still be connecting. Null during a pause and after the end.
  [[nodiscard]] Stream* stream() const noexcept;
  /// The number of connections that it has made.
  [[nodiscard]] std::uint64_t connects() const noexcept;
  /// Closes the current stream, and does not connect again.
  void stop();

 private:
  void on_open(Stream& stream) override;
  void on_data(Stream& stream, Bytes data) override { handler_.on_data(stream, data); }
  void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received) override {
    handler_.on_descriptors(stream, data, std::move(received));
  }
  void on_end(Stream& stream) override { handler_.on_end(stream); }
  void on_resume(Stream& stream) override { handler_.on_resume(stream); }
  void on_writable(Stream& stream) override { handler_.on_writable(stream); }
  void on_close(Stream& stream, const Close& why) override;
  void begin();
  void pause();

  Reactor& reactor_;
  const std::string target_;
  StreamHandler& handler_;
  const ConnectOptions options_;
  Backoff backoff_;
  const Duration stable_after_;
  Timer pause_;
  std::unique_ptr<Stream> stream_;
  TimePoint opened_at_ = never;  // never: the current stream has not connected
  std::uint64_t connects_ = 0;
  bool ended_ = false;  // the current stream has called on_close
  bool stopped_ = false;
};

}  // namespace rondo
