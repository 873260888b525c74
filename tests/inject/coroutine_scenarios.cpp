// SPDX-License-Identifier: MIT
// Coroutines: each frame, and all that a task needs besides, can be refused. A frame that cannot be
// made throws where the coroutine is called; its arguments are destroyed.
#include <array>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <rondo/coroutine.h>

#include "inject/parts.h"
#include "inject/scenarios.h"
#include "support/allocation_counter.h"
#include "support/spare_frames.h"

namespace rondo::test {
namespace {

const ServerOptions patient_server{.stream = patient};
const ConnectOptions patient_client{.timeout = 5s, .stream = patient};

/// Counts the arguments and variables of tasks.
class Alive {
 public:
  explicit Alive(int& count) noexcept : count_(&count) { ++count; }
  Alive(const Alive& other) noexcept : count_(other.count_) { ++*count_; }
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count_; }

 private:
  int* count_;
};

/// Stands before each call of a coroutine, whose frame then takes memory, which can fail.
void forget_frames() {
  const SparedAllocations spared;
  free_spare_frames();
}

/// Runs a task, which nothing awaits. What has left it leaves through the reactor.
void run(Stage& stage, Task<> task) {
  auto group = std::make_unique<TaskGroup>(stage.reactor());
  group->spawn(std::move(task));
  stage.run();
  if (group->size() != 0) stage.fault("a task waits for ever");
  group.reset();
  stage.run();
}

// --- connections --------------------------------------------------------------------------------

Task<bool> answer(Connection& client, Alive) {
  const auto data = co_await client.read();
  if (!data.empty()) client.write(data);
  co_return !data.empty();
}

Task<> echo(Connection& client, Alive alive) {
  for (bool more = true; more;) {
    forget_frames();
    more = co_await answer(client, alive);
  }
}

/// The client is one of callbacks.
void served_echo(Stage& stage) {
  int alive = 0;
  {
    const auto session = [&](Connection& client) {
      forget_frames();
      return echo(client, Alive{alive});
    };
    auto server = serve(stage.reactor(), "127.0.0.1:0", session, patient_server);
    if (!server) return stage.report(server.error());
    Client client{stage, "hello"};
    client.handler.then = [&] { server->abort(); };
    client.connect(stage, server->local_endpoint().to_string(), patient_client);
    stage.run();
    stage.succeed_if(client.is_content());
  }
  if (alive != 0) stage.fault("arguments of tasks are left");
}

Task<std::string> ask(Connection& server, Alive, std::string question) {
  co_await server.send(question);
  const auto reply = co_await server.read_exactly(question.size());
  co_return std::string{reply.text()};
}

struct Talk {
  Stage& stage;
  Server& server;
  int alive = 0;
  bool succeeds = false;
};

Task<> talk(Talk& all, Alive alive) {
  struct AtEnd {
    Server& server;
    explicit AtEnd(Server& ended) : server(ended) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { server.abort(); }
  } const at_end{all.server};
  const std::string target = all.server.local_endpoint().to_string();
  try {
    const auto server = co_await open_connection(target, patient_client);
    for (const char* const question : {"hello", "how are you"}) {
      forget_frames();
      const std::string reply = co_await ask(*server, alive, question);
      if (reply != question) all.stage.fault("what comes back is not what was said");
    }
    co_await server->flushed();
    server->shutdown_output();
    const bool ends = (co_await server->read()).empty();
    server->close();
    const Close close = co_await server->closed();
    all.succeeds = ends && close.reason != CloseReason::error;
    if (!all.succeeds) all.stage.report(close);
  } catch (const Disconnected& error) {
    all.stage.report(error.code());
  }
}

/// The server is one of callbacks.
void client_of_tasks(Stage& stage) {
  auto server = serve<Echo>(stage.reactor(), "127.0.0.1:0", patient_server);
  if (!server) return stage.report(server.error());
  Talk all{stage, *server};
  try {
    forget_frames();
    run(stage, talk(all, Alive{all.alive}));
  } catch (const std::bad_alloc&) {
    if (all.alive != 0) stage.fault("arguments of tasks are left");
    throw;
  }
  if (all.alive != 0) stage.fault("arguments of tasks are left");
  stage.succeed_if(all.succeeds);
}

// --- structure ----------------------------------------------------------------------------------

Task<int> later(Alive, int result) {
  co_await sleep(1ms);
  co_return result;
}
Task<int> at_once(Alive, int result) { co_return result; }
Task<> never_ends(Alive) { co_await sleep(forever); }
Task<> produce(Alive, Queue<std::string>& queue) {
  const std::array texts{"a text that is too long to be kept in place", "another one"};
  for (const char* const text : texts) (void)co_await queue.push(text);  // it is not closed
  queue.close();
}
Task<> consume(Alive, Queue<std::string>& queue, std::size_t& count) {
  while (const auto text = co_await queue.pop()) ++count;
}

struct Structure {
  Stage& stage;
  int alive = 0;
  bool succeeds = false;
};

Task<std::size_t> combine(Alive alive) {
  std::size_t ended = 0;
  forget_frames();
  ended += (co_await timeout(2ms, never_ends(alive))).has_value() ? 0 : 1;
  forget_frames();
  ended += (co_await when_any(later(alive, 1), sleep(1s))).index() == 0 ? 1 : 0;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 3; ++i) {
    forget_frames();
    tasks.push_back(i == 1 ? at_once(alive, i) : later(alive, i));
  }
  forget_frames();
  const auto results = co_await when_all(std::move(tasks));
  co_return ended + results.size();
}

Task<> structure(Structure& all, Alive alive) {
  Queue<std::string> queue{1};
  std::size_t consumed = 0;
  TaskGroup group{all.stage.reactor()};
  forget_frames();
  group.spawn(produce(alive, queue));
  forget_frames();
  group.spawn(consume(alive, queue, consumed));
  forget_frames();
  const std::size_t ended = co_await combine(alive);
  co_await group.join();
  forget_frames();
  group.spawn(never_ends(alive));
  co_await turn();
  group.cancel();
  all.succeeds = consumed == 2 && ended == 5 && group.size() == 0;
}

void groups_and_combinations(Stage& stage) {
  Structure all{stage};
  try {
    forget_frames();
    run(stage, structure(all, Alive{all.alive}));
  } catch (const std::bad_alloc&) {
    if (all.alive != 0) stage.fault("arguments of tasks are left");
    throw;
  }
  if (all.alive != 0) stage.fault("arguments of tasks are left");
  stage.succeed_if(all.succeeds);
}

constexpr Scenario scenarios[] = {
    {"served_echo", served_echo},
    {"client_of_tasks", client_of_tasks},
    {"groups_and_combinations", groups_and_combinations},
};

}  // namespace

std::span<const Scenario> coroutine_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
