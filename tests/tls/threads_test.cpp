// SPDX-License-Identifier: MIT
// Two reactors, each in its thread, that share an identity, roots and the keys of tickets.
#include <array>
#include <atomic>
#include <thread>

#include "tls_fixture.h"

namespace rondo::test {
namespace {

/// Serves and connects, some times one after the other, within one reactor. Returns how many
/// sessions were resumed, or -1.
int talk_in_this_thread(const tls::Identity& identity, const tls::Roots& roots,
                        const tls::TicketKeys& keys) {
  Reactor reactor;
  tls::Server secure{identity, {.ticket_keys = keys}};
  tls::Client trust{{.roots = roots}};
  const auto echo = [](Stream& client, Bytes data) { client.write(data); };
  const Server server = serve(reactor, "127.0.0.1:0", echo, {.secure = &secure}).value();
  for (int i = 0; i < 20; ++i) {
    StreamRecorder recorder;
    const auto stream =
        rondo::connect(reactor, server.local_endpoint().to_string(), recorder, {.secure = &trust});
    stream->write("hello");
    while (recorder.received != "hello" && recorder.closes == 0)
      if (!reactor.run_once()) return -1;
    if (recorder.closes != 0) return -1;
    if (i % 5 == 0) secure.reload(identity);
  }
  return static_cast<int>(secure.counters().resumed);
}

TEST(TlsThreads, ShareIdentitiesRootsAndKeys) {
  const tls::Identity shared = identity("good");
  const tls::Roots trusted = roots();
  const tls::TicketKeys keys;
  std::array<std::atomic<int>, 2> resumed{};
  std::array<std::thread, 2> threads;
  for (std::size_t i = 0; i < threads.size(); ++i)
    threads[i] = std::thread{[&, i] { resumed[i] = talk_in_this_thread(shared, trusted, keys); }};
  for (std::thread& one : threads) one.join();
  for (const std::atomic<int>& one : resumed) EXPECT_EQ(one, 19);
}

}  // namespace
}  // namespace rondo::test
