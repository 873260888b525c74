// SPDX-License-Identifier: MIT
// A client by OpenSSL alone: the test holds the bytes that go over the wire, in both directions.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace rondo::test {

class RawClient {
 public:
  explicit RawClient(int version = TLS1_3_VERSION) {
    SSL_CTX_set_max_proto_version(context_.get(), version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
  /// Gives it what has arrived, and lets it go on. Returns whether its handshake is done.
  bool shake_hands(std::string_view arrived = {}) {
    take(arrived);
    ERR_clear_error();
    return SSL_do_handshake(ssl_.get()) == 1;
  }
  void take(std::string_view arrived) {
    if (!arrived.empty())
      BIO_write(SSL_get_rbio(ssl_.get()), arrived.data(), static_cast<int>(arrived.size()));
  }
  /// The bytes for the wire of what it says.
  std::string say(std::string_view text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    return wire();
  }
  /// The plain bytes of what has arrived.
  std::string hear(std::string_view arrived) {
    take(arrived);
    std::string heard(1'000, '\0');
    ERR_clear_error();
    const int size = SSL_read(ssl_.get(), heard.data(), static_cast<int>(heard.size()));
    heard.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return heard;
  }
  /// What it has for the wire.
  std::string wire() {
    std::string bytes(100'000, '\0');
    const int size =
        BIO_read(SSL_get_wbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  [[nodiscard]] bool was_told_the_end() const {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

 private:
  struct Free {
    void operator()(SSL* one) const { SSL_free(one); }
    void operator()(SSL_CTX* one) const { SSL_CTX_free(one); }
  };
  std::unique_ptr<SSL_CTX, Free> context_{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace rondo::test
