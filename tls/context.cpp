// SPDX-License-Identifier: MIT
#include "context.h"

#include <algorithm>
#include <ctime>

namespace rondo::tls {

Owned<SSL_CTX> make_context(Version version_min) {
  begin_openssl();
  Owned<SSL_CTX> context = own(SSL_CTX_new(TLS_method()));
  SSL_CTX& made = *context;
  demand(SSL_CTX_set_min_proto_version(
      &made, version_min == Version::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION));
  SSL_CTX_set_security_level(&made, std::max(SSL_CTX_get_security_level(&made), 2));
  demand(SSL_CTX_set_cipher_list(
      &made,
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"));
  demand(SSL_CTX_set_ciphersuites(
      &made, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"));
  demand(SSL_CTX_set1_groups_list(&made, "X25519:P-256:P-384"));
  SSL_CTX_set_options(&made, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(&made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);  // until a connection is busy
  // So a peer that sends messages of the protocol alone does not hold a call.
  SSL_CTX_clear_mode(&made, SSL_MODE_AUTO_RETRY);
  // A record's header and its content come with one call.
  SSL_CTX_set_read_ahead(&made, 1);
  return context;
}

void set_time(SSL& ssl, const Clock& clock) {
  if (!clock) return;
  X509_VERIFY_PARAM_set_time(SSL_get0_param(&ssl), std::chrono::system_clock::to_time_t(clock()));
}

}  // namespace rondo::tls
