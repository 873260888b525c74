// SPDX-License-Identifier: MIT
// The texts for a person: what waits for ever and why, the report of a failing run, the trace file.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <rondo/coroutine.h>

#include "conversation.h"

namespace rondo::sim {
namespace {

using namespace std::chrono_literals;

class ReportTest : public Conversation {
 protected:
  void expect_waiting(std::string_view line) {
    EXPECT_NE(world.waiting().find(line), std::string::npos) << line << "\n\n" << world.waiting();
  }
};

/// Answers all input at twice its length, but pauses reading while its answers are not taken.
struct Doubler final : Session {
  void on_data(Stream& client, Bytes data) override {
    client.write(data);
    client.write(data);
  }
};

/// Sends a lot of data, and reads only after all of it was sent.
struct Chatterbox final : StreamHandler {
  void on_open(Stream& stream) override { stream.write(std::string(8'000'000, 'x')); }
  void on_data(Stream&, Bytes) override {}
};

TEST_F(ReportTest, ListsTwoPeersThatWriteAndDoNotRead) {
  auto doubler =
      serve<Doubler>(server, "10.0.0.1:7000", {.stream = {.pause_reading_when_full = true}});
  ASSERT_TRUE(doubler);
  Chatterbox chatterbox;
  const auto stream =
      connect(client, "10.0.0.1:7000", chatterbox, {.stream = {.pause_reading_when_full = true}});
  ASSERT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  expect_waiting("10.0.0.2 waits to write, descriptor 3, tcp 10.0.0.2:");
  expect_waiting("    while the other end, on 10.0.0.1, waits to write, ");
  expect_waiting("10.0.0.1 waits to write, descriptor 5, tcp 10.0.0.1:7000 -> ");
  expect_waiting("    while the other end, on 10.0.0.2, waits to write, ");
}

/// Has a bug: it forgets its answer.
struct Forgetful final : Session {
  void on_data(Stream&, Bytes) override {}
};

TEST_F(ReportTest, ListsAnAnswerThatDoesNotCome) {
  auto forgetful = serve<Forgetful>(server, "10.0.0.1:7000");
  Listener listener;
  const auto stream = talk(listener);
  stream->write("hello?");
  ASSERT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  expect_waiting("10.0.0.2 waits to read, descriptor 3, tcp 10.0.0.2:");
  expect_waiting("    while the other end, on 10.0.0.1, waits to read\n");
}

/// Has a bug: it pauses and forgets to resume.
struct Sleeper final : Session {
  void on_data(Stream& client, Bytes) override { client.pause(); }
};

TEST_F(ReportTest, ListsInputThatIsNotRead) {
  auto sleeper = serve<Sleeper>(server, "10.0.0.1:7000");
  Listener listener;
  const auto stream = talk(listener);
  stream->write("one");
  world.run_for(1s);
  stream->write("two");
  ASSERT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  expect_waiting("    while the other end, on 10.0.0.1, waits for nothing, 3 bytes unread\n");
  expect_waiting("10.0.0.1 waits for nothing, descriptor ");
}

TEST_F(ReportTest, ListsAHostThatHasCrashed) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  server_host.crash();
  ASSERT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  expect_waiting(":7000, the other end is gone\n");
  expect_waiting("10.0.0.1 is down\n");
}

TEST_F(ReportTest, ListsPathsThatAreHeldOrCut) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(1s);
  world.hold("10.0.0.2", "10.0.0.1");
  world.cut("10.0.0.1", "10.0.0.2");
  stream->write("hello");
  EXPECT_FALSE(world.run_until([&] { return !listener.heard.empty(); }, 1min));
  expect_waiting("from 10.0.0.2 to 10.0.0.1 is held, waiting packets: 1\n");
  expect_waiting("from 10.0.0.1 to 10.0.0.2 is cut, waiting packets: 0\n");
}

TEST_F(ReportTest, ListsAConnectThatWaitsForAHeldPath) {
  auto echo = serve_echo();
  world.hold("10.0.0.2", "10.0.0.1");
  Listener listener;
  const auto stream = talk(listener);
  world.run_for(5s);
  expect_waiting(":7000, connecting\n");
  expect_waiting("from 10.0.0.2 to 10.0.0.1 is held, waiting packets: 3\n");
}

TEST_F(ReportTest, ListsANameWithoutAnAnswer) {
  world.faults().set(Fault::silent_name, 1);
  Listener listener;
  const auto stream = talk(listener, "10.0.0.1.example:7000");
  world.run_for(1s);
  expect_waiting("no answer comes for the name 10.0.0.1.example\n");
}

TEST_F(ReportTest, ReportsARunAsAWhole) {
  auto echo = serve_echo();
  Listener listener;
  const auto stream = talk(listener);
  world.faults().set(Fault::slow_packet, 1);
  world.run_for(2s);
  const std::string report = world.report();
  EXPECT_EQ(report.find(world.summary() + "\nto repeat it with a trace: RONDO_SIM_SEED=1 "), 0u);
  EXPECT_NE(report.find("\nfaults that struck: slow_packet 3\n"), std::string::npos) << report;
  EXPECT_NE(report.find("\nnothing can happen any more\n"), std::string::npos) << report;
  EXPECT_NE(report.find(world.waiting()), std::string::npos) << report;
  EXPECT_EQ(report.find("nothing waits"), std::string::npos) << report;
  World empty{1};
  EXPECT_NE(empty.report().find("\nnothing can happen any more\nnothing waits\n"),
            std::string::npos);
  Timer timer{client, [] {}};
  timer.arm_after(1s);
  world.run_for(1ms);
  EXPECT_NE(world.report().find("\nsomething happens next at 3603."), std::string::npos);
}

TEST_F(ReportTest, DescribesTheFirstOfMany) {
  auto echo = serve_echo();
  std::vector<Listener> listeners(60);
  std::vector<std::unique_ptr<Stream>> streams;
  for (Listener& listener : listeners) streams.push_back(talk(listener));
  ASSERT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  expect_waiting("and 70 more\n");
}

TEST_F(ReportTest, ReportsHowMuchTimeHasPassed) {
  world.run_for(90s);
  EXPECT_EQ(world.elapsed(), 90s);
}

int count_of(std::string_view text, std::string_view part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

TEST_F(ReportTest, ListsTheTasksOfEachHost) {
  Event never_set;
  const auto inner = [&]() -> Task<> { co_await never_set.wait(); };
  const auto outer = [&]() -> Task<> {
    co_await sleep(1s);
    co_await inner();
  };
  const auto silent = [](Connection& peer) -> Task<> {
    while (const auto data = co_await peer.read()) EXPECT_TRUE(data.empty());
  };
  const auto asks = [&]() -> Task<> {
    const auto peer = co_await open_connection("10.0.0.1:7000");
    (void)co_await peer->read_exactly(3);  // nothing comes
  };
  const auto serves = serve(server, "10.0.0.1:7000", silent);
  ASSERT_TRUE(serves);
  std::optional<Reactor> gone{world.host("10.0.0.2").backend()};
  TaskGroup group{client};
  {
    TaskGroup brief{*gone};
    brief.spawn(outer());
    world.run_for(2s);
    expect_waiting("a task on 10.0.0.2 waits in Event::wait, 1.000 s: ");
  }
  gone.reset();
  EXPECT_EQ(world.waiting(), "");
  group.spawn(outer());
  group.spawn(asks());
  ASSERT_EQ(world.run().error(), std::errc::resource_deadlock_would_occur);
  world.run_for(1s);
  const std::string waits = world.waiting();
  const std::string file = "report_test.cpp:";
  EXPECT_EQ(count_of(waits, "a task on "), 3) << waits;
  EXPECT_NE(waits.find("\na task on 10.0.0.1 waits in Connection::read, "), std::string::npos)
      << waits;
  expect_waiting("\na task on 10.0.0.2 waits in Event::wait, 1.000 s: ");
  expect_waiting("\na task on 10.0.0.2 waits in Connection: input, ");
  EXPECT_EQ(count_of(waits, file), 4) << waits;
  EXPECT_NE(world.report().find(waits), std::string::npos);
}

TEST_F(ReportTest, ListsTasksOfAReactorThatDrivesTheWorld) {
  Reactor driver{world.host("10.0.0.2").driving_backend()};
  Event never_set;
  const auto waits = [&]() -> Task<> { co_await never_set.wait(); };
  TaskGroup group{driver};
  group.spawn(waits());
  const WorkGuard guard = driver.work_guard();
  EXPECT_EQ(driver.run().error(), std::errc::resource_deadlock_would_occur);
  expect_waiting("a task on 10.0.0.2 waits in Event::wait, 0.000 s: ");
}

TEST_F(ReportTest, DescribesTheFirstOfManyTasks) {
  Event never_set;
  const auto waits = [&]() -> Task<> { co_await never_set.wait(); };
  TaskGroup group{client};
  for (int i = 0; i < 60; ++i) group.spawn(waits());
  EXPECT_TRUE(world.run()) << "tasks that wait for each other are not counted";
  EXPECT_EQ(count_of(world.waiting(), "a task on "), 50);
  expect_waiting("and 10 more tasks\n");
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// A unique path. The destructor removes the file.
struct ScratchFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("rondo_trace_" + std::to_string(::getpid()));
  ScratchFile() = default;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { std::filesystem::remove(path); }
};

TEST_F(ReportTest, WritesTheTraceToAFile) {
  const ScratchFile file;
  std::ofstream{file.path} << "something old\n";
  std::string lines;
  world.on_trace([&](std::string_view line) { lines += std::string{line} + '\n'; });
  ASSERT_TRUE(world.write_trace(file.path.string()));
  auto echo = serve_echo();
  Listener listener{5};
  const auto stream = talk(listener);
  stream->write("hello");
  world.run_for(1s);
  EXPECT_FALSE(lines.empty());
  EXPECT_EQ(text_of(file.path), lines) << "while the world still exists";
  EXPECT_EQ(world.write_trace("/nowhere/at/all").error().message(),
            "write /nowhere/at/all: No such file or directory");
}

TEST(Report, WritesTheTraceWhereTheEnvironmentSays) {
  const ScratchFile file;
  ::setenv("RONDO_SIM_TRACE", file.path.c_str(), 1);
  for (const std::uint64_t seed : {7UL, 8UL}) {
    World world{seed};
    world.host("ann");
    world.host("bob");
    world.cut("ann", "bob");
  }
  ::unsetenv("RONDO_SIM_TRACE");
  EXPECT_EQ(text_of(file.path),
            "3600.000000000  the world  begins, seed 7\n"
            "3600.000000000  ann  is cut off from bob\n"
            "3600.000000000  the world  begins, seed 8\n"
            "3600.000000000  ann  is cut off from bob\n");
}

TEST(Trace, TakesALineOfTheTest) {
  World world{1};
  std::string last;
  world.on_trace([&](std::string_view line) { last = line; });
  const std::uint64_t before = world.trace_hash();
  world.note("now we begin");
  EXPECT_EQ(last, "3600.000000000  the test  says now we begin");
  EXPECT_NE(world.trace_hash(), before);
}

std::vector<std::uint64_t> list(const TestSeeds& seeds) {
  std::vector<std::uint64_t> all;
  for (const std::uint64_t seed : seeds) all.push_back(seed);
  return all;
}

TEST(TestSeeds, AreThoseOfTheTestOrOfTheEnvironment) {
  ::unsetenv("RONDO_SIM_SEED");
  ::unsetenv("RONDO_SIM_SEEDS");
  EXPECT_EQ(list(test_seeds(3)), (std::vector<std::uint64_t>{1, 2, 3}));
  ::setenv("RONDO_SIM_SEED", "17", 1);
  EXPECT_EQ(list(test_seeds(3)), (std::vector<std::uint64_t>{17}));
  ::setenv("RONDO_SIM_SEEDS", "2", 1);
  EXPECT_EQ(list(test_seeds(3)), (std::vector<std::uint64_t>{17, 18}));
  ::unsetenv("RONDO_SIM_SEED");
  EXPECT_EQ(list(test_seeds(3)), (std::vector<std::uint64_t>{1, 2}));
  ::unsetenv("RONDO_SIM_SEEDS");
}

TEST(Hosts, AreFoundByEachOfTheirNames) {
  World world{1};
  Host& one = world.host("10.0.0.1");
  world.name("service", {"10.0.0.1"});
  EXPECT_EQ(&world.host("service"), &one);
  EXPECT_TRUE(one.add_address("fd00::1"));
  EXPECT_EQ(&world.host("fd00::1"), &one);
  EXPECT_EQ(one.add_address("fd00").error().message(),
            "add address fd00 to 10.0.0.1: Invalid argument");
  EXPECT_EQ(world.host("10.0.0.2").add_address("fd00::1").error().message(),
            "add address fd00::1 to 10.0.0.2: Address already in use");
  world.name("store", {"10.0.0.9"});
  EXPECT_EQ(world.host("store").address(), "10.0.0.9");
  EXPECT_EQ(&world.host("10.0.0.9"), &world.host("store"));
}

TEST(Hosts, GiveNoLifeWhileTheyAreDown) {
  World world{1};
  Host& host = world.host("10.0.0.1");
  host.crash();
  Reactor born_dead{host.backend()};
  EXPECT_FALSE(serve<Echo>(born_dead, "0.0.0.0:7000"));
  host.restart();
  EXPECT_FALSE(serve<Echo>(born_dead, "0.0.0.0:7000"));
  Reactor reactor{host.backend()};
  EXPECT_TRUE(serve<Echo>(reactor, "0.0.0.0:7000"));
}

TEST(Hosts, AreTheSameWhateverTheCaseOfTheirNames) {
  World world{1};
  Host& host = world.host("Server.Example");
  EXPECT_EQ(&world.host("server.example."), &host);
  Reactor server{host.backend()};
  Reactor client{world.host("client").backend()};
  auto echo = serve<Echo>(server, "0.0.0.0:7000");
  Listener listener{2};
  const auto stream = connect(client, "SERVER.example.:7000", listener);
  stream->write("hi");
  world.run_for(1s);
  EXPECT_EQ(listener.heard, "hi");
}

}  // namespace
}  // namespace rondo::sim
