// SPDX-License-Identifier: MIT
// The client's side: names and issuers are checked, and sessions resumed.
#include <string>
#include <utility>

#include "context.h"
#include "identity.h"
#include "layer.h"
#include "names.h"
#include "sessions.h"

namespace rondo::tls {

struct Client::Impl final : LayerOwner {
  explicit Impl(const ClientOptions& with);

  [[nodiscard]] Owned<SSL> make_ssl() override { return own(SSL_new(context.get())); }
  /// For a host whose name is in the form of a certificate's, or an address.
  [[nodiscard]] Owned<SSL> make_ssl(const std::string& host);
  void handshake_is_done(SSL&) noexcept override {}
  void handshake_has_failed() noexcept override {}

  const ClientOptions options;
  Owned<SSL_CTX> context;
  Sessions sessions;
};

namespace {

/// Returns 1 if it keeps the session.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  Layer& layer = Layer::of(*ssl);
  Owned<SSL_SESSION> owned{session};
  try {
    static_cast<Client::Impl&>(layer.owner()).sessions.put(layer.host(), std::move(owned));
  } catch (const std::bad_alloc&) {
    return owned.release() == nullptr ? 1 : 0;  // it is not resumed, which is no loss
  }
  return 1;
}

}  // namespace

Client::Impl::Impl(const ClientOptions& with)
    : options(with), context(make_context(with.version_min)), sessions(with.sessions_max) {
  accepts_truncation = options.accept_truncation;
  handshake_timeout = options.handshake_timeout;
  if (const std::string alpn = alpn_list(options.alpn); !alpn.empty()) {
    const int refused =
        SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                                static_cast<unsigned int>(alpn.size()));
    demand(refused == 0 ? 1 : 0);
  }
  if (options.identity) use(*options.identity->impl_, *context);
  if (options.roots) {
    SSL_CTX_set1_cert_store(context.get(), options.roots->impl_->store.get());
  } else {
    demand(SSL_CTX_set_default_verify_paths(context.get()));
  }
  const bool checks = !options.dangerously_accept_any_certificate;
  SSL_CTX_set_verify(context.get(), checks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     Layer::note_verification);
  if (options.sessions_max == 0) return;
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
}

Owned<SSL> Client::Impl::make_ssl(const std::string& host) {
  Owned<SSL> ssl = make_ssl();
  set_time(*ssl, options.clock);
  X509_VERIFY_PARAM* const checks = SSL_get0_param(ssl.get());
  if (is_address(host)) {
    demand(X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str()));
  } else if (!host.empty()) {
    X509_VERIFY_PARAM_set_hostflags(
        checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    demand(X509_VERIFY_PARAM_set1_host(checks, host.c_str(), host.size()));
    // The macro for it has casts of the old style.
    demand(SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(host.c_str())));
  }
  if (Owned<SSL_SESSION> session = sessions.take(host)) {
    demand(SSL_set_session(ssl.get(), session.get()));
    // One of TLS 1.3 is used once, lest connections be told to belong together.
    if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION)
      sessions.put(host, std::move(session));
  }
  return ssl;
}

Client::Client(const ClientOptions& options) : impl_(std::make_shared<Impl>(options)) {}

Client::~Client() = default;

Result<std::unique_ptr<StreamLayer>> Client::make(std::string_view host) {
  std::string name{impl_->options.host.empty() ? host : impl_->options.host};
  if (name.find(':') != std::string::npos) name.resize(std::min(name.size(), name.find('%')));
  const bool needs_name = !impl_->options.dangerously_accept_any_certificate || !name.empty();
  if (needs_name && !is_address(name)) {
    auto checked = host_name(name);
    if (!checked && name.empty())
      return Error{make_error_code(Fault::bad_name),
                   "check the peer's certificate: set tls::ClientOptions::host"};
    if (!checked) return std::move(checked).error();
    name = std::move(*checked);
  }
  Owned<SSL> ssl = impl_->make_ssl(name);
  return std::unique_ptr<StreamLayer>{
      std::make_unique<Layer>(impl_, std::move(ssl), std::move(name))};
}

}  // namespace rondo::tls
