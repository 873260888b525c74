// SPDX-License-Identifier: MIT
// A conversation in which each of OpenSSL's allocations fails once, and what a connection holds of
// OpenSSL's memory. This is a program of its own: OpenSSL takes other functions for memory only
// before it is first used.
#include <openssl/crypto.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "raw_client.h"
#include "support/noted_session.h"
#include "tls_fixture.h"

namespace rondo::test {
namespace {

long allocations = 0;
constexpr long none = -1;
long fails_at = none;

std::size_t held = 0;     // bytes of the blocks that count
bool are_counted = true;  // new blocks

/// Before each block.
struct alignas(std::max_align_t) Label {
  std::size_t size;
  bool is_counted;
};

bool fails() { return ++allocations == fails_at; }

void count(const Label& label, bool is_more) {
  if (label.is_counted) held = is_more ? held + label.size : held - label.size;
}
Label* label_of(void* block) { return static_cast<Label*>(block) - 1; }

void* take(std::size_t size, const char*, int) {
  void* const raw = fails() ? nullptr : std::malloc(sizeof(Label) + size);
  if (raw == nullptr) return nullptr;
  auto* const label = new (raw) Label{size, are_counted};
  count(*label, true);
  return label + 1;
}
void give_back(void* block, const char*, int) {
  if (block == nullptr) return;
  count(*label_of(block), false);
  std::free(label_of(block));
}
void* take_again(void* old, std::size_t size, const char* file, int line) {
  if (old == nullptr) return take(size, file, line);
  if (fails()) return nullptr;
  count(*label_of(old), false);
  auto* const label = static_cast<Label*>(std::realloc(label_of(old), sizeof(Label) + size));
  if (label == nullptr) std::abort();
  label->size = size;
  count(*label, true);
  return label + 1;
}

[[maybe_unused]] const int is_set = CRYPTO_set_mem_functions(take, take_again, give_back);

class TlsMemory : public TlsOnEveryBackend {
 protected:
  /// Whether the conversation was as it is with memory, although this allocation failed.
  bool talks(long failing) {
    tls::Server secure{identity("good")};
    tls::Client trust{{.roots = roots(), .host = "a.example"}};
    const Server server = serve(reactor, "127.0.0.1:0", echo(), over(secure)).value();
    bool is_right = true;
    allocations = 0;
    fails_at = failing;
    for (int i = 0; i < 2; ++i) {  // the second one is resumed
      StreamRecorder recorder;
      std::unique_ptr<Stream> stream;
      try {
        stream = rondo::connect(reactor, server.local_endpoint().to_string(), recorder,
                                {.secure = &trust});
        stream->write("hello");
      } catch (const std::bad_alloc&) {
        is_right = false;
        continue;
      }
      EXPECT_TRUE(runs_until([&] { return recorder.received == "hello" || recorder.closes > 0; }));
      is_right = is_right && recorder.closes == 0;
      stream->close();
      EXPECT_TRUE(runs_until([&] { return recorder.closes > 0; }));
    }
    fails_at = none;
    return is_right;
  }
};
RONDO_ON_EVERY_BACKEND(TlsMemory);

TEST_P(TlsMemory, MayEndAtAnyAllocation) {
  ASSERT_EQ(is_set, 1);
  ASSERT_TRUE(talks(none));
  ASSERT_TRUE(talks(none)) << "OpenSSL has what it allocates once";
  const long all = allocations;
  ASSERT_GT(all, 100);
  const long step = GetParam().name == "sim" ? 11 : 101;
  int failed = 0;
  for (long at = 1; at <= all; at += step) failed += talks(at) ? 0 : 1;
  EXPECT_GT(failed, 0);
  EXPECT_TRUE(talks(none));
}

/// A server's side of a connection. Its peer is OpenSSL, too, whose memory does not count.
class TlsMemoryOfAConnection : public TlsOnEveryBackend {
 protected:
  static constexpr std::size_t without_buffers_max = 14'000;
  static constexpr std::size_t buffers = 2 << 14;

  /// What OpenSSL allocates for the whole process is there after the first connection.
  TlsMemoryOfAConnection() {
    server.emplace(
        serve(reactor, unix_name(), session_factory<NotedSession>(notes), over(secure)).value());
    begin("X25519");
    exchange(1);
  }
  template <typename Call>
  static auto uncounted(const Call& call) {
    are_counted = false;
    auto result = call();
    are_counted = true;
    return result;
  }
  /// What arrives within some turns.
  std::string arrives() {
    run_on();
    return read_all(peer.get());
  }
  /// In place of the connection before.
  void begin(const char* group) {
    peer = Fd{};
    run_on();
    client = uncounted([] { return std::make_unique<RawClient>(); });
    before = held;
    notes.clear();
    ASSERT_EQ(uncounted([&] { return SSL_set1_groups_list(client->ssl(), group); }), 1);
    peer = connect(server->local_endpoint());
    for (int round = 0; round < 10 && notes != "made open "; ++round) {
      const std::string arrived = arrives();
      uncounted([&] { return client->shake_hands(arrived); });
      write_all(peer.get(), client->wire());
      run_on();
    }
    ASSERT_EQ(notes, "made open ");
  }
  void exchange(int messages) {
    for (int i = 0; i < messages; ++i) {
      write_all(peer.get(), uncounted([&] { return client->say("hello"); }));
      const std::string arrived = arrives();
      ASSERT_EQ(uncounted([&] { return client->hear(arrived); }), "hello");
    }
  }
  [[nodiscard]] std::size_t size() const { return held - before; }

  std::string notes;
  tls::Server secure{identity("good")};
  std::optional<Server> server;
  std::unique_ptr<RawClient> client;
  Fd peer;
  std::size_t before = 0;
};
RONDO_ON_EVERY_BACKEND(TlsMemoryOfAConnection);

TEST_P(TlsMemoryOfAConnection, HasNoBuffersAfterAFewMessages) {
  begin("X25519");
  EXPECT_LT(size(), without_buffers_max);
  exchange(1);
  EXPECT_LT(size(), without_buffers_max);
  exchange(9);
  EXPECT_LT(size(), without_buffers_max);
}

TEST_P(TlsMemoryOfAConnection, KeepsItsBuffersIfItIsBusyUntilItRests) {
  begin("X25519");
  exchange(20);
  EXPECT_GT(size(), buffers);
  if (GetParam().name != "sim") GTEST_SKIP() << "it takes real time";
  const TimePoint until = reactor.now() + std::chrono::seconds{6};
  Timer timer{reactor, [] {}};
  timer.arm_at(until);
  EXPECT_TRUE(runs_until([&] { return reactor.now() >= until; }));
  EXPECT_LT(size(), without_buffers_max);
  exchange(10);
  EXPECT_LT(size(), without_buffers_max);
  exchange(10);
  EXPECT_GT(size(), buffers);
}

TEST_P(TlsMemoryOfAConnection, DoesNotDependOnItsKeyExchange) {
  begin("X25519");
  exchange(1);
  const std::size_t first = size();
  begin("P-256");
  exchange(1);
  EXPECT_LT(size(), first + 100);
}

}  // namespace
}  // namespace rondo::test
