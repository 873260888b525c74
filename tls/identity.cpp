// SPDX-License-Identifier: MIT
// Certificates and keys in PEM form. What is wrong with them is found here, before a client does.
#include "identity.h"

#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

namespace rondo::tls {
namespace {

class FaultCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "tls"; }
  [[nodiscard]] std::string message(int number) const override {
    switch (static_cast<Fault>(number)) {
      case Fault::no_certificate:
        return "no certificate in PEM form, or a damaged one";
      case Fault::no_key:
        return "no private key in PEM form, or a damaged one";
      case Fault::wrong_password:
        return "the private key is encrypted, and its password is missing or wrong";
      case Fault::key_mismatch:
        return "the private key does not fit the certificate: replace both together";
      case Fault::expired:
        return "the certificate has expired: renew it";
      case Fault::not_yet_valid:
        return "the certificate is not valid yet: check the clock, or wait";
      case Fault::weak:
        return "the key or the signature of a certificate is too weak: make a new one";
      case Fault::bad_name:
        return "no host name that a certificate can be for";
    }
    return "unknown";
  }
};

std::string quoted(const std::string& file) { return '"' + file + '"'; }

/// Where a text comes from, for messages.
struct Source {
  std::string what;
  std::string text;
};

Error fault(Fault fault, const Source& source, const std::string& detail = {}) {
  ERR_clear_error();
  return {make_error_code(fault), source.what + (detail.empty() ? "" : ": " + detail)};
}

Result<Source> read(const std::string& file, std::string_view kind) {
  std::string what = "load the " + std::string{kind} + " of " + quoted(file);
  std::string text;
  char part[4'096];
  errno = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream{std::fopen(file.c_str(), "re"),
                                                               std::fclose};
  while (stream && std::ferror(stream.get()) == 0 && std::feof(stream.get()) == 0)
    text.append(part, std::fread(part, 1, sizeof part, stream.get()));
  OPENSSL_cleanse(part, sizeof part);
  if (!stream || std::ferror(stream.get()) != 0)
    return Error{system_error(errno == 0 ? EIO : errno), std::move(what)};
  return Source{std::move(what), std::move(text)};
}

/// All certificates in the text; at least one.
Result<std::vector<Owned<X509>>> read_certificates(const Source& source) {
  const Owned<BIO> bytes =
      own(BIO_new_mem_buf(source.text.data(), static_cast<int>(source.text.size())));
  std::vector<Owned<X509>> found;
  ERR_clear_error();
  while (X509* const one = PEM_read_bio_X509(bytes.get(), nullptr, nullptr, nullptr))
    found.emplace_back(one);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (found.empty()) return fault(Fault::no_certificate, source);
  if (!at_end)
    return fault(Fault::no_certificate, source,
                 "what follows certificate " + std::to_string(found.size()));
  ERR_clear_error();
  return found;
}

/// The user's function, and what it has thrown.
struct Password {
  const std::function<std::string()>& ask;
  std::exception_ptr thrown{};
};

int give_password(char* into, int size, int, void* argument) {
  auto& password = *static_cast<Password*>(argument);
  if (!password.ask) return -1;
  try {
    std::string text = password.ask();
    const int length = static_cast<int>(text.copy(into, static_cast<std::size_t>(size)));
    OPENSSL_cleanse(text.data(), text.size());
    return length;
  } catch (...) {
    password.thrown = std::current_exception();
    return -1;
  }
}

Result<Owned<EVP_PKEY>> read_key(const Source& source, const IdentityOptions& options) {
  const Owned<BIO> bytes =
      own(BIO_new_mem_buf(source.text.data(), static_cast<int>(source.text.size())));
  Password password{options.password};
  ERR_clear_error();
  Owned<EVP_PKEY> key{PEM_read_bio_PrivateKey(bytes.get(), nullptr, give_password, &password)};
  if (password.thrown) std::rethrow_exception(password.thrown);
  if (key) return key;
  const bool is_encrypted = source.text.find("ENCRYPTED") != std::string::npos;
  return fault(is_encrypted ? Fault::wrong_password : Fault::no_key, source);
}

/// What the peers of this identity would refuse.
Result<void> check(const Identity::Impl& identity, const Source& chain, const Source& key,
                   const IdentityOptions& options) {
  const X509& own = *identity.chain.front();
  if (X509_check_private_key(&own, identity.key.get()) != 1)
    return fault(Fault::key_mismatch, key, "that of the certificate for " + name_list(own));
  if (options.accept_any_date) return {};
  std::time_t now = std::chrono::system_clock::to_time_t(
      options.clock ? options.clock() : std::chrono::system_clock::now());
  for (const Owned<X509>& one : identity.chain) {
    const ASN1_TIME& first = *X509_get0_notBefore(one.get());
    const ASN1_TIME& last = *X509_get0_notAfter(one.get());
    if (X509_cmp_time(&last, &now) < 0)
      return fault(Fault::expired, chain,
                   "that of " + name_list(*one) + " was valid until " + date_of(last));
    if (X509_cmp_time(&first, &now) > 0)
      return fault(Fault::not_yet_valid, chain,
                   "that of " + name_list(*one) + " is valid from " + date_of(first));
  }
  return {};
}

Result<std::shared_ptr<const Identity::Impl>> make(const Source& chain, const Source& key,
                                                   const IdentityOptions& options) {
  begin_openssl();
  auto certificates = read_certificates(chain);
  if (!certificates) return std::move(certificates).error();
  auto private_key = read_key(key, options);
  if (!private_key) return std::move(private_key).error();
  auto impl = std::make_shared<Identity::Impl>();
  impl->chain = std::move(*certificates);
  impl->key = std::move(*private_key);
  if (auto checked = check(*impl, chain, key, options); !checked) return std::move(checked).error();
  const Owned<SSL_CTX> context = own(SSL_CTX_new(TLS_method()));
  SSL_CTX_set_security_level(context.get(), 2);
  for (const Owned<X509>& one : impl->chain) {
    const bool is_first = one == impl->chain.front();
    const long taken = is_first ? SSL_CTX_use_certificate(context.get(), one.get())
                                : SSL_CTX_add1_chain_cert(context.get(), one.get());
    if (taken != 1) return fault(Fault::weak, chain, "that of " + name_list(*one));
  }
  return std::shared_ptr<const Identity::Impl>{std::move(impl)};
}

Result<std::shared_ptr<const Roots::Impl>> make_roots(const Source& source) {
  begin_openssl();
  auto certificates = read_certificates(source);
  if (!certificates) return std::move(certificates).error();
  auto impl = std::make_shared<Roots::Impl>();
  impl->store = own(X509_STORE_new());
  for (const Owned<X509>& one : *certificates)
    demand(X509_STORE_add_cert(impl->store.get(), one.get()));
  impl->certificates = std::move(*certificates);
  return std::shared_ptr<const Roots::Impl>{std::move(impl)};
}

}  // namespace

const std::error_category& fault_category() noexcept {
  static const FaultCategory category;
  return category;
}

Identity::Identity(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<Identity> Identity::load(const std::string& chain_file, const std::string& key_file,
                                const IdentityOptions& options) {
  auto chain = read(chain_file, "certificate");
  if (!chain) return std::move(chain).error();
  auto key = read(key_file, "private key");
  if (!key) return std::move(key).error();
  auto impl = make(*chain, *key, options);
  OPENSSL_cleanse(key->text.data(), key->text.size());
  if (!impl) return std::move(impl).error();
  return Identity{std::move(*impl)};
}

Result<Identity> Identity::parse(std::string_view chain_pem, std::string_view key_pem,
                                 const IdentityOptions& options) {
  Source key{"read a private key", std::string{key_pem}};
  auto impl = make({"read a certificate", std::string{chain_pem}}, key, options);
  OPENSSL_cleanse(key.text.data(), key.text.size());
  if (!impl) return std::move(impl).error();
  return Identity{std::move(*impl)};
}

std::vector<std::string> Identity::names() const { return names_of(*impl_->chain.front()); }

std::chrono::system_clock::time_point Identity::expires_at() const {
  return time_of(*X509_get0_notAfter(impl_->chain.front().get()));
}

void use(const Identity::Impl& identity, SSL_CTX& context) {
  demand(SSL_CTX_use_certificate(&context, identity.chain.front().get()));
  for (std::size_t i = 1; i < identity.chain.size(); ++i)
    demand(SSL_CTX_add1_chain_cert(&context, identity.chain[i].get()));
  demand(SSL_CTX_use_PrivateKey(&context, identity.key.get()));
}

Roots::Roots(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<Roots> Roots::load(const std::string& file) {
  auto source = read(file, "roots");
  if (!source) return std::move(source).error();
  auto impl = make_roots(*source);
  if (!impl) return std::move(impl).error();
  return Roots{std::move(*impl)};
}

Result<Roots> Roots::parse(std::string_view pem) {
  auto impl = make_roots({"read roots", std::string{pem}});
  if (!impl) return std::move(impl).error();
  return Roots{std::move(*impl)};
}

}  // namespace rondo::tls
