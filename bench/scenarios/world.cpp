// SPDX-License-Identifier: MIT
// The cost of a connection of a simulated network and of a message over it, by the number of
// connections: the memory requested from operator new, and CPU time.
//
// Usage: world [CONNECTIONS...], 10,000, 100,000 and 1,000,000 if none is given.
// RONDO_WORLD_MESSAGES: how many messages are timed, in ten rounds.
//
// The last column is the time of a message relative to that with the first number of connections,
// in the same round: the median, the least and the most.
//
// A connection includes both ends in the simulated kernels, a session at the server, and a stream
// with its options at the client. A message is 64 bytes that come back. The number of messages in
// flight does not depend on the number of connections, which send in order. Each number of
// connections has its own process and heap; they take turns, so that other work of the machine
// affects all of them.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/sim.h>

namespace {

using namespace std::chrono_literals;

// As malloc rounds them, with its header.
std::size_t bytes_in_use = 0;
constexpr std::size_t malloc_header = 8;

constexpr std::size_t connections_per_host = 20'000;  // below the ephemeral ports of one
constexpr std::size_t under_way = 10'000;
constexpr std::size_t message_size = 64;
constexpr std::size_t messages_default = 2'000'000;
constexpr std::size_t rounds = 10;

struct Echo final : rondo::Session {
  void on_data(rondo::Stream& client, rondo::Bytes data) override { client.write(data); }
};

/// The handler of all clients.
struct Client final : rondo::StreamHandler {
  void on_open(rondo::Stream&) override { ++opened; }
  void on_data(rondo::Stream&, rondo::Bytes data) override { received += data.size(); }
  void on_close(rondo::Stream&, const rondo::Close&) override { ++closed; }
  std::size_t opened = 0;
  std::size_t received = 0;
  std::size_t closed = 0;
};

double cpu_seconds() {
  std::timespec time{};
  (void)::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);  // there is always one
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

[[noreturn]] void fail(const char* what) { throw std::runtime_error{what}; }

void run_until(rondo::sim::World& world, rondo::Function<bool()> done) {
  if (!world.run_until(std::move(done), 1h)) fail("it does not end");
}

class Crowd {
 public:
  explicit Crowd(std::size_t connections) {
    auto made = rondo::serve<Echo>(server_, "10.0.0.1:7000");
    if (!made) fail("no server");
    echo_.push_back(std::move(*made));
    streams_.reserve(connections);
    while (streams_.size() < connections) connect_some(connections);
  }

  /// Sends `count` messages and waits for their echoes. Returns the CPU time of one, in seconds.
  double exchange(std::size_t count) {
    const std::string message(message_size, 'x');
    const double begun = cpu_seconds();
    for (std::size_t sent = 0; sent < count;) {
      const std::size_t batch = std::min(under_way, count - sent);
      const std::size_t expected = client_.received + batch * message_size;
      for (std::size_t i = 0; i < batch; ++i) {
        streams_[next_]->write(message);
        next_ = (next_ + 1) % streams_.size();
      }
      run_until(world_, [&] { return client_.received == expected; });
      sent += batch;
    }
    if (client_.closed != 0) fail("a connection has ended");
    return (cpu_seconds() - begun) / static_cast<double>(count);
  }

 private:
  void connect_some(std::size_t connections) {
    if (streams_.size() % connections_per_host == 0) {
      const std::string name = "client-" + std::to_string(reactors_.size());
      reactors_.push_back(std::make_unique<rondo::Reactor>(world_.host(name).backend()));
    }
    const std::size_t room = connections_per_host - streams_.size() % connections_per_host;
    const std::size_t count = std::min({std::size_t{1000}, room, connections - streams_.size()});
    for (std::size_t i = 0; i < count; ++i) {
      streams_.push_back(rondo::connect(*reactors_.back(), "10.0.0.1:7000", client_));
    }
    run_until(world_, [&] { return client_.opened == streams_.size(); });
    world_.run_for(1s);
  }

  rondo::sim::World world_{1};
  rondo::Reactor server_{world_.host("10.0.0.1").backend()};
  std::vector<std::unique_ptr<rondo::Reactor>> reactors_;
  Client client_;
  std::vector<rondo::Server> echo_;
  std::vector<std::unique_ptr<rondo::Stream>> streams_;
  std::size_t next_ = 0;
};

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[numbers.size() / 2];
}

/// The measuring of one number of connections, in a process of its own.
class Measure {
 public:
  Measure(std::size_t connections, std::size_t messages)
      : connections_{connections}, messages_{messages} {
    if (connections == 0) fail("how many connections?");
    std::fprintf(stderr, "connecting %zu clients\n", connections);
    std::array<int, 2> orders{};
    std::array<int, 2> results{};
    if (::pipe(orders.data()) != 0 || ::pipe(results.data()) != 0) fail("no pipe");
    const pid_t child = ::fork();
    if (child < 0) fail("no process");
    orders_ = orders[child == 0 ? 0 : 1];
    results_ = results[child == 0 ? 1 : 0];
    (void)::close(orders[child == 0 ? 1 : 0]);   // it is open
    (void)::close(results[child == 0 ? 0 : 1]);  // this, too
    if (child == 0) serve();
    bytes_ = take();
  }

  /// One round of messages.
  void take_turn() {
    const char order = 1;
    if (::write(orders_, &order, 1) != 1) fail("a measure has ended");
    seconds_.push_back(take());
  }
  void report(const Measure& first) const {
    std::vector<double> ratios(seconds_.size());
    std::transform(seconds_.begin(), seconds_.end(), first.seconds_.begin(), ratios.begin(),
                   std::divides<>{});
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::printf(
        "%11zu connections %8.0f bytes each %8.2f us of CPU a message %8.2f (%.2f to %.2f)\n",
        connections_, bytes_, median(seconds_) * 1e6, median(ratios), *least, *most);
  }

 private:
  [[noreturn]] void serve() {
    try {
      const std::size_t before = bytes_in_use;
      Crowd crowd{connections_};
      tell(static_cast<double>(bytes_in_use - before) / static_cast<double>(connections_));
      (void)crowd.exchange(std::max(messages_, connections_));  // to warm up: each has sent
      for (char order = 0; ::read(orders_, &order, 1) == 1;) tell(crowd.exchange(messages_));
    } catch (const std::exception& error) {
      std::fprintf(stderr, "world: %s\n", error.what());
      std::_Exit(1);
    }
    std::_Exit(0);
  }
  void tell(double number) const {
    if (::write(results_, &number, sizeof number) != sizeof number)
      fail("the parent process has ended");
  }
  [[nodiscard]] double take() const {
    double number = 0;
    if (::read(results_, &number, sizeof number) != sizeof number) fail("a measure has failed");
    return number;
  }

  std::size_t connections_;
  std::size_t messages_;
  int orders_ = -1;
  int results_ = -1;
  double bytes_ = 0;
  std::vector<double> seconds_;  // for a message, in each round
};

}  // namespace

// Not inlined: g++ 12 would take what new returns for malloc's, and warn where delete frees it.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc{};
  bytes_in_use += ::malloc_usable_size(memory) + malloc_header;
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory != nullptr) bytes_in_use -= ::malloc_usable_size(memory) + malloc_header;
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

int main(int argc, char** argv) try {
  // Freed memory would be returned to the kernel and requested again with each batch.
  if (::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max()) == 0) fail("mallopt");
  const char* const given = std::getenv("RONDO_WORLD_MESSAGES");
  const std::size_t messages =
      given != nullptr ? std::strtoull(given, nullptr, 10) : messages_default;
  if (messages < rounds) fail("at least ten messages");
  std::vector<std::size_t> counts;
  for (int i = 1; i < argc; ++i) counts.push_back(std::strtoull(argv[i], nullptr, 10));
  if (counts.empty()) counts = {10'000, 100'000, 1'000'000};
  std::vector<Measure> measures;
  measures.reserve(counts.size());
  for (const std::size_t count : counts) measures.emplace_back(count, messages / rounds);
  for (std::size_t round = 0; round < rounds; ++round) {
    for (Measure& measure : measures) measure.take_turn();
  }
  for (const Measure& measure : measures) measure.report(measures.front());
} catch (const std::exception& error) {
  std::fprintf(stderr, "world: %s\n", error.what());
  return 1;
}
