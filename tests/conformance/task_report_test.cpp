// SPDX-License-Identifier: MIT
// What describe_tasks() shows, on each backend.
#include <rondo/task_report.h>

#include <string>
#include <string_view>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using TaskReportTest = ServersOnEveryBackend;
RONDO_ON_EVERY_BACKEND(TaskReportTest);

int places_in(const std::string& report) {
  constexpr std::string_view file = "task_report_test.cpp:";
  int count = 0;
  for (std::size_t at = report.find(file); at != std::string::npos; at = report.find(file, at + 1))
    ++count;
  return count;
}

TEST_P(TaskReportTest, ShowsWhatTasksWaitForAndWhere) {
  Event event;
  const auto inner = [](Connection& client) -> Task<> { (void)co_await client.read_exactly(3); };
  const auto body = [&](Connection& client) -> Task<> {
    (void)co_await client.read();
    co_await inner(client);
    co_await when_any(event.wait(), client.closed());
  };
  const Server server = serve(reactor, "127.0.0.1:0", body, without_lingering()).value();
  const Fd client = connect(server.local_endpoint());
  const auto begins = [&](std::string_view what) {
    return describe_tasks(reactor).starts_with(what);
  };
  EXPECT_TRUE(runs_until([&] { return begins("Connection::read, 0."); }));
  EXPECT_EQ(places_in(describe_tasks(reactor)), 1);
  write_all(client.get(), "x");
  EXPECT_TRUE(runs_until([&] { return begins("Connection: input, 0."); }));
  EXPECT_EQ(places_in(describe_tasks(reactor)), 2) << "the task, and the one that awaits it";
  write_all(client.get(), "xxx");
  EXPECT_TRUE(runs_until([&] { return begins("Event::wait, 0."); }));
  EXPECT_EQ(places_in(describe_tasks(reactor)), 2) << "one for each branch";
  event.set();
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(describe_tasks(reactor), "");
}

}  // namespace
}  // namespace rondo::test
