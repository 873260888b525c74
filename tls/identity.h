// SPDX-License-Identifier: MIT
// What an Identity and Roots hold. Nothing of it changes once it is made, so threads may share it.
#pragma once

#include <rondo/tls.h>

#include "openssl.h"

namespace rondo::tls {

struct Identity::Impl {
  std::vector<Owned<X509>> chain;  // the certificate first
  Owned<EVP_PKEY> key;
};

struct Roots::Impl {
  Owned<X509_STORE> store;
  std::vector<Owned<X509>> certificates;
};

/// Has `context` show this identity.
void use(const Identity::Impl& identity, SSL_CTX& context);

}  // namespace rondo::tls
