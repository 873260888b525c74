// SPDX-License-Identifier: MIT
// OpenSSL's objects, each with an owner, and what its calls say when they fail.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::tls {

struct Free {
  void operator()(BIO* one) const noexcept { BIO_free(one); }
  void operator()(EVP_PKEY* one) const noexcept { EVP_PKEY_free(one); }
  void operator()(SSL* one) const noexcept { SSL_free(one); }
  void operator()(SSL_CTX* one) const noexcept { SSL_CTX_free(one); }
  void operator()(SSL_SESSION* one) const noexcept { SSL_SESSION_free(one); }
  void operator()(X509* one) const noexcept { X509_free(one); }
  void operator()(X509_STORE* one) const noexcept { X509_STORE_free(one); }
  void operator()(GENERAL_NAMES* one) const noexcept { GENERAL_NAMES_free(one); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

/// Takes over what OpenSSL returned; null is exhausted memory.
template <typename T>
Owned<T> own(T* object) {
  if (object == nullptr) {
    ERR_clear_error();
    throw std::bad_alloc{};
  }
  return Owned<T>{object};
}

/// The same for calls that fail for want of memory alone.
inline void demand(long result) {
  if (result > 0) return;
  ERR_clear_error();
  throw std::bad_alloc{};
}

/// Leaves no error for the next call of this thread, whose it may be.
struct ClearErrors {
  ClearErrors() = default;
  ClearErrors(const ClearErrors&) = delete;
  ClearErrors& operator=(const ClearErrors&) = delete;
  ~ClearErrors() { ERR_clear_error(); }
};

/// Before the first call of OpenSSL: it must not install a handler for the end of the process.
void begin_openssl();

/// The names and addresses in the certificate.
[[nodiscard]] std::vector<std::string> names_of(const X509& certificate);
/// The same as a list for a message, or the common name if there is none: one line of ASCII,
/// whatever the certificate has.
[[nodiscard]] std::string name_list(const X509& certificate);
[[nodiscard]] bool has_common_name_alone(const X509& certificate);
[[nodiscard]] std::string subject_of(const X509_NAME& name);
[[nodiscard]] std::chrono::system_clock::time_point time_of(const ASN1_TIME& time);
/// `2026-01-31 23:59:59 UTC`
[[nodiscard]] std::string date_of(const ASN1_TIME& time);

/// The names of a list that the wire format of ALPN can hold. Throws std::invalid_argument.
[[nodiscard]] std::string alpn_list(const std::vector<std::string>& names);

}  // namespace rondo::tls
