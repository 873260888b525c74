// SPDX-License-Identifier: MIT
// Why a handshake or a connection has failed, in words.
#pragma once

#include <string>

#include "openssl.h"

namespace rondo::tls {

/// What is wrong with the certificate that is being looked at. `host` is what a client wanted to
/// reach; empty for a server.
[[nodiscard]] std::string verification_text(X509_STORE_CTX& store, const std::string& host);

/// Describes the first error in OpenSSL's queue. `verification` is what was wrong
/// with a certificate, if anything was.
[[nodiscard]] std::string failure_text(const std::string& verification);

}  // namespace rondo::tls
