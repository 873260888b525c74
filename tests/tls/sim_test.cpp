// SPDX-License-Identifier: MIT
// TLS on the simulated network. OpenSSL draws its random numbers from a seed, so that runs repeat;
// and the connection of a client and a server is cut at each byte of their handshake.
#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_METHOD, which can be replaced and put back at any time
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/rand.h>

#include <random>

#include <rondo/sim.h>

#include "middle.h"
#include "support/noted_session.h"
#include "tls_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

/// The random numbers of OpenSSL in this process, while it exists: one at a time.
class SeededRandomness {
 public:
  explicit SeededRandomness(std::uint64_t seed) {
    random.seed(seed);
    static const RAND_METHOD seeded = {nullptr, draw, nullptr, nullptr, draw, [] { return 1; }};
    EXPECT_EQ(RAND_set_rand_method(&seeded), 1);
  }
  SeededRandomness(const SeededRandomness&) = delete;
  SeededRandomness& operator=(const SeededRandomness&) = delete;
  ~SeededRandomness() { RAND_set_rand_method(RAND_OpenSSL()); }

 private:
  static int draw(unsigned char* into, int size) {
    for (int i = 0; i < size; ++i) into[i] = static_cast<unsigned char>(random());
    return 1;
  }
  static inline std::mt19937_64 random;
};

/// While it exists, OpenSSL's configuration has a newest version to speak.
class NewestVersion {
 public:
  explicit NewestVersion(const std::string& version) { set(version); }
  NewestVersion(const NewestVersion&) = delete;
  NewestVersion& operator=(const NewestVersion&) = delete;
  ~NewestVersion() { set("None"); }

 private:
  static void set(const std::string& version) {
    OPENSSL_load_builtin_modules();
    const std::string text =
        "openssl_conf=init\n[init]\nssl_conf=ssl\n[ssl]\nsystem_default=all\n[all]\nMaxProtocol=" +
        version + '\n';
    BIO* const bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
    CONF* const made = NCONF_new(nullptr);
    EXPECT_EQ(NCONF_load_bio(made, bio, nullptr), 1);
    EXPECT_EQ(CONF_modules_load(made, nullptr, 0), 1);
    NCONF_free(made);
    BIO_free(bio);
  }
};

struct TlsWorldOptions {
  std::uint64_t openssl_seed = 1;
  const char* certificate = "ed25519";
  bool gives_tickets = true;
  bool keeps_sessions = true;
};

/// A server, a client, and a host between them. In the world, it is June 2020 when it begins.
class TlsWorld {
 public:
  explicit TlsWorld(std::uint64_t seed, const TlsWorldOptions& options)
      : world(seed),
        randomness_(options.openssl_seed),
        secure(identity(options.certificate),
               {.gives_tickets = options.gives_tickets, .clock = clock()}),
        trust({.roots = roots(),
               .host = "a.example",
               .sessions_max = options.keeps_sessions ? 100U : 0U,
               .clock = clock()}) {}

  [[nodiscard]] tls::Clock clock() {
    return [this] {
      const std::chrono::sys_days start{std::chrono::year{2020} / std::chrono::June / 1};
      return start +
             std::chrono::duration_cast<std::chrono::system_clock::duration>(world.elapsed());
    };
  }
  bool runs_until(const std::function<bool()>& done, Duration limit = 1min) {
    return world.run_until(
        [&] {
          middle.pump();
          return done();
        },
        limit);
  }
  void run_for(Duration duration) {
    EXPECT_FALSE(runs_until([] { return false; }, duration));
  }
  [[nodiscard]] std::unique_ptr<Stream> connect(StreamRecorder& recorder) {
    return rondo::connect(client_reactor, middle.where(), recorder,
                          {.stream = {.lifetime = 1h}, .secure = &trust});
  }
  /// Says something, hears it again, and ends.
  void talk(Stream& stream, const StreamRecorder& recorder) {
    stream.write("hello");
    EXPECT_TRUE(runs_until([&] { return recorder.received == "hello" || recorder.closes > 0; }));
    stream.shutdown_output();
    EXPECT_TRUE(runs_until([&] { return recorder.closes == 1 && middle.is_idle(); }));
    EXPECT_EQ(recorder.message, "eof");
    EXPECT_EQ(recorder.received, "hello");
    EXPECT_TRUE(notes.ends_with("made open hello end eof. gone ")) << notes;
  }
  void partition() {
    world.partition("client", "middle");
    world.partition("middle", "10.0.0.1");
  }
  void heal() {
    world.heal("client", "middle");
    world.heal("middle", "10.0.0.1");
  }
  /// Nothing happens any more, and nothing is left but the listeners.
  void expect_rest() {
    run_for(1s);
    EXPECT_TRUE(runs_until([&] { return server.connections() == 0 && middle.is_idle(); }))
        << world.report();
    EXPECT_TRUE(world.run()) << world.report();
    EXPECT_EQ(server_host.descriptors(), 2U) << "the listener, and one in reserve";
    EXPECT_EQ(middle_host.descriptors(), 1U) << "the listener";
    EXPECT_EQ(client_host.descriptors(), 0U);
    EXPECT_EQ(server_host.connections(), 0U);
    EXPECT_EQ(middle_host.connections(), 0U);
    EXPECT_EQ(client_host.connections(), 0U);
  }

  sim::World world;
  sim::Host& server_host = world.host("10.0.0.1");
  sim::Host& middle_host = world.host("middle");
  sim::Host& client_host = world.host("client");

 private:
  SeededRandomness randomness_;

 public:
  Reactor server_reactor{server_host.backend()};
  Reactor client_reactor{client_host.backend()};
  tls::Server secure;
  tls::Client trust;
  std::string notes;
  Server server =
      serve(server_reactor, "10.0.0.1:0", session_factory<NotedSession>(notes), {.secure = &secure})
          .value();
  Middle middle{world, middle_host, server.local_endpoint()};
};

// --- runs repeat --------------------------------------------------------------------------------

/// What happens in a world with faults, in which three clients come one after the other.
std::string trace_of(std::uint64_t seed, std::uint64_t openssl_seed, bool gives_tickets) {
  TlsWorld one{seed, {.openssl_seed = openssl_seed, .gives_tickets = gives_tickets}};
  std::string trace;
  one.world.on_trace([&](std::string_view line) { (trace += line) += '\n'; });
  // A ticket contains the time of its session, which is the system's.
  one.middle.note_contents(!gives_tickets);
  one.world.faults().swarm();
  for (int i = 0; i < 3; ++i) {
    StreamRecorder recorder;
    const auto stream = one.connect(recorder);
    stream->write("hello");
    // A fault may have ended it, or the host between the two may be waiting for a socket.
    (void)one.runs_until([&] { return recorder.received == "hello" || recorder.closes > 0; }, 20s);
    EXPECT_TRUE(std::string_view{"hello"}.starts_with(recorder.received));
    stream->shutdown_output();
    (void)one.runs_until([&] { return recorder.closes > 0; }, 20s);  // as above
    EXPECT_LE(recorder.closes, 1);
  }
  one.world.faults().clear();
  one.middle.reset();
  one.expect_rest();
  return trace;
}

TEST(TlsWorlds, AreTheSameForTheSameSeed) {
  for (const std::uint64_t seed : sim::test_seeds(20)) {
    for (const bool gives_tickets : {false, true}) {
      const std::string trace = trace_of(seed, seed, gives_tickets);
      EXPECT_EQ(trace, trace_of(seed, seed, gives_tickets));
      EXPECT_NE(trace, trace_of(seed + 1, seed + 1, gives_tickets));
    }
  }
}

TEST(TlsWorlds, HaveOtherBytesForOtherRandomNumbers) {
  EXPECT_NE(trace_of(1, 1, false), trace_of(1, 2, false));
}

TEST(TlsWorlds, CompareTheirTimeWithCertificates) {
  TlsWorld one{1, {.certificate = "expired", .gives_tickets = false}};
  StreamRecorder early;
  auto stream = one.connect(early);
  one.talk(*stream, early);
  one.world.run_for(24h * 365);
  StreamRecorder late;
  stream = one.connect(late);
  EXPECT_TRUE(one.runs_until([&] { return late.closes == 1; }));
  EXPECT_NE(late.what.find("valid until 2021-01-01"), std::string::npos) << late.message;
}

// --- handshakes are cut -------------------------------------------------------------------------

struct Kind {
  const char* name;
  const char* version;
  bool is_resumed;
  std::size_t step;  // from one byte that is looked at to the next
};
constexpr Kind kinds[] = {{"Full", "TLSv1.3", false, 1},
                          {"Resumed", "TLSv1.3", true, 2},
                          {"Tls12", "TLSv1.2", false, 3},
                          {"Tls12Resumed", "TLSv1.2", true, 3}};

constexpr std::size_t size_min = 500;

class TlsHandshakes : public testing::TestWithParam<Kind> {
 protected:
  /// A handshake, and how far it has come.
  struct Attempt {
    StreamRecorder recorder;
    std::unique_ptr<Stream> stream;
    bool client_is_open = false;
    bool server_is_open = false;
  };

  /// Begins a handshake of which `size` bytes arrive, and no more. False: it has no more.
  bool begin(Attempt& attempt, std::size_t size) {
    if (GetParam().is_resumed && !std::exchange(has_session_, false)) {
      StreamRecorder first;
      const auto stream = one.connect(first);
      one.talk(*stream, first);
    }
    one.notes.clear();
    failed_ = one.server.counters().failed;
    one.middle.let_pass(size);
    begun_ = one.world.now();
    attempt.stream = one.connect(attempt.recorder);
    one.run_for(10ms);  // it is connected
    return arrives(attempt);
  }
  /// Whether what may pass has arrived.
  bool arrives(Attempt& attempt) {
    const bool has_passed = one.runs_until([&] { return one.middle.has_passed_them(); }, 1s);
    one.run_for(3ms);
    attempt.client_is_open = attempt.recorder.opens == 1;
    attempt.server_is_open = one.notes == "made open ";
    return has_passed;
  }
  /// Calls `check` for a handshake that has come as far as each byte of it, or one in `step`, and
  /// then no further. After the check nothing may be left of it.
  void at_each_byte(const std::function<void(Attempt&)>& check, std::size_t step = 1) {
    bool goes_on = true;
    std::size_t at = 0;
    for (; goes_on && !HasFailure(); at += step * GetParam().step) {
      SCOPED_TRACE(at);
      Attempt attempt;
      goes_on = begin(attempt, at);
      goes_on ? check(attempt) : succeeds(attempt);
      attempt.stream.reset();
      one.middle.let_pass(Middle::everything);
      one.expect_rest();
    }
    EXPECT_GT(at, size_min);
  }
  void succeeds(Attempt& attempt) {
    one.middle.let_pass(Middle::everything);
    EXPECT_TRUE(one.runs_until([&] { return attempt.recorder.opens == 1; }, 9s));
    const auto info = tls::info(*attempt.stream);
    if (!info) return;
    EXPECT_EQ(info->version, GetParam().version);
    EXPECT_EQ(info->resumed, GetParam().is_resumed);
    one.talk(*attempt.stream, attempt.recorder);
    EXPECT_EQ(one.server.counters().failed, failed_);
    has_session_ = true;
  }
  /// The connection has been ended, at both sides.
  void ends(const Attempt& attempt, CloseReason reason, const std::string& in_handshake,
            const std::string& later) {
    one.run_for(1min);  // longer than any deadline
    EXPECT_EQ(attempt.recorder.opens, attempt.client_is_open ? 1 : 0);
    EXPECT_EQ(attempt.recorder.closes, 1);
    EXPECT_EQ(attempt.recorder.reason, reason);
    EXPECT_EQ(attempt.recorder.message, attempt.client_is_open ? later : in_handshake);
    EXPECT_EQ(one.notes, attempt.server_is_open ? "made open " + later + ". gone " : "");
    EXPECT_EQ(one.server.connections(), 0U);
    EXPECT_EQ(failed(), attempt.server_is_open ? 0U : 1U);
  }
  void run_until_after(Duration since_begin) {
    one.run_for(begun_ + since_begin - one.world.now());
  }
  [[nodiscard]] std::uint64_t failed() const { return one.server.counters().failed - failed_; }

  const NewestVersion version{GetParam().version};
  TlsWorld one{1, {.keeps_sessions = GetParam().is_resumed}};

 private:
  bool has_session_ = false;
  TimePoint begun_;
  std::uint64_t failed_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Kinds, TlsHandshakes, testing::ValuesIn(kinds),
                         [](const auto& kind) { return std::string{kind.param.name}; });

TEST_P(TlsHandshakes, EndByAResetAtAnyByte) {
  at_each_byte([this](Attempt& attempt) {
    one.middle.reset();
    ends(attempt, CloseReason::reset, "handshake: Connection reset by peer",
         "reset: Connection reset by peer");
  });
}

TEST_P(TlsHandshakes, AreTruncatedAtAnyByte) {
  at_each_byte(
      [this](Attempt& attempt) {
        one.middle.finish();
        ends(attempt, CloseReason::truncated, "tls: the peer left in the handshake",
             "tls: the peer left without an end");
      },
      3);
}

TEST_P(TlsHandshakes, EndByTheirTimeoutWhenNoByteComesAnyMore) {
  at_each_byte([this](Attempt& attempt) {
    const StreamRecorder& client = attempt.recorder;
    one.partition();
    one.middle.let_pass(Middle::everything);
    run_until_after(9900ms);
    EXPECT_EQ(client.closes, 0);
    EXPECT_EQ(one.server.connections(), 1U);
    run_until_after(10100ms);
    EXPECT_EQ(client.closes, attempt.client_is_open ? 0 : 1);
    EXPECT_EQ(one.server.connections(), attempt.server_is_open ? 1U : 0U);
    EXPECT_EQ(failed(), attempt.server_is_open ? 0U : 1U);
    if (!attempt.client_is_open) {
      EXPECT_EQ(client.reason, CloseReason::timed_out);
      EXPECT_EQ(client.message, "handshake timeout: Connection timed out");
    }
    one.heal();
    if (attempt.client_is_open && attempt.server_is_open) return one.talk(*attempt.stream, client);
    one.run_for(1min);  // the other side sees it now, if it was open
    EXPECT_EQ(client.opens, attempt.client_is_open ? 1 : 0);
    EXPECT_EQ(client.closes, 1);
    EXPECT_EQ(one.notes.find("gone "), attempt.server_is_open ? one.notes.size() - 5 : -1UL)
        << one.notes;
  });
}

TEST_P(TlsHandshakes, GoOnAfterAPartitionAtAnyByte) {
  at_each_byte(
      [this](Attempt& attempt) {
        one.partition();
        one.middle.let_pass(Middle::everything);
        one.run_for(3s);
        EXPECT_EQ(attempt.recorder.closes, 0);
        EXPECT_EQ(one.server.connections(), 1U);
        one.heal();
        succeeds(attempt);
      },
      3);
}

TEST_P(TlsHandshakes, MayComeByteByByte) {
  Attempt attempt;
  std::size_t count = 0;
  for (bool goes_on = begin(attempt, 1); goes_on; ++count) {
    one.middle.let_pass(1);
    goes_on = arrives(attempt);
  }
  EXPECT_GT(count, size_min);
  EXPECT_TRUE(attempt.client_is_open && attempt.server_is_open);
  succeeds(attempt);
  one.expect_rest();
}

TEST_P(TlsHandshakes, MayBeReadAndWrittenInPieces) {
  for (const sim::Fault fault : {sim::Fault::short_read, sim::Fault::short_write})
    one.world.faults().set(fault, 1);
  for (int i = 0; i < 20; ++i) {
    Attempt attempt;
    EXPECT_FALSE(begin(attempt, Middle::everything));
    succeeds(attempt);
  }
}

}  // namespace
}  // namespace rondo::test
