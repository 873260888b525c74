// rondo: a server: listens, and gives each client a Session.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <rondo/acceptor.h>
#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/function.h>
#include <rondo/options.h>
#include <rondo/result.h>
#include <rondo/stream.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;

/// Serves one client of a Server, which destroys it after on_close. Its stream stands beside it.
class Session : public StreamHandler {
 public:
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  /// The server drains: finish what is to be finished, then close. Closes if it is not overridden.
  virtual void on_drain(Stream& client) { client.close(); }
};

/// What a server does while connections_max are there.
enum class WhenFull : std::uint8_t {
  pause,   ///< leave clients waiting in the listen queue
  reject,  ///< accept and close them, so that they know
};

struct ServerOptions {
  SocketOptions socket{};  ///< for the listeners and their clients; see Server::unapplied
  AcceptLimits accept_limits{};
  StreamOptions stream{};
  std::size_t connections_max = std::numeric_limits<std::size_t>::max();
  WhenFull when_full = WhenFull::pause;
  /// From one address, whatever the port; a client beyond it is closed. 0: no such limit. Clients
  /// of a Unix socket share one.
  std::size_t connections_per_address_max = 0;
};

/// How the sessions of a server are made, in memory that follows their stream: see
/// session_factory().
struct SessionFactory {
  std::size_t size = 0;
  std::size_t alignment = alignof(void*);
  /// `where` has `size` bytes. Returns the handler of the stream's calls.
  Function<StreamHandler*(void* where, Stream& client, const Endpoint& peer)> make{};
  void (*drain)(void* where, Stream& client) = nullptr;  ///< asks it to end; null: just close
  void (*destroy)(void* where) noexcept = nullptr;       ///< null: there is nothing
};

/// A server and all of its clients. Destroying it, also from a callback of its own, ends them at
/// once; sessions are destroyed without on_close then. Not after the reactor. Thread: its.
class RONDO_EXPORT Server {
 public:
  struct Counters {
    std::uint64_t accepted = 0;      ///< clients that got a session
    std::uint64_t refused = 0;       ///< by the filter, the limit of their address, or when full
    std::uint64_t failed = 0;        ///< clients without a session, since it could not be made
    std::uint64_t exceptions = 0;    ///< that left a callback of a session
    Acceptor::Counters listeners{};  ///< summed up
  };
  using Filter = Function<bool(const Endpoint& peer)>;
  using ErrorHandler = Function<void(const std::exception_ptr& exception)>;

  /// A server that does not listen yet; `kind` comes from session_factory(). `reactor` outlives it.
  [[nodiscard]] static Server make(Reactor& reactor, SessionFactory kind,
                                   const ServerOptions& options = {});
  Server(Server&& other) noexcept;
  Server& operator=(Server&& other) noexcept;
  ~Server();

  /// Listens at one more place: `127.0.0.1:80`, `[::]:80`, `unix:/path`; port 0 takes any. A socket
  /// file on which no socket listens any more is replaced; our own goes with the server. Errors:
  /// those of Endpoint::parse and Socket::listen, named.
  [[nodiscard]] Result<Endpoint> listen(std::string_view where);
  [[nodiscard]] Result<Endpoint> listen(const Endpoint& where);
  /// The same on a socket that is already listening.
  [[nodiscard]] Result<Endpoint> adopt(Socket listener);

  /// Where it listens, in the order of the calls, with the ports the system chose.
  [[nodiscard]] std::span<const Endpoint> local_endpoints() const noexcept;
  /// The first of them.
  [[nodiscard]] const Endpoint& local_endpoint() const noexcept {
    return local_endpoints().front();
  }

  /// Called for each accepted connection before its session is made. Return false to close it.
  void accept_if(Filter filter) noexcept;
  /// Gets what leaves a callback of a session, which is aborted; the others go on. Without it, the
  /// exception leaves through Reactor::run.
  void set_error_handler(ErrorHandler handler) noexcept;

  /// What of ServerOptions::socket this system lacks: named, and gone on without.
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept;

  [[nodiscard]] std::size_t connections() const noexcept;
  [[nodiscard]] Counters counters() const noexcept;

  /// Closes the listeners; those who are connected stay.
  void stop_accepting() noexcept;
  /// The same, and asks every session to end (Session::on_drain); those who have not ended when
  /// `timeout` has passed are aborted.
  void drain(Duration timeout);
  /// The same, with all aborted now.
  void abort() noexcept;

 private:
  class Impl;
  struct Retire {  // it may outlive us, until a call of its own has returned
    void operator()(Impl* impl) const noexcept;
  };
  explicit Server(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl, Retire> impl_;
};

/// Each client gets an S, in one allocation with its stream: S(shared...), where what is shared
/// outlives the server.
template <typename S, typename... Shared>
  requires std::is_base_of_v<Session, S>
[[nodiscard]] SessionFactory session_factory(Shared&... shared) {
  static_assert(alignof(S) <= alignof(std::max_align_t));
  return {sizeof(S), std::max(alignof(S), alignof(void*)),
          [&shared...](void* where, Stream&, const Endpoint&) -> StreamHandler* {
            return ::new (where) S(shared...);
          },
          [](void* where, Stream& client) { static_cast<S*>(where)->on_drain(client); },
          [](void* where) noexcept { static_cast<S*>(where)->~S(); }};
}

/// Each client gets what `make` returns: `std::unique_ptr<Session> make(Stream&, const Endpoint&)`.
template <typename Make>
  requires std::is_invocable_r_v<std::unique_ptr<Session>, Make&, Stream&, const Endpoint&>
[[nodiscard]] SessionFactory session_factory(Make make) {
  return {sizeof(Session*), alignof(Session*),
          [make = std::move(make)](void* where, Stream& client,
                                   const Endpoint& peer) mutable -> StreamHandler* {
            return *::new (where) Session* {std::unique_ptr<Session>{make(client, peer)}.release()};
          },
          [](void* where, Stream& client) { (*static_cast<Session**>(where))->on_drain(client); },
          [](void* where) noexcept { delete *static_cast<Session**>(where); }};
}

/// All clients share a function that is called with what they send: `on_data(Stream&, Bytes)`.
template <typename OnData>
  requires std::is_invocable_v<OnData&, Stream&, Bytes>
[[nodiscard]] SessionFactory session_factory(OnData on_data) {
  struct Shared final : StreamHandler {
    explicit Shared(OnData function) : on_data_(std::move(function)) {}
    void on_data(Stream& client, Bytes data) override { on_data_(client, data); }
    OnData on_data_;
  };
  SessionFactory kind;
  kind.make = [shared = std::make_unique<Shared>(std::move(on_data))](
                  void*, Stream&, const Endpoint&) -> StreamHandler* { return shared.get(); };
  return kind;
}

/// Listens at `where` (see Server::listen), with sessions of that kind.
[[nodiscard]] RONDO_EXPORT Result<Server> serve(Reactor& reactor, std::string_view where,
                                                SessionFactory kind,
                                                const ServerOptions& options = {});

/// A server in a line: `serve<Echo>(reactor, "127.0.0.1:8888")`. See session_factory<S>().
template <typename S, typename... Shared>
  requires std::is_base_of_v<Session, S>
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where,
                                   const ServerOptions& options = {}, Shared&... shared) {
  return serve(reactor, where, session_factory<S>(shared...), options);
}

/// The same with a function, which makes each client's session or gets what they send.
template <typename F>
  requires requires(F function) { session_factory(std::move(function)); }
[[nodiscard]] Result<Server> serve(Reactor& reactor, std::string_view where, F function,
                                   const ServerOptions& options = {}) {
  return serve(reactor, where, session_factory(std::move(function)), options);
}

}  // namespace rondo
