// SPDX-License-Identifier: MIT
#include "server_impl.h"

#include <rondo/frames.h>

#include <exception>
#include <iterator>
#include <new>
#include <string>
#include <utility>

#include "names/host_name.h"
#include "names/target.h"
#include "session_error.h"
#include "socket/adopted.h"
#include "socket/apply_options.h"
#include "socket/rights.h"

namespace rondo {
namespace {

constexpr TimePoint next_turn = TimePoint::min();
constexpr int port_tries = 10;

void add(Acceptor::Counters& sum, const Acceptor::Counters& one) noexcept {
  sum.accepted += one.accepted;
  sum.transient += one.transient;
  sum.shed += one.shed;
  sum.pauses += one.pauses;
}

}  // namespace

Result<Endpoint> Server::Impl::listen(std::string_view where) {
  auto target = detail::parse_target(where);
  if (!target) return std::move(target).error();
  if (target->endpoint) return listen(*target->endpoint);
  if (detail::is_localhost(target->host)) return listen_on_localhost(target->port);
  // Where a server listens must not depend on what a name server answers.
  return Error{std::make_error_code(std::errc::invalid_argument),
               "listen on " + detail::shown(std::string{where}) +
                   ": neither an address nor localhost; a Resolver finds the addresses of a name"};
}

/// Both loopback addresses, with one port; only the first, where this system has no IPv6.
Result<Endpoint> Server::Impl::listen_on_localhost(std::uint16_t port) {
  for (int tries = 1;; ++tries) {
    auto first = listen(Endpoint::loopback(port));
    if (!first) return first;
    auto second = listen(Endpoint::loopback(first->port(), AddressFamily::ipv6));
    if (second || second.error() == std::errc::address_not_available ||
        second.error() == std::errc::address_family_not_supported) {
      return first;
    }
    listeners_.pop_back();
    endpoints_.pop_back();
    files_.pop_back();
    // The port that the system has chosen for IPv4 may be in use with IPv6.
    const bool may_choose_again = port == 0 && second.error() == std::errc::address_in_use;
    if (!may_choose_again || tries == port_tries) return second;
  }
}

Result<Endpoint> Server::Impl::listen(const Endpoint& where) {
  // Before anything exists: later there is nothing that may fail without memory.
  files_.reserve(files_.size() + 1);
  detail::SocketFile file{reactor_.net(), where};
  auto listener = detail::listen_in_place(reactor_.net(), where, options_.socket, unapplied_);
  if (!listener) return std::move(listener).error();
  file.own();
  const auto bound = listener->local_endpoint();
  if (!bound) return Error{bound.error(), "listen on " + where.to_string()};
  auto local = accept_on(std::move(*listener), *bound);
  if (local) files_.push_back(std::move(file));
  return local;
}

Result<Endpoint> Server::Impl::adopt(Socket listener) {
  auto local = detail::prepare_adopted(listener, detail::AdoptedAs::stream_listener, "accept on");
  if (!local) return local;
  auto failed = detail::apply(listener, *local, options_.socket, detail::Purpose::adopt);
  std::move(failed.begin(), failed.end(), std::back_inserter(unapplied_));
  return accept_on(std::move(listener), *local);
}

Result<Endpoint> Server::Impl::accept_on(Socket listener, const Endpoint& local) {
  endpoints_.reserve(endpoints_.size() + 1);
  listeners_.reserve(listeners_.size() + 1);
  // The kernel would close what arrives, and that may block: a socket may have a linger time.
  if (local.family() == AddressFamily::unix_domain && !options_.stream.receive_descriptors)
    detail::accept_descriptors(reactor_.net(), listener.fd(), false);
  auto acceptor = Acceptor::start(
      reactor_, std::move(listener), local,
      [this](Socket client, const Endpoint& peer) { admit(std::move(client), peer); },
      options_.accept_limits);
  if (!acceptor) return std::move(acceptor).error();
  ends_sessions_ = false;
  endpoints_.push_back(acceptor->local_endpoint());
  listeners_.push_back(std::move(*acceptor));
  pause_if_full();
  return endpoints_.back();
}

void Server::Impl::pause_if_full() noexcept {
  if (!is_full() || options_.when_full == WhenFull::reject) return;
  for (Acceptor& listener : listeners_) listener.pause();
}

void Server::Impl::resume_if(bool was_full) noexcept {
  if (!was_full || is_full() || is_retired()) return;
  for (Acceptor& listener : listeners_) listener.resume();
}

Server::Counters Server::Impl::counters() const noexcept {
  Counters sum = counters_;
  for (const Acceptor& listener : listeners_) add(sum.listeners, listener.counters());
  return sum;
}

void Server::Impl::stop_accepting() noexcept {
  for (const Acceptor& listener : listeners_) add(counters_.listeners, listener.counters());
  files_.clear();  // first: an inode is not used again while its socket is open
  listeners_.clear();
}

void Server::Impl::abort() noexcept {
  ++ends_;
  ends_sessions_ = true;
  stop_accepting();
  streams_.abort_all(*this);
}

/// Each connection holds the object, so the last one deletes it.
void Server::Impl::close() noexcept {
  ++ends_;
  stop_accepting();
  drain_timer_.reset();
  streams_.retire_all(*this);
}

void Server::Impl::drain(Duration timeout, Function<void()> done) {
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

void Server::Impl::drain(detail::StreamImpl& stream) {
  factory_.drain == nullptr || !has_session(stream)
      ? stream.close()
      : factory_.drain(block_.session(stream), stream);
}

bool Server::Impl::threw(detail::StreamImpl& stream, const std::exception_ptr& exception) {
  const auto peer = stream.remote_endpoint();
  return report(exception, peer ? &*peer : nullptr);
}

/// `peer` is null if it is not known any more. False: the exception leaves through Reactor::run.
bool Server::Impl::report(const std::exception_ptr& exception, const Endpoint* peer) {
  const Call call{*this};
  ++counters_.exceptions;
  if (!is_handler_set_) {
    detail::print_session_error(exception, peer);
    return true;
  }
  if (!error_handler_ || is_retired()) return false;
  detail::Lent handler{error_handler_};
  handler(exception);
  return true;
}

// What each client takes from here on is inline, in one function.

inline void Server::Impl::admit(Socket client, const Endpoint& peer) {
  const Call call{*this};
  // An option that could not be applied to the listener has been reported by unapplied().
  (void)detail::apply(client, peer, options_.socket, detail::Purpose::accept);
  detail::StreamImpl* stream = nullptr;
  try {
    stream = make_client(client, peer);
  } catch (...) {
    ++counters_.failed;
    if (!report(std::current_exception(), &peer)) throw;
    return;
  }
  if (stream == nullptr) return;
  if (has_session(*stream)) ++counters_.accepted;
  pause_if_full();
  // At once, so that abort() finds no session whose on_close would come before its on_open.
  (void)stream->report_open();
}

/// Null: it was refused, or failed, and is counted.
inline detail::StreamImpl* Server::Impl::make_client(Socket& client, const Endpoint& peer) {
  const std::size_t ends_before = ends_;
  detail::AddressCounts::Entry* counted = nullptr;
  if (is_full() || !passes_filter(peer) || ends_ != ends_before || !addresses_.add(peer, counted)) {
    ++counters_.refused;
    return nullptr;
  }
  detail::StreamImpl* const stream = make_stream(client, peer, counted);
  if (stream == nullptr) ++counters_.failed;
  return stream;
}

inline bool Server::Impl::passes_filter(const Endpoint& peer) {
  if (!filter_) return true;
  detail::Lent filter{filter_};
  return filter(peer);
}

/// The block of a client that the poller watches. Null, with nothing left, if the poller or the
/// factory refused it, or if the server ended meanwhile.
inline detail::StreamImpl* Server::Impl::make_stream(Socket& client, const Endpoint& peer,
                                                     detail::AddressCounts::Entry* counted) {
  struct Unfinished {  // undoes what is done so far
    Impl& impl;
    detail::AddressCounts::Entry* counted;
    void* memory = nullptr;
    detail::StreamImpl* stream = nullptr;
    bool has_session = false;
    ~Unfinished() {
      if (has_session) impl.block_.destroy_session(*stream);
      if (stream != nullptr) std::destroy_at(stream);
      if (memory != nullptr) detail::free_frame(memory, impl.block_.size());
      impl.addresses_.remove(counted);
    }
  } block{*this, counted};
  block.memory = detail::allocate_frame(block_.size());
  streams_.make_room();
  block.stream = ::new (block.memory) detail::StreamImpl{
      group_, nullptr,
      detail::StreamState{detail::StreamState::Life::opening, detail::StreamState::being_made}};
  if (layers() != nullptr) {
    auto layer = layers()->make({});
    if (!layer) return nullptr;
    block.stream->set_layer(std::move(*layer));
    block.stream->keep_peer(peer);
  }
  // Before the session is made, so that its constructor may use the stream.
  if (block.stream->open(client.fd())) return nullptr;
  (void)client.release();  // it belongs to the stream now
  const std::size_t ends_before = ends_;
  StreamHandler* handler = &detail::silent_handler();
  if (layers() == nullptr) {
    const detail::CallScope quiet{streams_, *block.stream};  // there is no handler yet
    handler = factory_.make(block_.session(*block.stream), *block.stream, peer);
    block.has_session = true;
  }
  if (handler == nullptr || ends_ != ends_before) return nullptr;
  block.stream->made(*handler);
  block_.set_counted(*block.stream, counted);
  ++connections_;
  if (!has_session(*block.stream)) ++handshakes_;
  hold();
  block.counted = nullptr;
  block.memory = nullptr;
  block.has_session = false;
  return std::exchange(block.stream, nullptr);
}

/// Its session is made: so none exists for a peer that does not complete the handshake.
bool Server::Impl::secured(detail::StreamImpl& stream) {
  if (has_session(stream)) return true;  // its constructor has called upgrade()
  const Call call{*this};
  const detail::CallScope quiet{streams_, stream};
  const auto peer = stream.take_peer();
  const std::size_t ends_before = ends_;
  StreamHandler* handler = nullptr;
  try {
    handler = factory_.make(block_.session(stream), stream, *peer);
  } catch (...) {
    stream.abort();
    if (!report(std::current_exception(), peer.get())) throw;
    return !quiet.stream_is_gone();
  }
  if (handler == nullptr || ends_ != ends_before) {
    block_.destroy_session(stream);
    if (!quiet.stream_is_gone()) stream.abort();
    return !quiet.stream_is_gone();
  }
  ++counters_.accepted;
  stream.set_handler(*handler);
  const bool was_full = is_full();
  --handshakes_;
  resume_if(was_full);
  return !quiet.stream_is_gone();
}

void Server::Impl::ended(detail::StreamImpl& stream) noexcept {
  if (!has_session(stream)) {
    ++counters_.failed;
    return streams_.retire(stream, *this);
  }
  const bool lives_on = factory_.is_done != nullptr && !factory_.is_done(block_.session(stream));
  lives_on && !ends_sessions_ ? streams_.keep(stream) : streams_.retire(stream, *this);
}

void Server::Impl::destroy(detail::StreamImpl& stream) noexcept {
  const bool has_session = Impl::has_session(stream);
  if (has_session && factory_.may_destroy != nullptr &&
      !factory_.may_destroy(block_.session(stream)))
    return;
  const Call call = Call::of_hold(*this);  // the hold of this connection
  auto* const counted = block_.counted(stream);
  if (has_session) block_.destroy_session(stream);
  std::destroy_at(&stream);
  detail::free_frame(&stream, block_.size());
  addresses_.remove(counted);
  const bool was_full = is_full();
  if (!has_session) --handshakes_;
  if (--connections_ == 0 && drain_timer_) end_drain();
  resume_if(was_full);
}

}  // namespace rondo
