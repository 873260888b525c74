// SPDX-License-Identifier: MIT
// rondo: what may stand between a stream and its descriptor, such as TLS. A program uses a layer
// that exists, by ServerOptions::secure, ConnectOptions::secure or Stream::upgrade(); this is for
// those who write one.
//
// A layer knows no descriptor and no reactor. It is called when it may go on, and each call does
// what is possible now. Its errors are those of the system's calls, or its own (see failure()).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/stream.h>
#include <rondo/time.h>

namespace rondo {

/// The connection below a layer, for the time of one call.
class LayerWire {
 public:
  /// As the system's call: the number of bytes, 0 at the end of the input, or -1 and errno.
  [[nodiscard]] virtual std::ptrdiff_t read(MutableBytes into) noexcept = 0;
  /// The same. What was not taken is written again when the wire takes more: the layer is called
  /// then.
  [[nodiscard]] virtual std::ptrdiff_t write(Bytes data) noexcept = 0;
  /// Shows the peer the end of the output, for a layer that has no sign of its own for that.
  virtual void shutdown() noexcept = 0;

 protected:
  ~LayerWire() = default;
};

/// The layer of one stream, which owns it. It is called on the thread of the stream's reactor,
/// never from inside a call of the stream's handler, and calls nothing but the wire.
class RONDO_EXPORT StreamLayer {
 public:
  /// How far shake_hands() has come.
  enum class Handshake : std::uint8_t {
    done,    ///< both sides are ready
    waits,   ///< it goes on when the wire has input, or takes output
    failed,  ///< see failure()
  };
  /// Why a layer has failed.
  struct Failure {
    CloseReason reason = CloseReason::error;  ///< what on_close gets
    std::string_view what{};                  ///< Close::what; lives as long as the layer
  };

  StreamLayer() = default;
  StreamLayer(const StreamLayer&) = delete;
  StreamLayer& operator=(const StreamLayer&) = delete;
  virtual ~StreamLayer();

  /// Whether shake_hands() has something to do before the wire has input.
  [[nodiscard]] virtual bool speaks_first() const noexcept { return true; }
  /// Takes the next steps until both sides are ready. Called first once the connection exists, or,
  /// if the layer does not speak first, has input; then when the wire has input or takes output,
  /// until it is `done` or has failed. Nothing else is
  /// called before it is done.
  [[nodiscard]] virtual Handshake shake_hands(LayerWire& wire) noexcept = 0;
  /// At least one plain byte, as many as are there and fit. 0: the peer has finished. -1 and
  /// EAGAIN: there is none before the wire has more, or takes more.
  [[nodiscard]] virtual std::ptrdiff_t read(LayerWire& wire, MutableBytes into) noexcept = 0;
  /// The number of plain bytes that the wire has taken, at least one, or -1 and errno. After EAGAIN
  /// the same bytes come again, perhaps at another address and followed by more. 0 ends the stream
  /// with EIO.
  [[nodiscard]] virtual std::ptrdiff_t write(LayerWire& wire, Bytes data) noexcept = 0;
  /// Shows the peer the end of the output. False: call it again when the wire takes more.
  [[nodiscard]] virtual bool finish(LayerWire& wire) noexcept = 0;
  /// Whether read() may return something although the wire has nothing new.
  [[nodiscard]] virtual bool has_input() const noexcept = 0;
  /// It has not been used for some seconds: it may give back memory that it needs for a message.
  virtual void rest() noexcept {}
  /// Why it has failed; null: it has not, and errno is the wire's.
  [[nodiscard]] virtual const Failure* failure() const noexcept = 0;
  /// How long the handshake may take, from when the connection exists.
  [[nodiscard]] virtual Duration handshake_timeout() const noexcept {
    return std::chrono::seconds{10};
  }
};

/// Makes the layers of the streams of a server, or of clients. It outlives those streams.
class RONDO_EXPORT StreamLayers {
 public:
  /// `host` is what a client wants to reach: a name or a numeric address, without its port; empty
  /// for a server's streams and for Unix sockets.
  [[nodiscard]] virtual Result<std::unique_ptr<StreamLayer>> make(std::string_view host) = 0;

 protected:
  StreamLayers() = default;
  StreamLayers(const StreamLayers&) = default;
  StreamLayers& operator=(const StreamLayers&) = default;
  ~StreamLayers() = default;
};

}  // namespace rondo
