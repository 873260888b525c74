// SPDX-License-Identifier: MIT
#include "layer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "failure.h"

namespace rondo::tls {
namespace {

constexpr std::string_view prefix = "tls: ";
constexpr std::string_view truncated = "the peer left without an end";
constexpr std::string_view truncated_early = "the peer left in the handshake";
// The peer can use a record once all of it has arrived. So the first ones fit in a segment.
constexpr std::size_t small_record = 1'350;

/// OpenSSL keeps the keys of a key exchange, the private one included, as long as a connection of
/// TLS 1.3, though they are of no more use: 430 bytes with X25519, 3,900 with P-256.
void empty_exchange_keys(SSL& ssl) noexcept {
  for (const int which : {SSL_CTRL_GET_TMP_KEY, SSL_CTRL_GET_PEER_TMP_KEY}) {
    EVP_PKEY* key = nullptr;
    if (SSL_ctrl(&ssl, which, 0, static_cast<void*>(&key)) != 1) continue;
    const Owned<EVP_PKEY> shared{key};  // with `ssl`
    // What it contains is freed, whatever its type was.
    if (EVP_PKEY_set_type(key, EVP_PKEY_X25519) != 1) ERR_clear_error();
  }
}

bool is_transient(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

/// The wire, as OpenSSL sees it: that of the layer whose call is running.
class WireBio {
 public:
  [[nodiscard]] static Owned<BIO> make(LayerOwner& owner) {
    const BIO_METHOD* const how = method();
    Owned<BIO> bio = own(how == nullptr ? nullptr : BIO_new(how));
    BIO_set_data(bio.get(), &owner);
    BIO_set_init(bio.get(), 1);
    return bio;
  }
  [[nodiscard]] static Layer& layer_of(BIO* bio) noexcept {
    return *static_cast<LayerOwner*>(BIO_get_data(bio))->running;
  }

 private:
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const one = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      if (one == nullptr) return one;
      BIO_meth_set_read(one, &WireBio::read);
      BIO_meth_set_write(one, &WireBio::write);
      BIO_meth_set_ctrl(one, &WireBio::control);
      return one;
    }();
    return made;
  }
  /// What the wire's call returned, noted for the layer. No flags are set when a call of the layer
  /// begins: see stopped().
  static int note(BIO* bio, Layer& layer, std::ptrdiff_t result, int retry) {
    layer.wire_error_ = result < 0 ? errno : 0;
    if (result > 0) return static_cast<int>(result);
    BIO_clear_retry_flags(bio);
    if (result < 0 && is_transient(layer.wire_error_))
      BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return static_cast<int>(result);
  }
  static long control(BIO* bio, int what, long, void*) {
    if (what == BIO_CTRL_FLUSH) return 1;
    return what == BIO_CTRL_EOF && layer_of(bio).wire_has_ended_ ? 1 : 0;
  }
  static int read(BIO* bio, char* into, int size) {
    Layer& layer = layer_of(bio);
    const MutableBytes room{reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(size)};
    const std::ptrdiff_t got = layer.wire_->read(room);
    layer.wire_has_ended_ = got == 0;
    layer.wire_is_dry_ = got < 0;
    return note(bio, layer, got, BIO_FLAGS_READ);
  }
  static int write(BIO* bio, const char* data, int size) {
    Layer& layer = layer_of(bio);
    const Bytes bytes{reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(size)};
    return note(bio, layer, layer.wire_->write(bytes), BIO_FLAGS_WRITE);
  }
};

/// OpenSSL has one queue of errors for each thread, which belongs to the call that is running. A
/// call that has succeeded leaves none, and stopped() clears what it has looked at.
class Layer::Call {
 public:
  Call(Layer& layer, LayerWire& wire) noexcept : owner_(layer.owner()), outer_(owner_.running) {
    owner_.running = &layer;
    layer.wire_ = &wire;
    layer.wire_error_ = 0;
    layer.wire_is_dry_ = false;
    // It is nearly always empty: to clear it all the same takes 760 instructions, a look 200.
    if (ERR_peek_error() != 0) ERR_clear_error();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { owner_.running = outer_; }

 private:
  LayerOwner& owner_;
  Layer* const outer_;  // while a user's clock runs, it may write to another stream
};

Layer& Layer::of(const SSL& ssl) noexcept { return WireBio::layer_of(SSL_get_rbio(&ssl)); }

Layer::Layer(std::shared_ptr<LayerOwner> owner, Owned<SSL> ssl, std::string host)
    : owner_(std::move(owner)), is_client_(true), host_(std::move(host)) {
  adopt(std::move(ssl));
  SSL_set_connect_state(ssl_.get());
}

int Layer::note_verification(int is_right, X509_STORE_CTX* store) {
  if (is_right == 1) return is_right;
  const auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  Layer& layer = of(*ssl);
  ERR_set_mark();  // what a damaged certificate adds is of no interest
  try {
    layer.text_ = verification_text(*store, layer.host_);
  } catch (const std::bad_alloc&) {
    layer.text_.clear();
  }
  ERR_pop_to_mark();
  return is_right;
}

/// A session can be resumed only if its connection looks as if it has ended in order.
Layer::~Layer() {
  if (ssl_ == nullptr) return;
  if (is_open_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  ERR_clear_error();
}

void Layer::adopt(Owned<SSL> ssl) {
  if (owner_->wire == nullptr) owner_->wire = WireBio::make(*owner_);
  BIO* const bio = owner_->wire.get();
  demand(BIO_up_ref(bio));
  SSL_set_bio(ssl.get(), bio, bio);
  ssl_ = std::move(ssl);
}

StreamLayer::Handshake Layer::shake_hands(LayerWire& wire) noexcept {
  const Call call{*this, wire};
  try {
    if (ssl_ == nullptr) {
      adopt(owner_->make_ssl());
      SSL_set_accept_state(ssl_.get());
    }
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return Handshake::failed;
  } catch (...) {  // the user's clock has thrown
    set_failure(CloseReason::error, "the clock has thrown an exception");
    return Handshake::failed;
  }
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    become_open();
    return Handshake::done;
  }
  if (stopped(result) == 0) {  // a notice of the end
    set_failure(CloseReason::truncated, truncated_early);
    errno = EPROTO;
  }
  if (failure() == nullptr && is_transient(errno)) return Handshake::waits;
  owner_->handshake_has_failed();
  return Handshake::failed;
}

void Layer::become_open() noexcept {
  is_open_ = true;
  has_more_ = true;
  // Not before: a handshake that is cut off has failed in any case.
  if (owner_->accepts_truncation) SSL_set_options(ssl_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  empty_exchange_keys(*ssl_);
  owner_->handshake_is_done(*ssl_);
}

/// It was read, or written.
void Layer::count_use() noexcept {
  if (--uses_until_busy_ == 0) SSL_clear_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
}

std::ptrdiff_t Layer::read(LayerWire& wire, MutableBytes into) noexcept {
  const Call call{*this, wire};
  std::size_t got = 0;
  has_more_ = true;
  waits_to_write_ = false;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  if (result != 1) return stopped(result);
  if (uses_until_busy_ > 0) count_use();
  return static_cast<std::ptrdiff_t>(got);
}

std::ptrdiff_t Layer::write(LayerWire& wire, Bytes data) noexcept {
  const Call call{*this, wire};
  std::size_t size = data.size();
  if (small_left_ > 0 && size > small_record) {
    --small_left_;
    size = small_record;
  }
  std::size_t taken = 0;
  const int result = SSL_write_ex(ssl_.get(), data.data(), size, &taken);
  if (result != 1) return stopped(result);
  if (uses_until_busy_ > 0) count_use();
  return static_cast<std::ptrdiff_t>(taken);
}

bool Layer::finish(LayerWire& wire) noexcept {
  const Call call{*this, wire};
  if (!is_open_ || failure() != nullptr) return true;
  const int result = SSL_shutdown(ssl_.get());
  if (result >= 0) return true;
  return stopped(result) == 0 || failure() != nullptr || !is_transient(errno);
}

/// Also if the answer to a message of the protocol did not leave: read() sends it.
bool Layer::has_input() const noexcept {
  return has_more_ && (waits_to_write_ || SSL_has_pending(ssl_.get()) == 1);
}

void Layer::rest() noexcept {
  if (ssl_ == nullptr) return;
  uses_until_busy_ = uses_when_new;
  SSL_set_mode(ssl_.get(), SSL_MODE_RELEASE_BUFFERS);
  // Before OpenSSL 3.0.14 it frees buffers that are in use, too (CVE-2024-4741).
  const bool holds_part =
      SSL_has_pending(ssl_.get()) == 1 || std::string_view{SSL_rstate_string(ssl_.get())} != "RH";
  if (!holds_part) (void)SSL_free_buffers(ssl_.get());  // it keeps output that waits
}

std::ptrdiff_t Layer::waits(int why) noexcept {
  if (why == SSL_ERROR_WANT_READ) {
    has_more_ = !wire_is_dry_;  // a message of the protocol may have been all that was read
  } else {
    waits_to_write_ = true;
  }
  errno = EAGAIN;
  return -1;
}

std::ptrdiff_t Layer::stopped(int result) noexcept {
  const int why = SSL_get_error(ssl_.get(), result);
  BIO_clear_retry_flags(owner_->wire.get());  // they are of no more use, and of no other layer
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return waits(why);
  const ClearErrors at_end;
  switch (why) {
    case SSL_ERROR_ZERO_RETURN:
      has_more_ = false;
      if (wire_error_ == 0) return 0;
      // OpenSSL tells it of a write that the wire has refused, too, once the peer has finished.
      [[fallthrough]];
    case SSL_ERROR_SYSCALL:
      errno = wire_error_ == 0 ? ECONNRESET : wire_error_;
      return -1;
    default:
      break;
  }
  has_more_ = false;
  const unsigned long error = ERR_peek_error();
  const bool is_end = ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (is_end && ERR_GET_LIB(error) == ERR_LIB_SSL) {
    set_failure(CloseReason::truncated, is_open_ ? truncated : truncated_early);
  } else if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
    errno = ENOMEM;
    return -1;
  } else {
    fail();
  }
  errno = EPROTO;
  return -1;
}

void Layer::fail() noexcept {
  try {
    set_failure(CloseReason::error, failure_text(text_));
  } catch (const std::bad_alloc&) {
    failure_ = {CloseReason::error, "tls: failed"};
  }
}

void Layer::set_failure(CloseReason reason, std::string_view text) noexcept {
  if (failure() != nullptr) return;
  try {
    text_ = std::string{prefix} += text;
    failure_ = {reason, text_};
  } catch (const std::bad_alloc&) {
    failure_ = {reason, "tls: failed"};
  }
}

}  // namespace rondo::tls
