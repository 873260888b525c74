// SPDX-License-Identifier: MIT
// Coroutines that serve a client, and end after what called them, on each backend.
#include <rondo/connection.h>

#include <optional>
#include <stdexcept>
#include <string>
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

// What a coroutine does about the loss of its connection.
Task<> read_to_the_end(Connection& client) {
  while (const auto data = co_await client.read()) {
  }
}

Task<> read_in_another_task(Connection& client) { co_await read_to_the_end(client); }

Task<> read_too_much(Connection& client) { (void)co_await client.read_exactly(10); }

Task<> throw_a_copy(Connection& client) {
  auto data = co_await client.try_read();
  while (data) data = co_await client.try_read();
  throw data.error();
}

struct OwnLoss final : Disconnected {
  explicit OwnLoss(const Disconnected& loss) : Disconnected(loss) {}
};

Task<> throw_a_derived_type(Connection& client) {
  auto data = co_await client.try_read();
  while (data) data = co_await client.try_read();
  throw OwnLoss{data.error()};
}

Task<> throw_another_type(Connection& client) {
  bool is_lost = false;
  try {
    co_await read_to_the_end(client);
  } catch (const Disconnected&) {
    is_lost = true;
  }
  if (is_lost) throw std::runtime_error("refused");
}

Task<> throw_a_number(Connection& client) {
  auto data = co_await client.try_read();
  while (data) data = co_await client.try_read();
  if (data.is_lost()) throw 1;
}

TEST_P(ConnectionEndTest, IsNoErrorIfItsConnectionWasLost) {
  Task<> (*const no_errors[])(Connection&) = {read_to_the_end, read_in_another_task, read_too_much,
                                              throw_a_copy, throw_a_derived_type};
  Task<> (*const errors[])(Connection&) = {throw_another_type, throw_a_number};
  const auto exceptions_of = [&](Task<> (*body)(Connection&)) {
    Server server = start(body);
    server.set_error_handler([](const std::exception_ptr&) {});
    Fd client = connect(server.local_endpoint());
    write_all(client.get(), "x");
    EXPECT_TRUE(has(server, 1));
    run_on();
    close_with_reset(client);
    EXPECT_TRUE(has(server, 0));
    return server.counters().exceptions;
  };
  for (const auto body : no_errors) EXPECT_EQ(exceptions_of(body), 0U);
  for (const auto body : errors) EXPECT_EQ(exceptions_of(body), 1U);
}

TEST_P(ConnectionEndTest, IsAnErrorIfAnotherConnectionWasLost) {
  const Server other_server = start(read_to_the_end);
  const std::string where = other_server.local_endpoint().to_string();
  const auto body = [where](Connection&) -> Task<> {
    const auto other = co_await open_connection(where);
    other->abort();
    co_await read_to_the_end(*other);
  };
  Server server = start(body);
  server.set_error_handler([](const std::exception_ptr&) {});
  const Fd client = connect(server.local_endpoint());
  EXPECT_TRUE(runs_until([&] { return server.counters().exceptions == 1; }));
  EXPECT_TRUE(has(server, 0));
}

}  // namespace
}  // namespace rondo::test
