// Whole worlds, drawn by a seed: servers, clients, links and faults. Safety first: bytes arrive in
// order and unharmed, and everything ends once. Then liveness: with the faults off and the network
// whole, everybody comes to an end.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/sim.h>

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

/// What the n-th byte of every conversation is.
char byte_at(std::uint64_t n) { return static_cast<char>('a' + (n * 7 + n / 26) % 26); }

std::string text_from(std::uint64_t start, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = byte_at(start + i);
  return text;
}

struct Echo final : Session {
  void on_data(Stream& client, Bytes data) override { client.write(data); }
};

/// Sends the bytes of the conversation and checks those that come back.
class Talker final : public StreamHandler {
 public:
  Talker(Reactor& reactor, std::string_view target, std::size_t total, std::size_t part)
      : total_(total),
        part_(part),
        stream_(connect(reactor, target, *this,
                        {.timeout = 20s, .stream = {.idle_timeout = 30s, .lifetime = 5min}})) {
    send_more();
  }

  void on_data(Stream& stream, Bytes data) override {
    for (const std::byte byte : data) {
      if (static_cast<char>(byte) != byte_at(heard_++)) ++wrong_;
    }
    EXPECT_LE(heard_, sent_) << "more than was sent";
    if (heard_ == total_) return stream.finish();
    if (heard_ == sent_) send_more();
  }
  void on_close(Stream&, const Close& close) override {
    ++closes_;
    reason_ = close.reason;
  }

  [[nodiscard]] bool is_over() const { return closes_ > 0; }
  [[nodiscard]] bool is_complete() const { return heard_ == total_; }
  void check() const {
    EXPECT_EQ(wrong_, 0u);
    EXPECT_LE(closes_, 1);
    // Who is shed, for want of descriptors, gets an end and nothing else.
    if (closes_ == 1 && reason_ == CloseReason::eof && heard_ != 0) {
      EXPECT_EQ(heard_, total_) << "eof before all had come back";
    }
  }

 private:
  void send_more() {
    const std::size_t size = std::min<std::size_t>(part_, total_ - sent_);
    stream_->write(text_from(sent_, size));
    sent_ += size;
  }

  std::size_t total_;
  std::size_t part_;
  std::uint64_t sent_ = 0;
  std::uint64_t heard_ = 0;
  std::size_t wrong_ = 0;
  int closes_ = 0;
  CloseReason reason_{};
  std::unique_ptr<Stream> stream_;
};

/// One world and what is in it.
class Scenario {
 public:
  explicit Scenario(std::uint64_t seed) : world(seed, {.link = drawn_link(seed)}) {
    const std::uint64_t clients = 1 + world.draw(5);
    for (std::uint64_t i = 0; i < clients; ++i) {
      reactors_.push_back(
          std::make_unique<Reactor>(world.host("10.0.1." + std::to_string(i + 1)).backend()));
    }
    world.name("service", {"10.0.0.1"});
    world.faults().swarm();
  }

  void run() {
    auto made = serve<Echo>(server_, "10.0.0.1:7000");
    for (int tries = 0; !made && tries < 100; ++tries) {
      made = serve<Echo>(server_, "10.0.0.1:7000");  // a fault: another time it will work
    }
    ASSERT_TRUE(made) << world.summary();
    const std::uint64_t talkers = 1 + world.draw(20);
    for (std::uint64_t i = 0; i < talkers; ++i) add_talker();
    for (int i = 0; i < 10; ++i) {
      if (world.draw(4) == 0) world.partition("10.0.0.1", "10.0.1.1", 1s);
      world.run_for(500ms);
    }
    check("with faults");
    world.faults().clear();
    const bool all_over = world.run_until(
        [this] {
          return std::all_of(talkers_.begin(), talkers_.end(),
                             [](const auto& talker) { return talker->is_over(); });
        },
        20min);
    EXPECT_TRUE(all_over) << world.summary() << '\n' << world.waiting();
    check("at the end");
    EXPECT_TRUE(one_more_is_served()) << world.summary();
    EXPECT_TRUE(world.run_until([&] { return made->connections() == 0; }, 20min))
        << world.summary() << '\n'
        << world.waiting();
  }

  World world;

 private:
  static Link drawn_link(std::uint64_t seed) {
    World chance{~seed};
    return {.latency = Duration{static_cast<Duration::rep>(chance.draw(50'000'000))},
            .jitter = Duration{static_cast<Duration::rep>(chance.draw(20'000'000))},
            .bandwidth = chance.draw(2) == 0 ? 0 : 100'000 + chance.draw(10'000'000)};
  }
  void add_talker() {
    Reactor& reactor = *reactors_[world.draw(reactors_.size())];
    const std::size_t total = 1 + world.draw(world.draw(5) == 0 ? 300'000 : 3'000);
    talkers_.push_back(
        std::make_unique<Talker>(reactor, world.draw(2) == 0 ? "service:7000" : "10.0.0.1:7000",
                                 total, 1 + world.draw(total)));
  }
  bool one_more_is_served() {
    talkers_.push_back(std::make_unique<Talker>(*reactors_[0], "10.0.0.1:7000", 10, 10));
    const Talker& talker = *talkers_.back();
    return world.run_until([&] { return talker.is_complete() && talker.is_over(); }, 20min);
  }
  void check(const char* when) {
    SCOPED_TRACE(world.summary() + ' ' + when);
    for (const auto& talker : talkers_) talker->check();
  }

  Reactor server_{world.host("10.0.0.1").backend()};
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::vector<std::unique_ptr<Talker>> talkers_;
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// RONDO_SIM_SEEDS: how many; RONDO_SIM_SEED: the first; RONDO_SIM_TRACE: write their traces.
TEST(Seeds, EndInGoodOrder) {
  const std::uint64_t first = number_from("RONDO_SIM_SEED", 1);
  const std::uint64_t count = number_from("RONDO_SIM_SEEDS", 100);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    Scenario scenario{seed};
    if (std::getenv("RONDO_SIM_TRACE") != nullptr) {
      scenario.world.on_trace([](std::string_view line) { std::cerr << line << '\n'; });
    }
    scenario.run();
    if (testing::Test::HasFailure()) {
      FAIL() << scenario.world.summary() << "; to replay: RONDO_SIM_SEED=" << seed
             << " RONDO_SIM_SEEDS=1";
    }
  }
}

TEST(Seeds, HaveOneHashEach) {
  const std::uint64_t count = number_from("RONDO_SIM_SEEDS", 100) / 4 + 1;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    std::uint64_t hashes[2];
    for (std::uint64_t& hash : hashes) {
      Scenario scenario{seed};
      scenario.run();
      hash = scenario.world.trace_hash();
    }
    ASSERT_EQ(hashes[0], hashes[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rondo::sim
