// SPDX-License-Identifier: MIT
// The echo server of coroutines.
#include <utility>

#include "cast.h"
#include "reading.h"
#include "task_serving.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskEchoServer final : public TaskServing {
 public:
  TaskEchoServer(Site& site, std::string_view where)
      : TaskServing(site, "task echo server", where) {}

 private:
  Task<> answer(Connection& client, StreamCheck& calls) override {
    Takes takes = [&](Bytes data) {
      calls.was_read(data.size());
      calls.writes(data.size());
      client.write(data);
    };
    while (co_await read_once(site(), client, takes)) {
      switch (scene().draw(8)) {
        case 0:
          co_await client.writable();
          break;
        case 1:
          co_await timeout(1s, client.flushed());
          break;
        case 2:
          co_await turn();
          break;
        default:
          break;
      }
      acts_up();
    }
  }
};

}  // namespace

std::unique_ptr<Actor> make_task_echo_server(Site& site, std::string_view where) {
  return std::make_unique<TaskEchoServer>(site, where);
}

}  // namespace rondo::sim::scenario
