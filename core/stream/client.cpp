// SPDX-License-Identifier: MIT
// A client's stream. While it connects it has no descriptor: the Connector in its Extra makes one,
// and output waits in the queue. From connected() on it does not differ from other streams.
#include <rondo/client.h>

#include <memory>
#include <string>
#include <utility>

#include <rondo/connector.h>
#include <rondo/resolver.h>
#include <rondo/socket.h>

#include "names/target.h"
#include "socket/apply_options.h"
#include "stream_impl.h"

namespace rondo::detail {

std::unique_ptr<Stream> StreamImpl::connect(Reactor& reactor, std::string_view target,
                                            StreamHandler& handler, const ConnectOptions& options) {
  check_thread(reactor, "rondo::connect");
  StreamContext& context = StreamContext::of(reactor);
  context.make_room();
  auto group = std::make_unique<StreamGroup>(context, options.stream);
  auto stream = std::make_unique<StreamImpl>(
      *group, &handler, StreamState{Life::connecting, StreamState::owns_group});
  (void)group.release();  // it belongs to the stream now
  context.add(*stream, never);
  if (options.secure != nullptr && !stream->make_layer(*options.secure, target)) return stream;
  ConnectorOptions race;
  race.timeout = options.timeout;
  race.stagger = options.stagger;
  race.resolution_delay = options.resolution_delay;
  race.addresses_max = options.addresses_max;
  race.in_flight_max = options.in_flight_max;
  race.source = options.source;
  race.prepare = [socket_options = options.socket](Socket& socket,
                                                   const Endpoint& peer) -> Result<void> {
    auto unapplied = apply(socket, peer, socket_options, Purpose::connect);
    if (unapplied.empty()) return {};
    return std::move(unapplied.front().error);
  };
  Resolver& resolver = options.resolver != nullptr ? *options.resolver : context.resolver(reactor);
  // Reserved now: later an error must be reported even without memory.
  stream->extra().what = "connect to " + std::string{target};
  stream->extra().connector = std::unique_ptr<Connector>(new Connector(
      reactor, &resolver, std::string{target}, {},
      [self = stream.get()](Result<Socket> socket, Watch watch) {
        self->connected(std::move(socket), std::move(watch));
      },
      std::move(race)));
  return stream;
}

/// False: it cannot be made, and the stream has ended.
bool StreamImpl::make_layer(StreamLayers& layers, std::string_view target) {
  const auto parsed = parse_target(target);
  if (!parsed) return true;  // the connector reports it
  std::string host;
  if (!parsed->endpoint) {
    host = parsed->host;
  } else if (parsed->endpoint->family() != AddressFamily::unix_domain) {
    host = parsed->endpoint->host();
  }
  auto layer = layers.make(host);
  if (layer) {
    set_layer(std::move(*layer));
    return true;
  }
  Error error = std::move(layer).error();
  extra().what = std::move(error.context);
  extra().close_error = error.code;
  end(CloseReason::not_connected);
  return false;
}

void StreamImpl::connected(Result<Socket> result, Watch watch) {
  const auto connector = std::move(extra().connector);  // it may be destroyed inside its callback
  if (!result) {
    Error error = std::move(result).error();
    extra_->what = std::move(error.context);
    extra_->close_error = error.code;
    return end(CloseReason::not_connected);
  }
  context().remove(*this);  // open() adds it again
  state_.connected();
  if (const std::error_code error = open(result->fd(), std::move(watch))) {
    extra_->close_error = error;
    return end(CloseReason::not_connected);
  }
  (void)result->release();  // it belongs to the stream now
  extra_->what = {};
  context().run_at_end_of_turn(*this);
}

}  // namespace rondo::detail

std::unique_ptr<rondo::Stream> rondo::connect(Reactor& reactor, std::string_view target,
                                              StreamFunctions functions,
                                              const ConnectOptions& options) {
  detail::OwnedHandler handler = detail::handler_that_calls(std::move(functions));
  auto stream = connect(reactor, target, *handler, options);
  detail::StreamImpl::of(*stream).own_handler(std::move(handler));
  return stream;
}

std::unique_ptr<rondo::Stream> rondo::connect(Reactor& reactor, std::string_view target,
                                              StreamHandler& handler,
                                              const ConnectOptions& options) {
  return detail::StreamImpl::connect(reactor, target, handler, options);
}
