// SPDX-License-Identifier: MIT
// Programs that are run for what they write.
#include <rondo/output_collector.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/process_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using End = CollectedOutput::End;
using ErrorOutput = CollectOptions::ErrorOutput;

class OutputCollectors : public ProcessesOnEveryBackend {
 protected:
  CollectedOutput collect(std::vector<std::string> arguments, CollectOptions options = {}) {
    CollectedOutput collected;
    int times = 0;
    auto collector = OutputCollector::start(
        reactor, std::move(arguments),
        [&](CollectedOutput result) {
          collected = std::move(result);
          ++times;
        },
        std::move(options));
    EXPECT_TRUE(collector);
    EXPECT_TRUE(reactor.run());
    EXPECT_EQ(times, 1);
    return collected;
  }
};
RONDO_ON_EVERY_BACKEND(OutputCollectors);

TEST_P(OutputCollectors, CollectOutputAndError) {
  on_both_paths([this] {
    const auto collected = collect({"sh", "-c", "echo out; echo err >&2; exit 3"});
    EXPECT_EQ(collected.output, "out\n");
    EXPECT_EQ(collected.error, "err\n");
    EXPECT_EQ(collected.status.code, 3);
    EXPECT_EQ(collected.end, End::exited);
    EXPECT_FALSE(collected.is_success());
    EXPECT_TRUE(collect({"true"}).is_success());
  });
}

TEST_P(OutputCollectors, PutTheErrorWhereItIsWanted) {
  const std::vector<std::string> program{"sh", "-c", "echo a; echo b >&2; echo c"};
  EXPECT_EQ(collect(program, {.error = ErrorOutput::with_output}).output, "a\nb\nc\n");
  const auto dropped = collect(program, {.error = ErrorOutput::dropped});
  EXPECT_EQ(dropped.output, "a\nc\n");
  EXPECT_EQ(dropped.error, "");
}

TEST_P(OutputCollectors, MoveMuchInBothDirections) {
  const std::string input = numbered_text(20'000'000);
  const auto collected = collect({"cat"}, {.input = input, .output_max = 30'000'000});
  EXPECT_EQ(collected.output.size(), input.size());
  EXPECT_TRUE(collected.output == input);
  EXPECT_TRUE(collected.is_success());
}

TEST_P(OutputCollectors, DoNotMindInputThatIsNotRead) {
  const auto collected = collect({"sh", "-c", "head -c 3"}, {.input = numbered_text(1'000'000)});
  EXPECT_EQ(collected.output, "0,1");
  EXPECT_TRUE(collected.is_success());
}

TEST_P(OutputCollectors, EndAProgramThatWritesTooMuch) {
  for (const std::size_t size : {99U, 100U, 101U}) {
    const auto collected =
        collect({"head", "-c", std::to_string(size), "/dev/zero"}, {.output_max = 100});
    EXPECT_EQ(collected.end, size > 100 ? End::overflow : End::exited);
    EXPECT_EQ(collected.output.size(), std::min<std::size_t>(size, 100));
  }
  const auto endless = collect({"yes"}, {.output_max = 100'000});
  EXPECT_EQ(endless.end, End::overflow);
  EXPECT_EQ(endless.output.size(), 100'000U);
  EXPECT_EQ(endless.status.signal, SIGKILL);
}

TEST_P(OutputCollectors, EndAProgramThatTakesTooLong) {
  on_both_paths([this] {
    const auto collected = collect({"sh", "-c", "echo early; exec sleep 1000"}, {.timeout = 0ms});
    EXPECT_EQ(collected.end, End::timed_out);
    EXPECT_EQ(collected.status.signal, SIGTERM);
  });
}

TEST_P(OutputCollectors, DoNotWaitForOtherProcessesThatHoldThePipes) {
  const auto collected = collect({"sh", "-c", "sleep 1000 & echo $!"});
  EXPECT_TRUE(collected.is_success());
  ::kill(std::stoi(collected.output), SIGKILL);
}

TEST_P(OutputCollectors, MayBeDestroyedInTheirCall) {
  std::optional<OutputCollector> collector;
  int times = 0;
  collector = OutputCollector::start(reactor, {"true"}, [&](const CollectedOutput&) {
                ++times;
                collector.reset();
              }).value();
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(times, 1);
}

TEST_P(OutputCollectors, CallNothingOnceDestroyed) {
  int times = 0;
  {
    const auto collector =
        OutputCollector::start(reactor, {"yes"}, [&](const CollectedOutput&) { ++times; });
    EXPECT_TRUE(collector);
    run_turns(reactor, 5);
  }
  EXPECT_TRUE(reactor.run());
  EXPECT_EQ(times, 0);
  EXPECT_TRUE(runs_until([] { return !has_children(); }));
}

TEST_P(OutputCollectors, ReportWhatCannotBeStarted) {
  const auto collector =
      OutputCollector::start(reactor, {"/no/such"}, [](const CollectedOutput&) { ADD_FAILURE(); });
  ASSERT_FALSE(collector);
  EXPECT_EQ(collector.error().message(), R"(start "/no/such": No such file or directory)");
}

}  // namespace
}  // namespace rondo::test
