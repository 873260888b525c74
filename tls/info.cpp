// SPDX-License-Identifier: MIT
#include <rondo/stream.h>

#include "layer.h"

namespace rondo::tls {

std::optional<Info> info(const Stream& stream) {
  const auto* const layer = dynamic_cast<const Layer*>(stream.layer());
  SSL* const ssl = layer == nullptr ? nullptr : layer->ssl();
  if (ssl == nullptr) return std::nullopt;
  const ClearErrors at_end;
  Info info;
  info.version = SSL_get_version(ssl);
  info.cipher = SSL_get_cipher_name(ssl);
  const unsigned char* alpn = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &size);
  if (size > 0) info.alpn.assign(reinterpret_cast<const char*>(alpn), size);
  if (const char* const host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) info.host = host;
  info.resumed = SSL_session_reused(ssl) == 1;
  if (const X509* const peer = SSL_get0_peer_certificate(ssl)) {
    info.peer_names = names_of(*peer);
    info.peer_subject = subject_of(*X509_get_subject_name(peer));
  }
  return info;
}

}  // namespace rondo::tls
