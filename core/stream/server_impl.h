// SPDX-License-Identifier: MIT
// What a Server does: listeners, and a block of memory for each client (see client_block.h).
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
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/timer.h>

#include "callbacks.h"
#include "client_block.h"
#include "socket/socket_file.h"
#include "stream_impl.h"

namespace rondo {

class Server::Impl final : public detail::StreamOwner, public detail::Retirable<Server::Impl> {
 public:
  Impl(Reactor& reactor, SessionFactory factory, const ServerOptions& options)
      : reactor_(reactor),
        factory_(std::move(factory)),
        options_(options),
        streams_(detail::StreamContext::of(reactor)),
        connections_max_(limit_of(options.connections_max, reactor, 3, 4)),
        group_{streams_, options.stream, this, true, queued_max(reactor, options)},
        addresses_(options.connections_per_address_max, options.ipv6_prefix_length),
        block_(factory_, addresses_.is_limited()) {}

  /// Checks that `call` comes from the reactor's thread, in builds with assertions.
  void check(const char* call) const noexcept { detail::check_thread(reactor_, call); }

  Result<Endpoint> listen(std::string_view where);
  Result<Endpoint> listen(const Endpoint& where);
  Result<Endpoint> adopt(Socket listener);
  [[nodiscard]] std::span<const Endpoint> local_endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] std::span<const UnappliedOption> unapplied() const noexcept { return unapplied_; }
  void accept_if(Filter filter) noexcept { filter_ = std::move(filter); }
  void set_error_handler(ErrorHandler handler) noexcept {
    error_handler_ = std::move(handler);
    is_handler_set_ = true;
  }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  [[nodiscard]] Counters counters() const noexcept;

  void stop_accepting() noexcept;
  void drain(Duration timeout, Function<void()> done);
  void abort() noexcept;
  void close() noexcept;

  // What the streams call.
  void drain(detail::StreamImpl& stream) override;
  void ended(detail::StreamImpl& stream) noexcept override;
  void destroy(detail::StreamImpl& stream) noexcept override;
  bool secured(detail::StreamImpl& stream) override;
  bool threw(detail::StreamImpl& stream, const std::exception_ptr& exception) override;

 private:
  /// `limit`, or so many parts of the descriptors that this process may open.
  [[nodiscard]] static std::size_t limit_of(std::size_t limit, Reactor& reactor, std::size_t parts,
                                            std::size_t of) noexcept {
    if (limit != by_descriptors) return limit;
    const std::size_t all = reactor.net().descriptors_max();
    return all == unlimited ? all : std::max<std::size_t>(all / of * parts, 1);
  }
  [[nodiscard]] static detail::OutputSize queued_max(Reactor& reactor,
                                                     const ServerOptions& options) noexcept {
    return {options.write_buffers_max, limit_of(options.write_descriptors_max, reactor, 1, 8)};
  }

  /// Null: the streams have none.
  [[nodiscard]] StreamLayers* layers() const noexcept {
    return options_.secure != nullptr ? options_.secure : detail::layers_of_all_streams;
  }
  /// A stream with a layer gets its session when that is secured.
  [[nodiscard]] static bool has_session(const detail::StreamImpl& stream) noexcept {
    return &stream.handler() != &detail::silent_handler();
  }
  [[nodiscard]] bool is_full() const noexcept {
    return connections_ >= connections_max_ || handshakes_ >= options_.handshakes_max;
  }
  Result<Endpoint> listen_on_localhost(std::uint16_t port);
  Result<Endpoint> accept_on(Socket listener, const Endpoint& local);
  void pause_if_full() noexcept;
  void resume_if(bool was_full) noexcept;

  void admit(Socket client, const Endpoint& peer);
  [[nodiscard]] detail::StreamImpl* make_client(Socket& client, const Endpoint& peer);
  [[nodiscard]] bool passes_filter(const Endpoint& peer);
  [[nodiscard]] bool report(const std::exception_ptr& exception, const Endpoint* peer);
  [[nodiscard]] detail::StreamImpl* make_stream(Socket& client, const Endpoint& peer,
                                                detail::AddressCounts::Entry* counted);

  void on_drain_timer();
  void end_drain() noexcept;

  Reactor& reactor_;
  SessionFactory factory_;
  const ServerOptions options_;
  detail::StreamContext& streams_;
  const std::size_t connections_max_;
  detail::StreamGroup group_;
  Filter filter_;
  ErrorHandler error_handler_;
  bool is_handler_set_ = false;
  Counters counters_;
  detail::AddressCounts addresses_;
  const detail::ClientBlock block_;
  std::size_t connections_ = 0;
  std::size_t handshakes_ = 0;  // connections without a session
  // The calls of drain() and abort(): a client that is being admitted ends, too.
  std::size_t ends_ = 0;
  std::optional<Timer> drain_timer_;  // the deadline of drain(), and then the turn of done_
  Function<void()> done_;
  bool ends_sessions_ = false;  // abort(): none outlives its stream
  bool drained_ = false;  // the last connection has ended, and the timer waits for the next turn
  std::vector<Endpoint> endpoints_;
  std::vector<UnappliedOption> unapplied_;
  std::vector<detail::SocketFile> files_;
  std::vector<Acceptor> listeners_;
};

}  // namespace rondo
