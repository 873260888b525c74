// Server: listeners, and a block of memory for each client: the Stream, the session, and, where
// clients are counted by address, whose count it is on.
//
//   listener -> accept -> filter, limits -> block -> Stream, session -> on_open
//
// A block goes when its stream has ended and no call of its session is running. So does the server
// itself: what is destroyed by its user lives on, closed, until the last call has returned.
#include <rondo/server.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "socket/apply_options.h"
#include "callbacks.h"
#include "socket/socket_file.h"
#include "streams.h"

namespace rondo {
namespace {

constexpr std::size_t aligned(std::size_t size, std::size_t alignment) noexcept {
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace

class Server::Impl final : public detail::StreamOwner, public detail::Retirable<Server::Impl> {
 public:
  Impl(Reactor& reactor, SessionFactory kind, const ServerOptions& options)
      : reactor_(reactor),
        kind_(std::move(kind)),
        options_(options),
        streams_(detail::Streams::of(reactor)),
        group_{streams_, options.stream, this} {}

  Result<Endpoint> listen(const Endpoint& where) {
    // While nothing is there yet: what follows takes memory that must not fail.
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

  /// What its clients inherit is set on it, as on a listener of our own; it is bound already.
  Result<Endpoint> adopt(Socket listener) {
    if (const auto local = listener.local_endpoint()) {
      auto failed = detail::apply(listener, *local, options_.socket, detail::Purpose::adopt);
      std::move(failed.begin(), failed.end(), std::back_inserter(unapplied_));
    }
    return accept_on(std::move(listener));
  }

  Result<Endpoint> accept_on(Socket listener) {
    locals_.reserve(locals_.size() + 1);
    listeners_.reserve(listeners_.size() + 1);
    auto acceptor = Acceptor::adopt(
        reactor_, std::move(listener),
        [this](Socket client, const Endpoint& peer) { admit(std::move(client), peer); },
        options_.accept_limits);
    if (!acceptor) return std::move(acceptor).error();
    locals_.push_back(acceptor->local_endpoint());
    listeners_.push_back(std::move(*acceptor));
    pause_if_full();
    return locals_.back();
  }

  [[nodiscard]] std::span<const Endpoint> local_endpoints() const noexcept { return locals_; }
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

  void drain(Duration timeout) {
    // First, as it takes memory: without it nothing has changed.
    if (!deadline_) deadline_.emplace(reactor_, [this] { this->abort(); });
    deadline_->unref();  // the streams keep the reactor running
    ++ends_;
    stop_accepting();
    if (connections_ == 0) return deadline_.reset();
    deadline_->arm_after(timeout);
    streams_.drain_all(*this);
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
    deadline_.reset();
    streams_.release_all(*this);
  }

  // What the streams call.
  void drain(Stream& stream) override {
    kind_.drain == nullptr ? stream.close() : kind_.drain(session_place(stream), stream);
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
  using AddressCounts = std::unordered_map<Endpoint, std::size_t>;
  using AddressCount = AddressCounts::value_type;

  [[nodiscard]] bool is_full() const noexcept { return connections_ >= options_.connections_max; }
  [[nodiscard]] bool counts_addresses() const noexcept {
    return options_.connections_per_address_max > 0;
  }

  // The block of a client.
  [[nodiscard]] std::size_t session_offset() const noexcept {
    return aligned(sizeof(Stream), kind_.alignment);
  }
  [[nodiscard]] void* session_place(Stream& stream) const noexcept {
    return reinterpret_cast<std::byte*>(&stream) + session_offset();
  }
  [[nodiscard]] AddressCount*& address_count(Stream& stream) const noexcept {
    auto* const end = static_cast<std::byte*>(session_place(stream)) +
                      aligned(kind_.size, alignof(AddressCount*));
    return *reinterpret_cast<AddressCount**>(end);
  }
  [[nodiscard]] std::size_t block_size() const noexcept {
    const std::size_t size = session_offset() + kind_.size;
    return counts_addresses() ? aligned(size, alignof(AddressCount*)) + sizeof(AddressCount*)
                              : size;
  }

  void admit(Socket client, const Endpoint& peer);
  [[nodiscard]] bool lets_in(const Endpoint& peer);
  [[nodiscard]] AddressCount* count(const Endpoint& peer);
  void uncount(AddressCount* count) noexcept;
  [[nodiscard]] Stream* make_stream(Socket& client, const Endpoint& peer, AddressCount* counted);
  void pause_if_full() noexcept;

  static void add(Acceptor::Counters& sum, const Acceptor::Counters& one) noexcept {
    sum.accepted += one.accepted;
    sum.transient += one.transient;
    sum.shed += one.shed;
    sum.pauses += one.pauses;
  }

  Reactor& reactor_;
  SessionFactory kind_;
  const ServerOptions options_;
  detail::Streams& streams_;
  detail::StreamGroup group_;
  Filter filter_;
  ErrorHandler error_handler_;
  Counters counters_;
  AddressCounts addresses_;
  std::size_t connections_ = 0;
  std::size_t ends_ = 0;  // calls of drain() and abort(), which include whoever comes in just then
  std::optional<Timer> deadline_;  // of drain
  std::vector<Endpoint> locals_;
  std::vector<UnappliedOption> unapplied_;
  std::vector<detail::SocketFile> files_;
  std::vector<Acceptor> listeners_;
};

void Server::Impl::admit(Socket client, const Endpoint& peer) {
  const Call call{*this};
  // What could not be applied to the listener is known; here it would only be said again.
  (void)detail::apply(client, peer, options_.socket, detail::Purpose::accept);
  const std::size_t ends_before = ends_;
  if (is_full() || !lets_in(peer) || ends_ != ends_before) {
    ++counters_.refused;
    return;
  }
  AddressCount* const counted = counts_addresses() ? count(peer) : nullptr;
  if (counts_addresses() && counted == nullptr) {
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

/// The block of a client who is on the poller; null, and nothing is left, if the poller refused,
/// the factory did, or the server ended there.
Stream* Server::Impl::make_stream(Socket& client, const Endpoint& peer, AddressCount* counted) {
  struct Block {  // until there is a session
    Impl& impl;
    AddressCount* counted;
    void* memory = nullptr;
    Stream* stream = nullptr;
    bool has_session = false;
    ~Block() {
      if (has_session && impl.kind_.destroy != nullptr)
        impl.kind_.destroy(impl.session_place(*stream));
      if (stream != nullptr) std::destroy_at(stream);
      ::operator delete(memory);
      impl.uncount(counted);
    }
  } block{*this, counted};
  block.memory = ::operator new(block_size());
  streams_.make_room();
  block.stream = detail::Streams::construct(block.memory, group_);
  // First, so that a session may do with its stream what it likes from the beginning.
  if (detail::Streams::open(*block.stream, client.fd())) return nullptr;
  (void)client.release();  // the stream's now
  const std::size_t ends_before = ends_;
  StreamHandler* handler = nullptr;
  {
    const detail::Streams::Frame quiet{streams_, *block.stream};  // it has no handler yet
    handler = kind_.make(session_place(*block.stream), *block.stream, peer);
  }
  block.has_session = true;
  if (handler == nullptr || ends_ != ends_before) return nullptr;
  block.stream->set_handler(*handler);
  if (counts_addresses()) address_count(*block.stream) = counted;
  ++connections_;
  hold();
  block.counted = nullptr;
  block.memory = nullptr;
  block.has_session = false;
  return std::exchange(block.stream, nullptr);
}

void Server::Impl::destroy(Stream& stream) noexcept {
  AddressCount* const counted = counts_addresses() ? address_count(stream) : nullptr;
  const Call call{*this};
  release();  // the hold of this connection
  if (kind_.destroy != nullptr) kind_.destroy(session_place(stream));
  std::destroy_at(&stream);
  ::operator delete(&stream);
  uncount(counted);
  const bool was_full = is_full();
  if (--connections_ == 0) deadline_.reset();
  if (!was_full || is_retired()) return;
  for (Acceptor& listener : listeners_) listener.resume();
}

void Server::Impl::pause_if_full() noexcept {
  if (!is_full() || options_.when_full == WhenFull::reject) return;
  for (Acceptor& listener : listeners_) listener.pause();
}

Server::Impl::AddressCount* Server::Impl::count(const Endpoint& peer) {
  AddressCount& count = *addresses_.try_emplace(peer.with_port(0), 0).first;
  if (count.second >= options_.connections_per_address_max) return nullptr;
  ++count.second;
  return &count;
}

void Server::Impl::uncount(AddressCount* count) noexcept {
  if (count != nullptr && --count->second == 0) addresses_.erase(count->first);
}

Server::Server(std::unique_ptr<Impl> impl) noexcept : impl_(impl.release()) {}
Server::Server(Server&& other) noexcept = default;
Server& Server::operator=(Server&& other) noexcept = default;
Server::~Server() = default;

void Server::Retire::operator()(Impl* impl) const noexcept { impl->retire(); }

Server Server::make(Reactor& reactor, SessionFactory kind, const ServerOptions& options) {
  return Server{std::make_unique<Impl>(reactor, std::move(kind), options)};
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
void Server::drain(Duration timeout) { impl_->drain(timeout); }
void Server::abort() noexcept { impl_->abort(); }

Result<Server> serve(Reactor& reactor, std::string_view where, SessionFactory kind,
                     const ServerOptions& options) {
  Server server = Server::make(reactor, std::move(kind), options);
  if (auto local = server.listen(where); !local) return std::move(local).error();
  return server;
}

}  // namespace rondo
