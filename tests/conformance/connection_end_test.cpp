// Coroutines that serve a client, and end after what called them, on each backend.
#include <rondo/connection.h>

#include <optional>
#include <utility>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

class ConnectionEndTest : public ServersOnEveryBackend {
 protected:
  template <typename F>
  Server start(F function) {
    return serve(reactor, "127.0.0.1:0", std::move(function), without_lingering()).value();
  }
};
RONDO_ON_EVERY_BACKEND(ConnectionEndTest);

TEST_P(ConnectionEndTest, ComesOnceIfTheCoroutineDestroysItsServerAndReturns) {
  std::optional<Server> server;
  for (int reads = 0; reads < 3; ++reads) {
    const auto body = [&](Connection& client) -> Task<> {
      for (int left = reads; left > 0; --left) (void)co_await client.read();
      server.reset();
    };
    server.emplace(start(body));
    Fd client = connect(server->local_endpoint());
    write_all(client.get(), "hello");
    if (reads == 2) client = Fd{};  // the second read finds the end
    EXPECT_TRUE(runs_until([&] { return !server.has_value(); }));
    run_on();
    if (reads < 2) {
      EXPECT_TRUE(is_closed(client));
    }
  }
}

}  // namespace
}  // namespace rondo::test
