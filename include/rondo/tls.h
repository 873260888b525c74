// SPDX-License-Identifier: MIT
// rondo: TLS under the streams, by OpenSSL. Link it with `pkg-config rondo-tls`.
//
//     auto identity = rondo::tls::Identity::load("chain.pem", "key.pem");
//     if (!identity) return rondo::print_error(identity.error());
//     rondo::tls::Server secure{*identity};
//     auto server = rondo::serve<Echo>(reactor, "0.0.0.0:8443", {.secure = &secure});
//
//     rondo::tls::Client trust;  // the system's roots
//     auto stream = rondo::connect(reactor, "example.org:443", handler, {.secure = &trust});
//
// TLS 1.2 and 1.3, without compression, renegotiation and early data. A Server and a Client belong
// to the thread of one reactor; an Identity, Roots and TicketKeys may be shared by all threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/export.h>
#include <rondo/result.h>
#include <rondo/stream_layer.h>
#include <rondo/time.h>

namespace rondo::tls {

/// What may be wrong with certificates and keys. The context of the Error says which file, which
/// name and which date.
enum class Fault : std::uint8_t {
  no_certificate = 1,  ///< no certificate in PEM form, or a damaged one
  no_key,              ///< no private key in PEM form, or a damaged one
  wrong_password,      ///< the key is encrypted, and the password is missing or wrong
  key_mismatch,        ///< the key is not that of the certificate
  expired,             ///< the certificate was valid until a date that has passed
  not_yet_valid,       ///< the certificate becomes valid later
  weak,                ///< a key or a signature that OpenSSL's security level 2 refuses
  bad_name,            ///< a host name that is empty, too long or not ASCII
};

/// The category of Fault.
RONDO_EXPORT const std::error_category& fault_category() noexcept;
/// Lets a Fault be compared with, and converted to, an error_code.
inline std::error_code make_error_code(Fault fault) noexcept {
  return {static_cast<int>(fault), fault_category()};
}

/// The time that certificates and the keys of tickets are compared with. If it throws in a
/// handshake, that fails.
using Clock = std::function<std::chrono::system_clock::time_point()>;

/// How an Identity is read.
struct IdentityOptions {
  /// Called if the key is encrypted. What it throws leaves load().
  std::function<std::string()> password{};
  /// A certificate that has expired, or is not valid yet, is an error otherwise.
  bool accept_any_date = false;
  Clock clock{};  ///< empty: the system's
};

/// A certificate, those that lead to a root, and the private key. Copies share them.
class RONDO_EXPORT Identity {
 public:
  /// Files in PEM form: first the certificate of the server, then those of its issuers. Both are
  /// read, and compared, before the function returns.
  [[nodiscard]] static Result<Identity> load(const std::string& chain_file,
                                             const std::string& key_file,
                                             const IdentityOptions& options = {});
  /// The same for texts.
  [[nodiscard]] static Result<Identity> parse(std::string_view chain_pem, std::string_view key_pem,
                                              const IdentityOptions& options = {});

  /// The names and addresses that the certificate is for.
  [[nodiscard]] std::vector<std::string> names() const;
  /// The end of the time in which the certificate is valid.
  [[nodiscard]] std::chrono::system_clock::time_point expires_at() const;

  struct Impl;

 private:
  friend class Server;
  friend class Client;
  explicit Identity(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

/// Certificates that are trusted: roots, which are signed by themselves. Copies share them.
class RONDO_EXPORT Roots {
 public:
  /// A file in PEM form with any number of certificates. Errors: those of reading it, and Fault.
  [[nodiscard]] static Result<Roots> load(const std::string& file);
  /// The same for a text.
  [[nodiscard]] static Result<Roots> parse(std::string_view pem);

  struct Impl;

 private:
  friend class Server;
  friend class Client;
  explicit Roots(std::shared_ptr<const Impl> impl) noexcept;
  std::shared_ptr<const Impl> impl_;
};

/// The keys that session tickets are encrypted with. They change every `lifetime`, and those before
/// them are still accepted for as long. Servers that share them resume each other's sessions.
class RONDO_EXPORT TicketKeys {
 public:
  /// The `lifetime` if none is given: twelve hours.
  static constexpr Duration default_lifetime = std::chrono::hours{12};

  /// `clock` is called on the threads of all servers that share the keys. Empty: a steady clock,
  /// which goes on when the system's time is changed.
  explicit TicketKeys(Duration lifetime = default_lifetime, Clock clock = {});

  struct Impl;

 private:
  friend class Server;
  std::shared_ptr<Impl> impl_;
};

/// The versions of the protocol.
enum class Version : std::uint8_t {
  tls1_2,  ///< RFC 5246
  tls1_3,  ///< RFC 8446
};

/// Whether a server asks its clients for a certificate, and serves those without one.
enum class ClientCertificates : std::uint8_t {
  ignored,   ///< none is asked for
  optional,  ///< asked for, and checked if the client has one
  required,  ///< a client without one is refused
};

/// `tls::Server secure{identity, {.alpn = {"http/1.1"}}}`
struct ServerOptions {
  /// The protocols that the server speaks, the preferred one first, such as "h2" and "http/1.1". A
  /// client that offers others only is refused; one that offers none is served.
  std::vector<std::string> alpn{};
  Version version_min = Version::tls1_2;  ///< older ones are refused
  /// What is asked of clients.
  ClientCertificates client_certificates = ClientCertificates::ignored;
  /// Those that clients are checked against; needed if their certificates are not ignored.
  std::optional<Roots> client_roots{};
  std::optional<TicketKeys> ticket_keys{};  ///< none: keys of its own, by `clock`
  bool gives_tickets = true;                ///< so that clients can resume sessions
  /// A peer that closes the connection without a notice of it has finished, too. Otherwise the
  /// stream ends with CloseReason::truncated: what came may not be all.
  bool accept_truncation = false;
  Duration handshake_timeout = std::chrono::seconds{10};  ///< from accept, for the whole handshake
  Clock clock{};                                          ///< empty: the system's
};

/// The layers of a server's streams, used on its reactor's thread. It outlives the server; streams
/// may outlive it.
class RONDO_EXPORT Server final : public StreamLayers {
 public:
  /// What has happened since the server was made.
  struct Counters {
    std::uint64_t handshakes = 0;  ///< completed, resumed ones included
    std::uint64_t resumed = 0;     ///< by a ticket of an earlier connection
    std::uint64_t failed = 0;      ///< handshakes that have failed, timeouts included
  };

  /// Throws std::invalid_argument for options that contradict themselves: names in `alpn` that are
  /// empty or longer than 255 bytes, client certificates without roots.
  explicit Server(const Identity& identity, const ServerOptions& options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// New handshakes use `identity`; connections that exist keep what they have.
  void reload(const Identity& identity);
  /// Clients that ask for `host` get `identity`: a name such as `b.example`, or `*.example.org` for
  /// all names with one label more. Replaces the one that was there. Clients that ask for another
  /// name, or for none, get the constructor's.
  [[nodiscard]] Result<void> add(std::string_view host, const Identity& identity);
  /// Clients that ask for `host` get the constructor's identity again.
  void remove(std::string_view host);

  /// A copy of the counters.
  [[nodiscard]] Counters counters() const noexcept;

  /// For the streams of a rondo::Server; programs do not call it.
  [[nodiscard]] Result<std::unique_ptr<StreamLayer>> make(std::string_view host) override;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;  // also of each connection
};

/// `tls::Client trust{{.roots = roots}}`
struct ClientOptions {
  /// The protocols that the client speaks, the preferred one first.
  std::vector<std::string> alpn{};
  Version version_min = Version::tls1_2;  ///< older ones are refused
  std::optional<Roots> roots{};           ///< none: the system's
  std::optional<Identity> identity{};     ///< for servers that want a client's certificate
  /// The name to ask for and to check, in place of the one that was connected to. Unix sockets and
  /// pipes have none, so they need it.
  std::string host{};
  /// Sessions that are kept to be resumed, one for each host, whatever the port; 0: none.
  std::size_t sessions_max = 100;
  /// See ServerOptions.
  bool accept_truncation = false;
  Duration handshake_timeout = std::chrono::seconds{10};  ///< from connect, for the whole handshake
  /// Neither the name nor the issuer of the peer's certificate is checked: anyone on the way can
  /// read and change everything.
  bool dangerously_accept_any_certificate = false;
  Clock clock{};  ///< empty: the system's
};

/// The layers of clients' streams, which may outlive it, used on their reactor's thread. The peer's
/// certificate must lead to one of the roots, be valid now, and be for the host that was
/// connected to: its subject alternative names count, its common name does not.
class RONDO_EXPORT Client final : public StreamLayers {
 public:
  /// Throws std::invalid_argument for names in `alpn` that are empty or longer than 255 bytes.
  explicit Client(const ClientOptions& options = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// For rondo::connect() and Stream::upgrade(); programs do not call it.
  [[nodiscard]] Result<std::unique_ptr<StreamLayer>> make(std::string_view host) override;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;  // also of each connection
};

/// What both sides have agreed on.
struct Info {
  std::string version;   ///< `TLSv1.3`
  std::string cipher;    ///< `TLS_AES_128_GCM_SHA256`
  std::string alpn;      ///< empty: none
  std::string host;      ///< the name that the client has asked for; empty: none
  bool resumed = false;  ///< the session is one of an earlier connection
  /// The subject alternative names of the peer's certificate, if it has shown one: names and
  /// addresses. Characters that are not printable ASCII are shown as `?`, here and below.
  std::vector<std::string> peer_names;
  std::string peer_subject;  ///< the subject of that certificate; empty: none was shown
};

/// Nothing if the stream has no TLS, or its handshake is not done.
[[nodiscard]] RONDO_EXPORT std::optional<Info> info(const Stream& stream);

}  // namespace rondo::tls

template <>
struct std::is_error_code_enum<rondo::tls::Fault> : std::true_type {};
