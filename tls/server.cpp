// SPDX-License-Identifier: MIT
// The server's side: an SSL_CTX for each identity, chosen by the name that the client asks for.
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "context.h"
#include "identity.h"
#include "layer.h"
#include "names.h"
#include "tickets.h"

namespace rondo::tls {

struct Server::Impl final : LayerOwner {
  Impl(const Identity& identity, const ServerOptions& with);

  [[nodiscard]] Owned<SSL_CTX> context_of(const Identity& identity, const std::string& host);
  /// For the name that a client asks for.
  [[nodiscard]] SSL_CTX* find(std::string_view host) const;

  [[nodiscard]] Owned<SSL> make_ssl() override {
    Owned<SSL> ssl = own(SSL_new(first.get()));
    set_time(*ssl, options.clock);
    return ssl;
  }
  void handshake_is_done(SSL& ssl) noexcept override {
    ++counters.handshakes;
    if (SSL_session_reused(&ssl) == 1) ++counters.resumed;
  }
  void handshake_has_failed() noexcept override { ++counters.failed; }

  const ServerOptions options;
  const std::string alpn;
  const TicketKeys tickets;
  Owned<SSL_CTX> first;
  std::map<std::string, Owned<SSL_CTX>, std::less<>> others;
  Counters counters;
};

namespace {

Server::Impl& impl_of(SSL* ssl) { return static_cast<Server::Impl&>(Layer::of(*ssl).owner()); }

/// The name in the extension of a ClientHello; empty if there is none, or it is malformed.
std::string_view asked_name(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  // A list of one: its length, the type 0, the length of the name, the name.
  if (size < 5 || data[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t length = static_cast<std::size_t>(data[3]) << 8U | data[4];
  if (length + 5 != size) return {};  // OpenSSL refuses it
  return {reinterpret_cast<const char*>(data) + 5, length};
}

/// Before a session is resumed, which belongs to one host.
int choose_context(SSL* ssl, int*, void*) {
  try {
    // It changes the context of the session, too. A second ClientHello may have no name any more.
    if (SSL_set_SSL_CTX(ssl, impl_of(ssl).find(asked_name(ssl))) == nullptr)
      return SSL_CLIENT_HELLO_ERROR;
  } catch (const std::bad_alloc&) {
    return SSL_CLIENT_HELLO_ERROR;
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned int offered_size, void* argument) {
  const std::string& own = *static_cast<const std::string*>(argument);
  unsigned char* found = nullptr;
  const int result =
      SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(own.data()),
                            static_cast<unsigned int>(own.size()), offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// A session is resumed for the host that it was made for, with the same demands on clients.
void set_session_context(SSL_CTX& context, const ServerOptions& options, const std::string& host,
                         const std::vector<std::string>& roots) {
  std::string id = std::to_string(static_cast<int>(options.client_certificates)) + ' ' + host;
  for (const std::string& root : roots) id += '\n' + root;
  unsigned char digest[32];
  demand(EVP_Digest(id.data(), id.size(), digest, nullptr, EVP_sha256(), nullptr));
  demand(SSL_CTX_set_session_id_context(&context, digest, sizeof digest));
}

}  // namespace

Server::Impl::Impl(const Identity& identity, const ServerOptions& with)
    : options(with),
      alpn(alpn_list(with.alpn)),
      tickets(with.ticket_keys ? *with.ticket_keys
                               : TicketKeys{TicketKeys::default_lifetime, with.clock}) {
  if (options.client_certificates != ClientCertificates::ignored && !options.client_roots)
    throw std::invalid_argument{"tls::ServerOptions: client certificates need client_roots"};
  accepts_truncation = options.accept_truncation;
  handshake_timeout = options.handshake_timeout;
  first = context_of(identity, {});
}

Owned<SSL_CTX> Server::Impl::context_of(const Identity& identity, const std::string& host) {
  Owned<SSL_CTX> made = make_context(options.version_min);
  use(*identity.impl_, *made);
  SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);  // tickets are enough
  SSL_CTX_set_client_hello_cb(made.get(), choose_context, nullptr);
  if (!alpn.empty())
    SSL_CTX_set_alpn_select_cb(made.get(), choose_protocol, const_cast<std::string*>(&alpn));
  if (options.gives_tickets) {
    use(*tickets.impl_, *made);
    demand(SSL_CTX_set_num_tickets(made.get(), 1));
  } else {
    SSL_CTX_set_options(made.get(), SSL_OP_NO_TICKET);
    demand(SSL_CTX_set_num_tickets(made.get(), 0));
  }
  std::vector<std::string> roots;
  if (options.client_certificates != ClientCertificates::ignored) {
    const Roots::Impl& trusted = *options.client_roots->impl_;
    const int required = options.client_certificates == ClientCertificates::required
                             ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                             : 0;
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER | required, Layer::note_verification);
    SSL_CTX_set1_cert_store(made.get(), trusted.store.get());
    for (const Owned<X509>& one : trusted.certificates) {
      demand(SSL_CTX_add_client_CA(made.get(), one.get()));
      unsigned char digest[EVP_MAX_MD_SIZE];
      unsigned int size = 0;
      demand(X509_digest(one.get(), EVP_sha256(), digest, &size));
      roots.emplace_back(reinterpret_cast<const char*>(digest), size);
    }
  }
  set_session_context(*made, options, host, roots);
  return made;
}

SSL_CTX* Server::Impl::find(std::string_view host) const {
  if (host.empty() || others.empty()) return first.get();
  const std::string name = lower_case(host.substr(0, host.size() - (host.ends_with('.') ? 1 : 0)));
  if (const auto found = others.find(name); found != others.end()) return found->second.get();
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return first.get();
  const auto found = others.find('*' + name.substr(dot));
  return found == others.end() ? first.get() : found->second.get();
}

Server::Server(const Identity& identity, const ServerOptions& options)
    : impl_(std::make_shared<Impl>(identity, options)) {}

Server::~Server() = default;

void Server::reload(const Identity& identity) { impl_->first = impl_->context_of(identity, {}); }

Result<void> Server::add(std::string_view host, const Identity& identity) {
  auto name = host_name(host.starts_with("*.") ? host.substr(2) : host);
  if (!name) return std::move(name).error();
  if (host.starts_with("*.")) name->insert(0, "*.");
  impl_->others.insert_or_assign(*name, impl_->context_of(identity, *name));
  return {};
}

void Server::remove(std::string_view host) {
  const std::string name = lower_case(host.substr(0, host.size() - (host.ends_with('.') ? 1 : 0)));
  impl_->others.erase(name);
}

Server::Counters Server::counters() const noexcept { return impl_->counters; }

Result<std::unique_ptr<StreamLayer>> Server::make(std::string_view) {
  return std::unique_ptr<StreamLayer>{std::make_unique<Layer>(impl_)};
}

}  // namespace rondo::tls
