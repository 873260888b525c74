// rondo: a client that comes back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <rondo/backoff.h>
#include <rondo/client.h>
#include <rondo/export.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

namespace rondo {

struct ReconnectOptions {
  ConnectOptions connect{};
  BackoffOptions backoff{};
};

/// Connects, and connects again whenever the stream has ended, or did not come about, after a pause
/// that grows until somebody answers. `handler` is called for one stream after the other: each
/// ends with its own on_close. Keeps run() alive until stop(). Destroying it ends it without a
/// call, but not from inside a callback of its own: stop() there. `handler` outlives it. Thread:
/// the reactor's.
class RONDO_EXPORT Reconnector final : private StreamHandler {
 public:
  /// `target` as for connect().
  Reconnector(Reactor& reactor, std::string target, StreamHandler& handler,
              const ReconnectOptions& options = {});
  Reconnector(const Reconnector&) = delete;
  Reconnector& operator=(const Reconnector&) = delete;
  ~Reconnector();

  /// The stream of now, which may be connecting; null during a pause and after the end.
  [[nodiscard]] Stream* stream() const noexcept { return ended_ ? nullptr : stream_.get(); }
  /// How often it has connected.
  [[nodiscard]] std::uint64_t connects() const noexcept { return connects_; }
  /// Closes the stream of now, and does not come back.
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

  Reactor& reactor_;
  const std::string target_;
  StreamHandler& handler_;
  const ConnectOptions options_;
  Backoff backoff_;
  Timer pause_;
  std::unique_ptr<Stream> stream_;
  std::uint64_t connects_ = 0;
  bool ended_ = false;  // the stream of now, which has told so
  bool stopped_ = false;
};

}  // namespace rondo
