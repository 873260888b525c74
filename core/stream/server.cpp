// Server: listeners, and a block of memory for each client (see client_block.h).
//
//   listener -> accept -> filter, limits -> block -> Stream, session -> on_open
//
// A block is deleted when its stream has ended and no callback of its session is running. Each
// block holds the Impl, so a Server that its user destroys lives on, closed, until the last
// callback has returned.
//
// Draining ends in a later turn than the last connection, by the timer that was its deadline:
//
//   drain() --> connections are ending --> none is left --> done()
//                 deadline: abort()           next turn
#include <rondo/server.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "callbacks.h"
#include "client_block.h"
#include "socket/apply_options.h"
#include "socket/socket_file.h"
#include "streams.h"

namespace rondo {
namespace {

constexpr TimePoint next_turn = TimePoint::min();

}  // namespace

class Server::Impl final : public detail::StreamOwner, public detail::Retirable<Server::Impl> {
 public:
  Impl(Reactor& reactor, SessionFactory factory, const ServerOptions& options)
      : reactor_(reactor),
        factory_(std::move(factory)),
        options_(options),
        streams_(detail::Streams::of(reactor)),
        group_{streams_, options.stream, this},
        addresses_(options.connections_per_address_max),
        block_(factory_, addresses_) {}

  Result<Endpoint> listen(const Endpoint& where) {
    // Before anything exists: later there is nothing that may fail without memory.
    files_.reserve(files_.size() + 1);
    detail::SocketFile file{reactor_.net(), where};
    const auto open = [&] {
      return Socket::listen(reactor_.net(), where, options_.socket, &unapplied_);
    };
    auto listener = open();
    if (!listener && listener.error() == std::errc::address_in_use &&
        reactor_.net().binds_files() && detail::removed_stale_file(reactor_.net(), where)) {
      listener = open();
    }
    if (!listener) return std::move(listener).error();
    file.own();
    auto local = accept_on(std::move(*listener));
    if (local) files_.push_back(std::move(file));
    return local;
  }

  /// Sets the options that its clients inherit. It is too late for those that precede bind.
  Result<Endpoint> adopt(Socket listener) {
    if (const auto local = listener.local_endpoint()) {
      auto failed = detail::apply(listener, *local, options_.socket, detail::Purpose::adopt);
      std::move(failed.begin(), failed.end(), std::back_inserter(unapplied_));
    }
    return accept_on(std::move(listener));
  }

  Result<Endpoint> accept_on(Socket listener) {
    endpoints_.reserve(endpoints_.size() + 1);
    listeners_.reserve(listeners_.size() + 1);
    auto acceptor = Acceptor::adopt(
        reactor_, std::move(listener),
        [this](Socket client, const Endpoint& peer) { admit(std::move(client), peer); },
        options_.accept_limits);
    if (!acceptor) return std::move(acceptor).error();
    endpoints_.push_back(acceptor->local_endpoint());
    listeners_.push_back(std::move(*acceptor));
    pause_if_full();
    return endpoints_.back();
  }

  [[nodiscard]] std::span<const Endpoint> local_endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept { return unapplied_; }
  void accept_if(Filter filter) noexcept { filter_ = std::move(filter); }
  void set_error_handler(ErrorHandler handler) noexcept { error_handler_ = std::move(handler); }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }

  [[nodiscard]] Counters counters() const noexcept {
    Counters sum = counters_;
    for (const Acceptor& listener : listeners_) add(sum.listeners, listener.counters());
    return sum;
  }

  void stop_accepting() noexcept {
    for (const Acceptor& listener : listeners_) add(counters_.listeners, listener.counters());
    listeners_.clear();
    files_.clear();
  }

  void drain(Duration timeout, Function<void()> done) {
    // First, because it takes memory: if it throws, nothing has changed.
    if (!drain_timer_) drain_timer_.emplace(reactor_, [this] { on_drain_timer(); });
    drain_timer_->unref();  // the streams keep the reactor running
    drain_timer_->cancel();
    drained_ = false;
    if (done) done_ = std::move(done);
    if (timeout <= Duration::zero()) {
      this->abort();
    } else {
      ++ends_;
      stop_accepting();
      drain_timer_->arm_after(timeout);
      streams_.drain_all(*this);
    }
    if (connections_ == 0) end_drain();
  }

  void abort() noexcept {
    ++ends_;
    stop_accepting();
    streams_.abort_all(*this);
  }

  /// Each connection holds the object, so the last one deletes it.
  void close() noexcept {
    ++ends_;
    stop_accepting();
    drain_timer_.reset();
    streams_.release_all(*this);
  }

  // What the streams call.
  void drain(Stream& stream) override {
    factory_.drain == nullptr ? stream.close() : factory_.drain(block_.session(stream), stream);
  }
  void ended(Stream& stream) noexcept override { streams_.release(stream, *this); }
  void destroy(Stream& stream) noexcept override;
  bool threw(const std::exception_ptr& exception) override {
    const Call call{*this};
    ++counters_.exceptions;
    if (!error_handler_ || is_retired()) return false;
    detail::Lent handler{error_handler_};
    handler(exception);
    return true;
  }

 private:
  [[nodiscard]] bool is_full() const noexcept { return connections_ >= options_.connections_max; }

  void admit(Socket client, const Endpoint& peer);
  [[nodiscard]] bool lets_in(const Endpoint& peer);
  [[nodiscard]] Stream* make_stream(Socket& client, const Endpoint& peer,
                                    detail::AddressCounts::Entry* counted);
  void pause_if_full() noexcept;
  void on_drain_timer();
  void end_drain() noexcept;

  static void add(Acceptor::Counters& sum, const Acceptor::Counters& one) noexcept {
    sum.accepted += one.accepted;
    sum.transient += one.transient;
    sum.shed += one.shed;
    sum.pauses += one.pauses;
  }

  Reactor& reactor_;
  SessionFactory factory_;
  const ServerOptions options_;
  detail::Streams& streams_;
  detail::StreamGroup group_;
  Filter filter_;
  ErrorHandler error_handler_;
  Counters counters_;
  detail::AddressCounts addresses_;
  const detail::ClientBlock block_;
  std::size_t connections_ = 0;
  std::size_t ends_ = 0;  // calls of drain() and abort(): a client that is being admitted ends too
  std::optional<Timer> drain_timer_;  // the deadline of drain(), and then the turn of done_
  Function<void()> done_;
  bool drained_ = false;  // the last connection has ended, and the timer waits for the next turn
  std::vector<Endpoint> endpoints_;
  std::vector<UnappliedOption> unapplied_;
  std::vector<detail::SocketFile> files_;
  std::vector<Acceptor> listeners_;
};

void Server::Impl::admit(Socket client, const Endpoint& peer) {
  const Call call{*this};
  // An option that could not be applied to the listener has been reported by unapplied().
  (void)detail::apply(client, peer, options_.socket, detail::Purpose::accept);
  const std::size_t ends_before = ends_;
  if (is_full() || !lets_in(peer) || ends_ != ends_before) {
    ++counters_.refused;
    return;
  }
  auto* const counted = addresses_.is_limited() ? addresses_.add(peer) : nullptr;
  if (addresses_.is_limited() && counted == nullptr) {
    ++counters_.refused;
    return;
  }
  Stream* stream = nullptr;
  try {
    stream = make_stream(client, peer, counted);
  } catch (...) {
    ++counters_.failed;
    if (!threw(std::current_exception())) throw;
    return;
  }
  if (stream == nullptr) {
    ++counters_.failed;
    return;
  }
  ++counters_.accepted;
  pause_if_full();
  streams_.say_open(*stream);
}

bool Server::Impl::lets_in(const Endpoint& peer) {
  if (!filter_) return true;
  detail::Lent filter{filter_};
  return filter(peer);
}

/// The block of a client that the poller watches. Null, with nothing left, if the poller or the
/// factory refused it, or if the server ended meanwhile.
Stream* Server::Impl::make_stream(Socket& client, const Endpoint& peer,
                                  detail::AddressCounts::Entry* counted) {
  struct Unfinished {  // undoes what is done so far
    Impl& impl;
    detail::AddressCounts::Entry* counted;
    void* memory = nullptr;
    Stream* stream = nullptr;
    bool has_session = false;
    ~Unfinished() {
      if (has_session && impl.factory_.destroy != nullptr)
        impl.factory_.destroy(impl.block_.session(*stream));
      if (stream != nullptr) std::destroy_at(stream);
      ::operator delete(memory);
      impl.addresses_.remove(counted);
    }
  } block{*this, counted};
  block.memory = ::operator new(block_.size());
  streams_.make_room();
  block.stream = detail::Streams::construct(block.memory, group_);
  // Before the session is made, so that its constructor may use the stream.
  if (detail::Streams::open(*block.stream, client.fd())) return nullptr;
  (void)client.release();  // it belongs to the stream now
  const std::size_t ends_before = ends_;
  StreamHandler* handler = nullptr;
  {
    const detail::Streams::Frame quiet{streams_, *block.stream};  // there is no handler yet
    handler = factory_.make(block_.session(*block.stream), *block.stream, peer);
  }
  block.has_session = true;
  if (handler == nullptr || ends_ != ends_before) return nullptr;
  block.stream->set_handler(*handler);
  if (addresses_.is_limited()) block_.entry(*block.stream) = counted;
  ++connections_;
  hold();
  block.counted = nullptr;
  block.memory = nullptr;
  block.has_session = false;
  return std::exchange(block.stream, nullptr);
}

void Server::Impl::destroy(Stream& stream) noexcept {
  auto* const counted = addresses_.is_limited() ? block_.entry(stream) : nullptr;
  const Call call{*this};
  release();  // the hold of this connection
  if (factory_.destroy != nullptr) factory_.destroy(block_.session(stream));
  std::destroy_at(&stream);
  ::operator delete(&stream);
  addresses_.remove(counted);
  const bool was_full = is_full();
  if (--connections_ == 0 && drain_timer_) end_drain();
  if (!was_full || is_retired()) return;
  for (Acceptor& listener : listeners_) listener.resume();
}

void Server::Impl::pause_if_full() noexcept {
  if (!is_full() || options_.when_full == WhenFull::reject) return;
  for (Acceptor& listener : listeners_) listener.pause();
}

/// The last connection has ended. done_ is called in a later turn, which the timer keeps alive.
void Server::Impl::end_drain() noexcept {
  if (!done_) return drain_timer_.reset();
  drained_ = true;
  drain_timer_->ref();
  drain_timer_->arm_at(next_turn);
}

/// The deadline has passed, or the turn of done_ has come.
void Server::Impl::on_drain_timer() {
  if (!drained_) return this->abort();
  const Call call{*this};
  drained_ = false;
  auto done = std::exchange(done_, {});
  drain_timer_.reset();
  done();
}

Server::Server(std::unique_ptr<Impl> impl) noexcept : impl_(impl.release()) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept = default;
Server::~Server() = default;

void Server::Retire::operator()(Impl* impl) const noexcept { impl->retire(); }

Server Server::make(Reactor& reactor, SessionFactory factory, const ServerOptions& options) {
  return Server{std::make_unique<Impl>(reactor, std::move(factory), options)};
}

Result<Endpoint> Server::listen(std::string_view where) {
  auto endpoint = Endpoint::parse(where);
  if (!endpoint) return std::move(endpoint).error();
  return impl_->listen(*endpoint);
}

Result<Endpoint> Server::listen(const Endpoint& where) { return impl_->listen(where); }
Result<Endpoint> Server::adopt(Socket listener) { return impl_->adopt(std::move(listener)); }
std::span<const Endpoint> Server::local_endpoints() const noexcept {
  return impl_->local_endpoints();
}
void Server::accept_if(Filter filter) noexcept { impl_->accept_if(std::move(filter)); }
void Server::set_error_handler(ErrorHandler handler) noexcept {
  impl_->set_error_handler(std::move(handler));
}
std::span<const UnappliedOption> Server::unapplied() const noexcept { return impl_->unapplied(); }
std::size_t Server::connections() const noexcept { return impl_->connections(); }
Server::Counters Server::counters() const noexcept { return impl_->counters(); }
void Server::stop_accepting() noexcept { impl_->stop_accepting(); }
void Server::drain(Duration timeout) { impl_->drain(timeout, {}); }
void Server::drain(Duration timeout, Function<void()> done) {
  impl_->drain(timeout, std::move(done));
}
void Server::abort() noexcept { impl_->abort(); }

Result<Server> serve(Reactor& reactor, std::string_view where, SessionFactory factory,
                     const ServerOptions& options) {
  Server server = Server::make(reactor, std::move(factory), options);
  if (auto local = server.listen(where); !local) return std::move(local).error();
  return server;
}

}  // namespace rondo
