// A client's stream. While it connects it has no descriptor: the Connector in its Extra makes one,
// and output waits in the queue. From connected() on it does not differ from other streams.
#include <rondo/client.h>

#include <memory>
#include <string>
#include <utility>

#include <rondo/connector.h>
#include <rondo/resolver.h>
#include <rondo/socket.h>

#include "socket/apply_options.h"
#include "streams.h"

namespace rondo {

using detail::StreamGroup;
using detail::Streams;

std::unique_ptr<Stream> Stream::connect(Reactor& reactor, std::string_view target,
                                        StreamHandler& handler, const ConnectOptions& options) {
  Streams& streams = Streams::of(reactor);
  streams.make_room();
  auto group = std::make_unique<StreamGroup>(streams, options.stream);
  std::unique_ptr<Stream> stream{new Stream{*group, &handler, owns_group | is_connecting}};
  (void)group.release();  // it belongs to the stream now
  ConnectorOptions race;
  race.timeout = options.timeout;
  race.stagger = options.stagger;
  race.source = options.source;
  race.prepare = [socket_options = options.socket](Socket& socket,
                                                   const Endpoint& peer) -> Result<void> {
    auto unapplied = detail::apply(socket, peer, socket_options, detail::Purpose::connect);
    if (unapplied.empty()) return {};
    return std::move(unapplied.front().error);
  };
  Resolver& resolver = options.resolver != nullptr ? *options.resolver : streams.resolver(reactor);
  // Reserved now: later an error must be reported even without memory.
  stream->extra().what = "connect to " + std::string{target};
  stream->extra().connector = std::make_unique<Connector>(
      reactor, resolver, target,
      [self = stream.get()](Result<Socket> connected) { self->connected(std::move(connected)); },
      std::move(race));
  return stream;
}

void Stream::connected(Result<Socket> result) {
  const auto connector = std::move(extra().connector);  // it may be destroyed inside its callback
  if (is_connecting_alone()) group_->streams.remove(*this);
  flags_ &= ~std::uint32_t{is_connecting};
  if (!result) {
    Error error = std::move(result).error();
    extra_->what = std::move(error.context);
    extra_->close_error = error.code;
    return end(CloseReason::not_connected);
  }
  if (const std::error_code error = open(result->fd())) {
    extra_->close_error = error;
    return end(CloseReason::not_connected);
  }
  (void)result->release();  // it belongs to the stream now
  extra_->what = {};
  // on_open is not called after close(). A detached stream that is opening would never be found.
  if (!is(closing | ended)) flags_ |= is_opening;
  group_->streams.settle_later(*this);
}

std::unique_ptr<Stream> connect(Reactor& reactor, std::string_view target, StreamHandler& handler,
                                const ConnectOptions& options) {
  return Stream::connect(reactor, target, handler, options);
}

}  // namespace rondo
