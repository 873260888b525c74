// SPDX-License-Identifier: MIT
// One connection's TLS. OpenSSL reads and writes through a BIO that is the wire of the call that is
// running, without a buffer between the two. All connections of an owner share that BIO.
//
// An idle connection is to need little memory, and a busy one no instruction for that:
//
//   new    OpenSSL frees its two buffers of 16 KiB after each record
//   busy   after some messages it keeps them
//   idle   rest() frees them, and the connection is as new
#pragma once

#include <rondo/stream_layer.h>
#include <rondo/tls.h>

#include <memory>
#include <string>
#include <utility>

#include "openssl.h"

namespace rondo::tls {

class Layer;

/// What the layers of one server, or of one client, have in common.
class LayerOwner {
 public:
  /// For a new connection. Throws std::bad_alloc.
  [[nodiscard]] virtual Owned<SSL> make_ssl() = 0;
  virtual void handshake_is_done(SSL& ssl) noexcept = 0;
  virtual void handshake_has_failed() noexcept = 0;

  bool accepts_truncation = false;
  Duration handshake_timeout{};
  Owned<BIO> wire;           // made by the first layer that needs it
  Layer* running = nullptr;  // the layer that `wire` belongs to, during a call

 protected:
  ~LayerOwner() = default;
};

class Layer final : public StreamLayer {
 public:
  /// For a client, whose handshake it begins. `host` is what the certificate must be for.
  Layer(std::shared_ptr<LayerOwner> owner, Owned<SSL> ssl, std::string host);
  /// For a server: it makes its SSL object when the peer begins, so that a silent peer costs
  /// little.
  explicit Layer(std::shared_ptr<LayerOwner> owner) noexcept
      : owner_(std::move(owner)), is_client_(false) {}
  ~Layer() override;

  [[nodiscard]] bool speaks_first() const noexcept override { return is_client_; }
  [[nodiscard]] Handshake shake_hands(LayerWire& wire) noexcept override;
  [[nodiscard]] std::ptrdiff_t read(LayerWire& wire, MutableBytes into) noexcept override;
  [[nodiscard]] std::ptrdiff_t write(LayerWire& wire, Bytes data) noexcept override;
  [[nodiscard]] bool finish(LayerWire& wire) noexcept override;
  [[nodiscard]] bool has_input() const noexcept override;
  void rest() noexcept override;
  [[nodiscard]] const Failure* failure() const noexcept override {
    return failure_.what.empty() ? nullptr : &failure_;
  }
  [[nodiscard]] Duration handshake_timeout() const noexcept override {
    return owner_->handshake_timeout;
  }

  /// Null before the handshake is done.
  [[nodiscard]] SSL* ssl() const noexcept { return is_open_ ? ssl_.get() : nullptr; }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }

  [[nodiscard]] LayerOwner& owner() const noexcept { return *owner_; }
  /// Called for each certificate of a peer: notes what is wrong with it, while that is known.
  static int note_verification(int is_right, X509_STORE_CTX* store);
  /// The layer that an SSL object belongs to, during a call.
  [[nodiscard]] static Layer& of(const SSL& ssl) noexcept;

 private:
  friend class WireBio;
  class Call;

  // Reads and writes, so half as many messages and answers. To free the buffers takes about 1,000
  // instructions for both, a handshake two millions.
  static constexpr std::uint8_t uses_when_new = 32;

  void adopt(Owned<SSL> ssl);
  void become_open() noexcept;
  void count_use() noexcept;
  /// -1 and errno, or the peer's end; `result` is what a call of OpenSSL returned.
  [[nodiscard]] std::ptrdiff_t stopped(int result) noexcept;
  [[nodiscard]] std::ptrdiff_t waits(int why) noexcept;
  void fail() noexcept;
  void set_failure(CloseReason reason, std::string_view text) noexcept;

  const std::shared_ptr<LayerOwner> owner_;
  const bool is_client_;
  Owned<SSL> ssl_;
  LayerWire* wire_ = nullptr;  // during a call
  std::string host_;
  std::string text_;  // what failure_ refers to; before, what is wrong with the peer's certificate
  Failure failure_;
  int wire_error_ = 0;        // errno of the last call of the wire; 0: it was its end
  bool wire_is_dry_ = false;  // in this call
  bool wire_has_ended_ = false;
  bool is_open_ = false;  // the handshake is done
  bool waits_to_write_ = false;
  bool has_more_ = false;        // OpenSSL may hold input
  std::uint8_t small_left_ = 4;  // records that are still small
  std::uint8_t uses_until_busy_ = uses_when_new;
};

}  // namespace rondo::tls
