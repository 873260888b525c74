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

bool is_transient(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

/// The wire, as OpenSSL sees it.
class WireBio {
 public:
  [[nodiscard]] static BIO* make(Layer& layer) {
    const BIO_METHOD* const how = method();
    BIO* const bio = how == nullptr ? nullptr : BIO_new(how);
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &layer);
    BIO_set_init(bio, 1);
    return bio;
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
  /// What the wire's call returned, noted for the layer.
  static int note(BIO* bio, Layer& layer, std::ptrdiff_t result, int retry) {
    BIO_clear_retry_flags(bio);
    layer.wire_error_ = result < 0 ? errno : 0;
    if (result < 0 && is_transient(layer.wire_error_))
      BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return static_cast<int>(result);
  }
  static long control(BIO* bio, int what, long, void*) {
    if (what == BIO_CTRL_FLUSH) return 1;
    return what == BIO_CTRL_EOF && static_cast<Layer*>(BIO_get_data(bio))->wire_has_ended_ ? 1 : 0;
  }
  static int read(BIO* bio, char* into, int size) {
    Layer& layer = *static_cast<Layer*>(BIO_get_data(bio));
    const MutableBytes room{reinterpret_cast<std::byte*>(into), static_cast<std::size_t>(size)};
    const std::ptrdiff_t got = layer.wire_->read(room);
    layer.wire_has_ended_ = got == 0;
    layer.wire_is_dry_ = got < 0;
    return note(bio, layer, got, BIO_FLAGS_READ);
  }
  static int write(BIO* bio, const char* data, int size) {
    Layer& layer = *static_cast<Layer*>(BIO_get_data(bio));
    const Bytes bytes{reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(size)};
    return note(bio, layer, layer.wire_->write(bytes), BIO_FLAGS_WRITE);
  }
};

/// OpenSSL has one queue of errors for each thread, which belongs to the call that is running. A
/// call that has succeeded leaves none, and stopped() clears what it has looked at.
class Layer::Call {
 public:
  Call(Layer& layer, LayerWire& wire) noexcept : layer_(layer) {
    layer.wire_ = &wire;
    layer.wire_error_ = 0;
    layer.wire_is_dry_ = false;
    // It is nearly always empty: to clear it all the same takes 760 instructions, a look 200.
    if (ERR_peek_error() != 0) ERR_clear_error();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { layer_.wire_ = nullptr; }

 private:
  Layer& layer_;
};

Layer& Layer::of(const SSL& ssl) noexcept { return *static_cast<Layer*>(SSL_get_app_data(&ssl)); }

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
    layer.verification_ = verification_text(*store, layer.host_);
  } catch (const std::bad_alloc&) {
    layer.verification_.clear();
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
  demand(SSL_set_app_data(ssl.get(), this));
  BIO* const bio = own(WireBio::make(*this)).release();
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
    is_open_ = true;
    has_more_ = true;
    // Not before: a handshake that is cut off has failed in any case.
    if (owner_->accepts_truncation) SSL_set_options(ssl_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    owner_->handshake_is_done(*ssl_);
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

std::ptrdiff_t Layer::read(LayerWire& wire, MutableBytes into) noexcept {
  const Call call{*this, wire};
  std::size_t got = 0;
  has_more_ = true;
  waits_to_write_ = false;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  return result == 1 ? static_cast<std::ptrdiff_t>(got) : stopped(result);
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
  return result == 1 ? static_cast<std::ptrdiff_t>(taken) : stopped(result);
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
  if (ssl_ != nullptr) (void)SSL_free_buffers(ssl_.get());  // it keeps those that are in use
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
    set_failure(CloseReason::error, failure_text(verification_));
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
