// SPDX-License-Identifier: MIT
// The keys of tickets as they grow old. The client is OpenSSL alone: it shows any ticket again, and
// the first bytes of a ticket name its key.
#include <memory>
#include <stdexcept>

#include "raw_client.h"
#include "tls_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

struct FreeSession {
  void operator()(SSL_SESSION* one) const { SSL_SESSION_free(one); }
};
using SessionPointer = std::unique_ptr<SSL_SESSION, FreeSession>;

struct Visit {
  bool resumed = false;
  SessionPointer session;  // what can be shown next time

  [[nodiscard]] std::string ticket() const {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket(session.get(), &bytes, &size);
    return {reinterpret_cast<const char*>(bytes), size};
  }
  [[nodiscard]] std::string key_name() const { return ticket().substr(0, 16); }
};

class TlsTickets : public TlsOnEveryBackend {
 protected:
  Visit visit(tls::Server& secure, int version, const Visit* before = nullptr) {
    const Server server = serve(reactor, unix_name(), echo(), over(secure)).value();
    const Fd peer = connect(server.local_endpoint());
    RawClient client{version};
    if (before != nullptr) SSL_set_session(client.ssl(), before->session.get());
    std::string wire;
    for (int round = 0; round < 3; ++round) {
      client.shake_hands(wire);
      write_all(peer.get(), client.wire());
      run_on();
      wire = read_all(peer.get());
    }
    EXPECT_TRUE(client.shake_hands(wire));
    (void)client.hear({});  // the ticket of TLS 1.3
    Visit visit{SSL_session_reused(client.ssl()) == 1,
                SessionPointer{SSL_get1_session(client.ssl())}};
    EXPECT_FALSE(visit.key_name().empty());
    // OpenSSL forgets the session of a connection that was cut off.
    SSL_set_shutdown(client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return visit;
  }

  std::chrono::system_clock::time_point now{std::chrono::hours{500'000}};
  const tls::Clock clock = [this] { return now; };
  static constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
};
RONDO_ON_EVERY_BACKEND(TlsTickets);

TEST_P(TlsTickets, AreTakenWhileTheirKeyIsTheCurrentOneOrTheOneBefore) {
  for (const int version : versions) {
    tls::Server secure{identity("good"), {.ticket_keys = tls::TicketKeys{12h, clock}}};
    const Visit first = visit(secure, version);
    EXPECT_FALSE(first.resumed);
    now += 12h - 1s;
    const Visit soon = visit(secure, version, &first);
    EXPECT_TRUE(soon.resumed);
    EXPECT_EQ(soon.key_name(), first.key_name());
    EXPECT_EQ(soon.ticket() == first.ticket(), version == TLS1_2_VERSION);
    now += 1s;
    const Visit later = visit(secure, version, &first);
    EXPECT_TRUE(later.resumed) << "by the key before";
    EXPECT_NE(later.key_name(), first.key_name()) << "a new ticket, by the current key";
    now += 12h - 1s;
    EXPECT_TRUE(visit(secure, version, &first).resumed);
    now += 1s;
    EXPECT_FALSE(visit(secure, version, &first).resumed) << "two keys have come since";
    EXPECT_TRUE(visit(secure, version, &later).resumed);
  }
}

TEST_P(TlsTickets, AreNotTakenAfterALongSilence) {
  for (const int version : versions) {
    tls::Server secure{identity("good"), {.ticket_keys = tls::TicketKeys{12h, clock}}};
    const Visit first = visit(secure, version);
    now += 24h - 1s;
    EXPECT_TRUE(visit(secure, version, &first).resumed);
    tls::Server silent{identity("good"), {.ticket_keys = tls::TicketKeys{12h, clock}}};
    const Visit other = visit(silent, version);
    now += 24h;
    EXPECT_FALSE(visit(silent, version, &other).resumed);
  }
}

TEST_P(TlsTickets, GrowOldByTheServersClockWhereTheKeysAreItsOwn) {
  tls::Server secure{identity("good"), {.clock = clock}};
  const Visit first = visit(secure, TLS1_3_VERSION);
  const auto lifetime = std::chrono::floor<std::chrono::hours>(tls::TicketKeys::default_lifetime);
  now += lifetime;
  EXPECT_TRUE(visit(secure, TLS1_3_VERSION, &first).resumed);
  now += lifetime;
  EXPECT_FALSE(visit(secure, TLS1_3_VERSION, &first).resumed);
}

TEST_P(TlsTickets, FailTheHandshakeWhereTheClockThrows) {
  const auto broken = []() -> std::chrono::system_clock::time_point {
    throw std::runtime_error{"no time"};
  };
  tls::Server secure{identity("good"), {.ticket_keys = tls::TicketKeys{12h, broken}}};
  const Server server = serve(reactor, unix_name(), echo(), over(secure)).value();
  StreamRecorder recorder;
  tls::Client trust{{.roots = roots(), .host = "a.example"}};
  const auto stream =
      rondo::connect(reactor, server.local_endpoint().to_string(), recorder, {.secure = &trust});
  EXPECT_TRUE(runs_until([&] { return secure.counters().failed == 1; }));
  EXPECT_TRUE(has(server, 0));
}

}  // namespace
}  // namespace rondo::test
