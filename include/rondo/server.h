// SPDX-License-Identifier: MIT
// rondo: a server, which listens and gives each client a Session.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <rondo/acceptor.h>
#include <rondo/assert.h>
#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/options.h>
#include <rondo/result.h>
#include <rondo/stream.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
class Session;
namespace detail {
/// The session was made for this client.
void introduce(Session& session, Stream& client, const Endpoint& peer);
}  // namespace detail

/// Serves one client of a Server. It stands beside its stream in one allocation, and the server
/// destroys it after on_close.
class Session : public StreamHandler {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  /// The server drains: finish the work, then close the stream. By default it closes at once.
  virtual void on_drain(Stream& client) { client.close(); }

 private:
  friend void detail::introduce(Session& session, Stream& client, const Endpoint& peer);
  virtual void know_client(Stream&, const Endpoint&) {}
};

/// A Session that knows its client, without pointers to be kept by hand. It costs 128 bytes more
/// for each connection. In its constructor neither is known yet; the constructor can take the
/// address (see session_factory()).
class ClientSession : public Session {
 public:
  /// The client's stream, as long as the session lives.
  [[nodiscard]] Stream& client() const noexcept {
    RONDO_REQUIRE(client_ != nullptr, "ClientSession::client",
                  " was called before on_open, when the session has no client yet.");
    return *client_;
  }
  /// The client's address, also after it has left.
  [[nodiscard]] const Endpoint& peer() const noexcept { return peer_; }

 private:
  void know_client(Stream& client, const Endpoint& peer) final {
    client_ = &client;
    peer_ = peer;
  }

  Stream* client_ = nullptr;
  Endpoint peer_;
};

/// What a server does with new clients while it has connections_max connections.
enum class WhenFull : std::uint8_t {
  pause,   ///< leave them in the listen queue
  reject,  ///< accept and close them, so that they notice
};

/// `serve<Echo>(reactor, "127.0.0.1:8888", {.connections_max = 1000})`
struct ServerOptions {
  SocketOptions socket{};        ///< for listeners and accepted sockets; see Server::unapplied
  AcceptLimits accept_limits{};  ///< how many at once, and the pauses, for each listener
  /// For each client. Where pause_reading_when_full is not given, it is on.
  StreamOptions stream{};
  /// Makes the layer of each connection (see stream_layer.h), and outlives the server. The session
  /// is made when the layer's handshake is done. Null: none.
  StreamLayers* secure = nullptr;
  /// By default three quarters of the descriptors that this process may open (RLIMIT_NOFILE), when
  /// the server is made: the rest is for files and other connections. `unlimited`: no limit.
  std::size_t connections_max = by_descriptors;
  /// Connections whose layer's handshake is not done. A server that has so many is full, too.
  std::size_t handshakes_max = 10'000;
  WhenFull when_full = WhenFull::pause;  ///< what becomes of clients above connections_max
  /// For each address, whatever the port. A client that exceeds it is closed at once. An IPv4
  /// address is the same in its IPv6 form. All clients of Unix sockets count as one address.
  std::size_t connections_per_address_max = unlimited;
  /// IPv6 addresses with this many bits in common count as one: a client usually has a whole /64.
  /// Link-local addresses count by themselves.
  unsigned ipv6_prefix_length = 64;
  /// Bytes that all clients but the one with the most have queued together. Beyond it, if the
  /// system does not take them, clients end with `overflow` until it is kept: first the one whose
  /// queued bytes, times the time since the system took some of them, are the most. A client that
  /// has queued no more than stream.write_high_water is spared. What the queues need to keep the
  /// bytes counts, too; in one turn a sixteenth more may be queued. Raise it if many clients get
  /// large answers at once that are not files.
  std::size_t write_buffers_max = std::size_t{8} << 20U;
  /// The same for queued files and descriptors, those of all clients; a client that has one is
  /// spared. By default an eighth of the descriptors that this process may open.
  std::size_t write_descriptors_max = by_descriptors;
};

/// What to begin with for a server that anyone can reach: docs/facing_the_internet.md gives the
/// attack that each value stops. Adapt a copy:
///
///     rondo::ServerOptions options = rondo::internet_facing();
///     options.stream.idle_timeout = 5min;
///
/// Sessions must call Stream::handshake_done() when they have a client's first request.
[[nodiscard]] RONDO_EXPORT ServerOptions internet_facing() noexcept;

/// How a server makes its sessions, in memory that follows their stream. session_factory() makes
/// one.
struct SessionFactory {
  std::size_t size = 0;                    ///< bytes that `make` needs
  std::size_t alignment = alignof(void*);  ///< the alignment of the first one
  /// Makes a session in the `size` bytes at `where`. Returns the handler of the stream, or null to
  /// close the connection; `destroy` is called in both cases, but not if `make` throws.
  Function<StreamHandler*(void* where, Stream& client, const Endpoint& peer)> make{};
  void (*drain)(void* where, Stream& client) = nullptr;  ///< null: the stream is closed
  void (*destroy)(void* where) noexcept = nullptr;       ///< null: nothing is to be destroyed

  // For sessions that may outlive their streams, such as those of coroutines.
  /// Whether it is to be destroyed after on_close; null: it is. If not, it reports its end itself.
  bool (*is_done)(void* where) noexcept = nullptr;
  /// Whether it can be destroyed now; null: it can. If not, it reports when it can.
  bool (*may_destroy)(void* where) noexcept = nullptr;
};

/// A server with all its connections. Destroying it, also inside its own callbacks, ends them at
/// once; their sessions are destroyed without on_close. Destroy it before the reactor. Use it on
/// the reactor's thread only.
class RONDO_EXPORT Server {
 public:
  /// What has happened since the server was made.
  struct Counters {
    std::uint64_t accepted = 0;      ///< connections that got a session
    std::uint64_t refused = 0;       ///< by the filter, by a limit for an address, or when full
    std::uint64_t failed = 0;        ///< connections without a session, which could not be made
    std::uint64_t exceptions = 0;    ///< thrown by sessions, their constructors, the filter
    Acceptor::Counters listeners{};  ///< the sum over all listeners
  };
  /// See accept_if().
  using Filter = Function<bool(const Endpoint& peer)>;
  /// See set_error_handler().
  using ErrorHandler = Function<void(const std::exception_ptr& exception)>;

  /// A server that does not listen yet. `factory` comes from session_factory(). `reactor` must
  /// outlive the server.
  [[nodiscard]] static Server make(Reactor& reactor, SessionFactory factory,
                                   const ServerOptions& options = {});
  Server(Server&& other) noexcept;
  Server& operator=(Server&& other) noexcept;
  ~Server();

  /// Listens on one more address: `127.0.0.1:80`, `[::]:80`, `unix:/path`; or on both loopback
  /// addresses: `localhost:80`. Other names are not looked up. The system chooses port 0. Returns
  /// the address with its port. A socket file that no process uses is replaced, by one of several
  /// servers that start at the same time. The server removes its own file, but not in a forked
  /// child. Errors: those of Endpoint::parse and Socket::listen.
  [[nodiscard]] Result<Endpoint> listen(std::string_view where);
  /// The same for an address that is known.
  [[nodiscard]] Result<Endpoint> listen(const Endpoint& where);
  /// Accepts from a socket that is already listening, as Acceptor::adopt does; it is a socket of
  /// streams. It is too late to set the options that precede bind: reuse_address, reuse_port and
  /// dual_stack.
  [[nodiscard]] Result<Endpoint> adopt(Socket listener);

  /// The addresses of the listeners, in the order of the calls, with the ports the system chose.
  [[nodiscard]] std::span<const Endpoint> local_endpoints() const noexcept;
  /// The first of them. The server must listen: call listen() or adopt() before.
  [[nodiscard]] const Endpoint& local_endpoint() const noexcept;

  /// `filter` is called for each accepted connection before its session is made. It returns false
  /// to close it.
  void accept_if(Filter filter) noexcept;
  /// `handler` gets each exception that is thrown by a callback of a session, by a session's
  /// constructor or by the filter. That client is aborted, the others are not affected. Unless a
  /// handler is set, a line is written to standard error: `session of 10.1.2.3:4567: what()`, with
  /// a text that is not one short line in quotes. It is dropped where it would block. What the
  /// handler throws leaves through Reactor::run, and so does each exception if it is empty.
  void set_error_handler(ErrorHandler handler) noexcept;

  /// The options of ServerOptions::socket that could not be set. The server runs without them.
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept;

  /// Connections that exist now.
  [[nodiscard]] std::size_t connections() const noexcept;
  /// A copy of the counters, with those of listeners that are closed.
  [[nodiscard]] Counters counters() const noexcept;

  /// Closes the listeners. Connections are not affected.
  void stop_accepting() noexcept;
  /// Closes the listeners, calls on_drain of every session, and aborts the connections that are
  /// left when `timeout` has passed. Zero aborts all now, without on_drain; `forever` waits without
  /// a limit. A second call replaces the timeout.
  void drain(Duration timeout);
  /// The same, and calls `done` once, in a later turn, when the last connection has ended; also if
  /// there is none. `done` may destroy the server. It is not called if the server is destroyed
  /// before, or if a second call replaces it.
  void drain(Duration timeout, Function<void()> done);
  /// Closes the listeners and aborts all connections. A drain() that waits ends by this.
  void abort() noexcept;

 private:
  class Impl;
  struct Retire {  // the Impl is kept until its own callbacks have returned
    void operator()(Impl* impl) const noexcept;
  };
  explicit Server(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl, Retire> impl_;
};

namespace detail {

inline void introduce(Session& session, Stream& client, const Endpoint& peer) {
  session.know_client(client, peer);
}

/// An S(peer, shared...) if S can be made so, else an S(shared...).
template <typename S, typename... Shared>
S* make_session(void* where, const Endpoint& peer, Shared&... shared) {
  static_assert(alignof(S) <= alignof(std::max_align_t));
  if constexpr (std::is_constructible_v<S, const Endpoint&, Shared&...>) {
    return ::new (where) S(peer, shared...);
  } else {
    return ::new (where) S(shared...);
  }
}

}  // namespace detail

/// Each client gets an S of its own, in one allocation with its stream: S(peer, shared...), where
/// `peer` is the client's address, or S(shared...) if S takes no address. What is shared must
/// outlive the server.
template <typename S, typename... Shared>
  requires std::is_base_of_v<Session, S>
[[nodiscard]] SessionFactory session_factory(Shared&... shared) {
  return {sizeof(S), std::max(alignof(S), alignof(void*)),
          [&shared...](void* where, Stream& client, const Endpoint& peer) -> StreamHandler* {
            S* const session = detail::make_session<S>(where, peer, shared...);
            detail::introduce(*session, client, peer);
            return session;
          },
          [](void* where, Stream& client) { static_cast<S*>(where)->on_drain(client); },
          [](void* where) noexcept { static_cast<S*>(where)->~S(); }};
}

/// Each client gets what `make` returns, or is closed if that is null:
/// `std::unique_ptr<Session> make(Stream& client, const Endpoint& peer)`.
template <typename Make>
  requires std::is_invocable_r_v<std::unique_ptr<Session>, Make&, Stream&, const Endpoint&>
[[nodiscard]] SessionFactory session_factory(Make make) {
  return {sizeof(Session*), alignof(Session*),
          [make = std::move(make)](void* where, Stream& client,
                                   const Endpoint& peer) mutable -> StreamHandler* {
            std::unique_ptr<Session> session{make(client, peer)};
            if (session != nullptr) detail::introduce(*session, client, peer);
            return *::new (where) Session* {session.release()};
          },
          [](void* where, Stream& client) { (*static_cast<Session**>(where))->on_drain(client); },
          [](void* where) noexcept { delete *static_cast<Session**>(where); }};
}

/// All clients share one function, which is called with their input: `on_data(Stream&, Bytes)`.
template <typename OnData>
  requires std::is_invocable_v<OnData&, Stream&, Bytes>
[[nodiscard]] SessionFactory session_factory(OnData on_data) {
  struct Shared final : StreamHandler {
    explicit Shared(OnData function) : on_data_(std::move(function)) {}
    void on_data(Stream& client, Bytes data) override { on_data_(client, data); }
    OnData on_data_;
  };
  SessionFactory factory;
  factory.make = [shared = std::make_unique<Shared>(std::move(on_data))](
                     void*, Stream&, const Endpoint&) -> StreamHandler* { return shared.get(); };
  return factory;
}

/// A server that listens at `where` (see Server::listen).
[[nodiscard]] RONDO_EXPORT Result<Server> serve(Reactor& reactor, std::string_view where,
                                                SessionFactory factory,
                                                const ServerOptions& options = {});

/// A server in one line: `serve<Echo>(reactor, "127.0.0.1:8888")`. What is shared follows the
/// address: `serve<Chat>(reactor, "127.0.0.1:8888", room)`. See session_factory<S>(); with options:
///
///     rondo::serve(reactor, "127.0.0.1:8888", rondo::session_factory<Chat>(room), options);
template <typename S, typename... Shared>
  requires(std::is_base_of_v<Session, S> && (!std::is_same_v<ServerOptions, Shared> && ...))
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where, Shared&... shared) {
  return serve(reactor, where, session_factory<S>(shared...), ServerOptions{});
}

/// The same with options, which come first if anything is shared.
template <typename S, typename... Shared>
  requires std::is_base_of_v<Session, S>
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where,
                                   const ServerOptions& options, Shared&... shared) {
  return serve(reactor, where, session_factory<S>(shared...), options);
}

/// The same with a function that makes each client's session, or that gets all clients' input.
template <typename F>
  requires(std::is_invocable_r_v<std::unique_ptr<Session>, F&, Stream&, const Endpoint&> ||
           std::is_invocable_v<F&, Stream&, Bytes>)
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where, F function,
                                   const ServerOptions& options = {}) {
  return serve(reactor, where, session_factory(std::move(function)), options);
}

}  // namespace rondo
