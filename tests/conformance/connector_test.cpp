// SPDX-License-Identifier: MIT
// Connector: targets, results and lifetimes, with real listeners.
#include <rondo/connector.h>

#include <unistd.h>

#include <memory>

#include <rondo/resolver.h>

#include "support/connect_fixture.h"
#include "support/failing_net.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"
#include "support/temporary_file.h"

namespace rondo::test {
namespace {

class ConnectorTest : public ReactorOnEveryBackend {
 protected:
  ResolverOptions local_names() {
    ResolverOptions options;
    options.hosts_path = hosts.path();
    return options;
  }
  /// Connects and runs to the end.
  Outcome connect(const std::string& target, ConnectorOptions options = {}) {
    Outcome outcome;
    Connector connector{reactor, resolver, target, outcome.keeper(), std::move(options)};
    EXPECT_EQ(outcome.calls, 0) << "from inside the constructor";
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(outcome.calls, 1);
    return outcome;
  }

  TemporaryFile hosts;
  Resolver resolver{reactor, local_names()};
};

RONDO_ON_EVERY_BACKEND(ConnectorTest);

TEST_P(ConnectorTest, ConnectsToAnAddress) {
  const Socket four = listen(at("127.0.0.1:0"));
  const Socket six = listen(at("[::1]:0"));
  const Socket named = listen(at("unix:@rondo-connector-" + std::to_string(::getpid())));
  for (const Socket* listener : {&four, &six, &named}) {
    const std::string target = listener->local_endpoint().value().to_string();
    const Outcome outcome = connect(target);
    EXPECT_EQ(outcome.text(), target);
  }
}

TEST_P(ConnectorTest, ConnectsToANameByTheAddressThatListens) {
  const Socket listener =
      make_with_port_free_at({"127.0.0.2"}, [] { return listen(at("127.0.0.3:0")); });
  const Endpoint local = listener.local_endpoint().value();
  const ClosedPort first{at("127.0.0.2:" + std::to_string(local.port()))};
  hosts.write("127.0.0.2 server.test\n127.0.0.3 server.test\n");
  EXPECT_EQ(connect("server.test:" + std::to_string(local.port())).text(), local.to_string());
}

TEST_P(ConnectorTest, SaysWhatWasTriedAndWhy) {
  const auto closed =
      make_with_port_free_at({"127.0.0.3"}, [] { return ClosedPort{at("127.0.0.2:0")}; });
  const std::string port = ':' + std::to_string(closed.local.port());
  const Outcome one = connect("127.0.0.2" + port);
  EXPECT_EQ(one.text(), "connect to 127.0.0.2" + port + ": Connection refused");
  EXPECT_EQ(one.error(), std::errc::connection_refused);

  const ClosedPort other{at("127.0.0.3" + port)};
  hosts.write("127.0.0.2 server.test\n127.0.0.3 server.test\n");
  EXPECT_EQ(connect("server.test" + port).text(), "connect to server.test" + port + ": 127.0.0.3" +
                                                      port + ": Connection refused; " +
                                                      "127.0.0.2" + port + ": Connection refused");
}

TEST_P(ConnectorTest, ReportsTheNameThatWasNotFound) {
  const Outcome outcome = connect("256.1.1.1:80");
  EXPECT_EQ(outcome.text(),
            "connect to 256.1.1.1:80: resolve \"256.1.1.1\": not an address: Not a host name");
  EXPECT_EQ(outcome.error(), ResolveError::bad_name);
}

TEST_P(ConnectorTest, RefusesWhatIsNoTarget) {
  for (const char* target : {"", "localhost", ":80", "localhost:", "localhost:65536",
                             "localhost:80x", "localhost:-1", "unix:", "[::1", "::1:80"}) {
    const Outcome outcome = connect(target);
    EXPECT_EQ(outcome.error(), std::errc::invalid_argument) << target;
    EXPECT_TRUE(outcome.text().starts_with("connect to ")) << outcome.text();
  }
  EXPECT_EQ(connect("a\n:80\x01").text().find('\n'), std::string::npos);
}

TEST_P(ConnectorTest, TakesTheFirstOfTheGivenAddressesThatConnects) {
  const ClosedPort closed{at("127.0.0.1:0")};
  const Socket listener = listen(at("127.0.0.1:0"));
  Outcome outcome;
  const Connector connector{
      reactor, {closed.local, listener.local_endpoint().value()}, outcome.keeper()};
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(outcome.text(), listener.local_endpoint().value().to_string());
}

TEST_P(ConnectorTest, CallsPrepareForEachSocketBeforeItConnects) {
  const ClosedPort closed{at("127.0.0.1:0")};
  int prepared = 0;
  bool fails = false;
  const auto options = [&] {
    ConnectorOptions made;
    made.prepare = [&](Socket& socket, const Endpoint& peer) -> Result<void> {
      ++prepared;
      EXPECT_FALSE(socket.remote_endpoint());
      EXPECT_EQ(peer, closed.local);
      if (fails) return Error{std::make_error_code(std::errc::no_protocol_option), "prepare it"};
      return {};
    };
    return made;
  };
  EXPECT_EQ(connect(closed.local.to_string(), options()).error(), std::errc::connection_refused);
  EXPECT_EQ(prepared, 1);
  fails = true;
  const std::string target = closed.local.to_string();
  const Outcome failed = connect(target, options());
  EXPECT_EQ(failed.error(), std::errc::no_protocol_option);
  EXPECT_EQ(failed.text(), "connect to " + target + ": prepare it: Protocol not available");
}

TEST_P(ConnectorTest, FailsAtOnceWithATimeoutOfZero) {
  const FullListener full{at("127.0.0.1:0")};
  ConnectorOptions options;
  options.timeout = Duration::zero();
  Outcome outcome;
  const Connector connector{reactor, {full.local}, outcome.keeper(), std::move(options)};
  EXPECT_EQ(outcome.calls, 0) << "nothing is reported from inside the constructor";
  run_turns(reactor, 2);
  EXPECT_EQ(outcome.error(), std::errc::timed_out);
}

TEST_P(ConnectorTest, HasNoDeadlineWithATimeoutOfForever) {
  const FullListener full{at("127.0.0.1:0")};
  const Socket listener = listen(at("127.0.0.1:0"));
  ConnectorOptions silent;
  silent.timeout = forever;
  Outcome outcome;
  const Connector connector{reactor, {full.local}, outcome.keeper(), std::move(silent)};
  ConnectorOptions options;
  options.timeout = forever;
  EXPECT_TRUE(reactor.run_for(std::chrono::milliseconds{20}));
  EXPECT_EQ(outcome.calls, 0);
  Outcome connected;
  const Connector other{
      reactor, {listener.local_endpoint().value()}, connected.keeper(), std::move(options)};
  EXPECT_TRUE(run_until(reactor, [&] { return connected.calls == 1; }));
  EXPECT_TRUE(connected.connected());
}

TEST_P(ConnectorTest, BindsToTheSourceAddress) {
  const Socket listener = listen(at("127.0.0.1:0"));
  ConnectorOptions options;
  options.source = at("127.0.0.9:0");
  const Outcome outcome =
      connect(listener.local_endpoint().value().to_string(), std::move(options));
  ASSERT_TRUE(outcome.connected()) << outcome.text();
  EXPECT_EQ((*outcome.result)->local_endpoint().value().host(), "127.0.0.9");

  ConnectorOptions other;
  other.source = at("[::1]:0");
  EXPECT_EQ(connect(listener.local_endpoint().value().to_string(), std::move(other)).error(),
            std::errc::address_family_not_supported);
}

TEST_P(ConnectorTest, DoesNotConnectToItself) {
  const ClosedPort closed{at("127.0.0.1:0")};
  const Endpoint port = closed.local;
  std::size_t prepared = 0;
  ConnectorOptions options;
  options.source = port;
  options.prepare = [&](Socket& socket, const Endpoint&) {
    ++prepared;
    return socket.set(SocketOption::reuse_address, 1);
  };
  // The socket is bound to the port that it connects to, as happens by chance now and then.
  const_cast<Socket&>(closed.socket).close();
  EXPECT_EQ(connect(port.to_string(), std::move(options)).error(), std::errc::connection_refused);
  EXPECT_EQ(prepared, Connector::self_connects_max + 1);
}

TEST_P(ConnectorTest, ReportsLackOfDescriptors) {
  FailingNet net{spy.inner().net()};
  spy.use_net(&net);
  net.fail("socket", EMFILE);
  EXPECT_EQ(connect("127.0.0.1:1").error(), std::errc::too_many_files_open);
  net.fail("socket", EMFILE, 0);
  const ClosedPort closed{at("127.0.0.1:0")};
  spy.fail_watch = {0, 1, std::make_error_code(std::errc::no_space_on_device)};
  EXPECT_EQ(connect(closed.local.to_string()).error(), std::errc::no_space_on_device);
}

TEST_P(ConnectorTest, IsNotCalledOnceDestroyed) {
  const Socket listener = listen(at("127.0.0.1:0"));
  const FullListener full{at("127.0.0.1:0")};
  const std::string open = listener.local_endpoint().value().to_string();
  Outcome outcome;
  {
    const Connector at_once{reactor, resolver, open, outcome.keeper()};
  }
  {
    hosts.write("127.0.0.1 server.test\n");
    const Connector resolving{reactor, resolver, "server.test:1", outcome.keeper()};
    EXPECT_TRUE(reactor.run_once(Duration::zero()));
  }
  auto connecting =
      std::make_unique<Connector>(reactor, resolver, full.local.to_string(), outcome.keeper());
  run_turns(reactor, 3);
  EXPECT_TRUE(reactor.alive());
  connecting.reset();
  EXPECT_FALSE(reactor.alive());
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(outcome.calls, 0);
}

TEST_P(ConnectorTest, MayBeDestroyedInItsCallback) {
  const Socket listener = listen(at("127.0.0.1:0"));
  for (const std::string& target :
       {listener.local_endpoint().value().to_string(), std::string{"?"}}) {
    int calls = 0;
    std::unique_ptr<Connector> connector;
    connector = std::make_unique<Connector>(reactor, resolver, target, [&](auto) {
      ++calls;
      connector.reset();
    });
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(calls, 1);
  }
}

TEST_P(ConnectorTest, MayBeDestroyedWhilePreparing) {
  FailingNet net{spy.inner().net()};
  spy.use_net(&net);
  std::unique_ptr<Connector> connector;
  ConnectorOptions options;
  int prepared = 0;
  options.prepare = [&](Socket&, const Endpoint&) -> Result<void> {
    ++prepared;
    connector.reset();
    return {};
  };
  connector = std::make_unique<Connector>(
      reactor, resolver, "127.0.0.1:1", [](auto) { ADD_FAILURE(); }, std::move(options));
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(prepared, 1);
  EXPECT_EQ(net.calls("connect"), 0);
}

TEST_P(ConnectorTest, GoesOnAfterAThrowWhilePreparing) {
  const Socket listener = listen(at("127.0.0.1:0"));
  ConnectorOptions options;
  options.stagger = Duration::zero();
  int prepared = 0;
  options.prepare = [&](Socket&, const Endpoint&) -> Result<void> {
    if (++prepared == 1) throw std::runtime_error{"thrown"};
    return {};
  };
  const Endpoint local = listener.local_endpoint().value();
  Outcome outcome;
  const Connector connector{reactor, {local, local}, outcome.keeper(), std::move(options)};
  EXPECT_THROW((void)reactor.run(), std::runtime_error);  // throws before it returns
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(outcome.text(), local.to_string());
}

TEST_P(ConnectorTest, MayBeMovedWhileItConnects) {
  const Socket listener = listen(at("127.0.0.1:0"));
  Outcome replaced;
  Outcome outcome;
  Connector target{reactor, resolver, "127.0.0.1:1", replaced.keeper()};
  Connector connector{reactor, resolver, listener.local_endpoint().value().to_string(),
                      outcome.keeper()};
  target = std::move(connector);
  const Connector last = std::move(target);
  EXPECT_TRUE(reactor.run());
  EXPECT_TRUE(outcome.connected());
  EXPECT_EQ(replaced.calls, 0);
}

}  // namespace
}  // namespace rondo::test
