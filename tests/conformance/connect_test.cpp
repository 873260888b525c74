// SPDX-License-Identifier: MIT
// The result of a connect, on every backend: SO_ERROR reports it, not writability.
#include <cerrno>
#include <optional>
#include <system_error>

#include <rondo/socket.h>

#include "support/descriptors.h"
#include "support/failing_net.h"
#include "support/on_every_backend.h"
#include "support/recording_handler.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

class Connecting : public ReactorOnEveryBackend {
 protected:
  Connecting() { spy.use_net(&net); }

  /// The result of a connect to that port, read whenever the socket is reported as writable.
  std::optional<std::error_code> outcome(unsigned short port) {
    auto socket = Socket::connect(reactor.net(), Endpoint::loopback(port));
    if (!socket) return socket.error().code;
    std::optional<std::error_code> result_read;
    RecordingHandler handler{[&](Ready) {
      const std::error_code result = socket->connect_result();
      if (!result_read && result != std::errc::operation_in_progress) result_read = result;
    }};
    const Watch watch = reactor.watch(socket->fd(), Ready::write, handler).value();
    EXPECT_TRUE(run_until(reactor, [&] { return result_read.has_value(); }));
    return result_read;
  }

  FailingNet net{spy.inner().net()};
};
RONDO_ON_EVERY_BACKEND(Connecting);

TEST_P(Connecting, ToAClosedPortIsRefused) {
  EXPECT_EQ(outcome(deserted_port()).value(), std::errc::connection_refused);
}

TEST_P(Connecting, ToAListenerEndsWithoutAnError) {
  const Listener listener = tcp_listener();
  EXPECT_FALSE(outcome(listener.port).value());
}

// A socket that is not connected is writable to some pollers, and any readiness is a hint.
TEST_P(Connecting, IsUnderWayAlthoughTheSocketWasCalledWritable) {
  net.fail("connect", EINPROGRESS);
  auto socket = Socket::connect(reactor.net(), Endpoint::loopback(deserted_port())).value();
  RecordingHandler handler;
  const Watch watch = reactor.watch(socket.fd(), Ready::write, handler).value();
  run_turns(reactor, 1);
  spy.inject(spy.token_of(socket.fd()), Ready::write);
  run_turns(reactor, 1);
  EXPECT_GT(handler.calls, 0);
  EXPECT_EQ(socket.connect_result(), std::errc::operation_in_progress);
}

}  // namespace
}  // namespace rondo::test
