// SPDX-License-Identifier: MIT
#include "tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <cstring>

namespace rondo::tls {
namespace {

TicketKeys::Impl& keys_of(SSL* ssl) {
  return *static_cast<TicketKeys::Impl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

bool begin_mac(EVP_MAC_CTX* mac, TicketKeys::Impl::Key& key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/// As SSL_CTX_set_tlsext_ticket_key_evp_cb asks for: -1 ends the handshake, 0 does without the
/// ticket, 1 takes it, 2 takes it and gives a new one. A client of TLS 1.3 uses a ticket once.
int choose_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int makes) try {
  TicketKeys::Impl& keys = keys_of(ssl);
  const Duration now = keys.now();
  const std::lock_guard lock{keys.mutex};
  if (!keys.renew(now)) return makes == 1 ? -1 : 0;
  TicketKeys::Impl::Key key;
  if (makes == 1) {
    key = keys.keys[0];
    std::memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  } else {
    const TicketKeys::Impl::Key* const found = keys.find(name, now);
    if (found == nullptr) return 0;
    key = *found;
  }
  const int begun = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv,
                                      makes == 1 ? 1 : 0);
  const bool is_ready = begun == 1 && begin_mac(mac, key);
  const bool is_old = key.name != keys.keys[0].name;
  OPENSSL_cleanse(&key, sizeof key);
  if (!is_ready) return -1;
  return is_old || SSL_version(ssl) >= TLS1_3_VERSION ? 2 : 1;
} catch (...) {  // the user's clock has thrown
  return -1;
}

}  // namespace

TicketKeys::TicketKeys(Duration lifetime, Clock clock)
    : impl_(std::make_shared<Impl>(lifetime, std::move(clock))) {}

TicketKeys::Impl::~Impl() { OPENSSL_cleanse(keys.data(), sizeof keys); }

Duration TicketKeys::Impl::now() const {
  return clock ? clock().time_since_epoch() : std::chrono::steady_clock::now().time_since_epoch();
}

bool TicketKeys::Impl::renew(Duration now) {
  if (keys[0].is_made && now - keys[0].made_at < lifetime) return true;
  Key key;
  key.made_at = now;
  key.is_made = true;
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
      RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) != 1)
    return false;
  keys[1] = keys[0];
  keys[0] = key;
  OPENSSL_cleanse(&key, sizeof key);
  return true;
}

const TicketKeys::Impl::Key* TicketKeys::Impl::find(const unsigned char* name,
                                                    Duration now) const noexcept {
  for (const Key& key : keys)
    if (key.is_made && (now - key.made_at) / 2 < lifetime &&
        std::memcmp(name, key.name.data(), key.name.size()) == 0)
      return &key;
  return nullptr;
}

void use(TicketKeys::Impl& keys, SSL_CTX& context) {
  demand(SSL_CTX_set_app_data(&context, &keys));
  demand(SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, choose_key));
}

}  // namespace rondo::tls
