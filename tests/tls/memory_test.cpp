// A conversation in which each of OpenSSL's allocations fails once. This is a program of its own:
// OpenSSL takes other functions for memory only before it is first used.
#include <openssl/crypto.h>

#include <cstdlib>

#include "tls_fixture.h"

namespace rondo::test {
namespace {

long allocations = 0;
constexpr long none = -1;
long fails_at = none;

bool fails() { return ++allocations == fails_at; }

void* take(std::size_t size, const char*, int) { return fails() ? nullptr : std::malloc(size); }
void* take_again(void* old, std::size_t size, const char*, int) {
  return fails() ? nullptr : std::realloc(old, size);
}
void give_back(void* one, const char*, int) { std::free(one); }

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

}  // namespace
}  // namespace rondo::test
