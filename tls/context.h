// SPDX-License-Identifier: MIT
// What the contexts of servers and of clients have in common.
#pragma once

#include <rondo/tls.h>

#include "openssl.h"

namespace rondo::tls {

/// TLS 1.2 and up, with what Mozilla's intermediate list allows (but no DHE), and no more memory
/// than a connection needs.
[[nodiscard]] Owned<SSL_CTX> make_context(Version version_min);

/// The time that certificates are compared with, for one handshake.
void set_time(SSL& ssl, const Clock& clock);

}  // namespace rondo::tls
