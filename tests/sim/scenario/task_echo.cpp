// The echo server of coroutines.
#include <utility>

#include "cast.h"
#include "serving.h"
#include "task_client.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskEchoServer final : public Serving {
 public:
  TaskEchoServer(Site& site, std::string_view where) : Serving(site, "task echo server", where) {}

 private:
  Result<Server> serve_now() override {
    const ServerOptions options = draw_options();
    const auto session = [this](Connection& client) { return echo(client, greet()); };
    return serve(reactor(), where(), session, options);
  }

  Task<> echo(Connection& client, StreamCheck& calls) {
    const TaskSession session{calls};
    try {
      if (scene().one_in(3)) {
        co_await when_any(answer(client, calls), client.draining());
      } else {
        co_await answer(client, calls);
      }
    } catch (const Disconnected& error) {
      expect(error.is_of(client.stream()), "an exception of another connection");
      if (scene().one_in(3)) throw;  // that is no error
    }
    calls.closes();
    client.close();
    acts_up();
    const Close close = co_await client.closed();
    calls.closed(close);
  }

  Task<> answer(Connection& client, StreamCheck& calls) {
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
    calls.peer_finished();
  }
};

}  // namespace

std::unique_ptr<Actor> make_task_echo_server(Site& site, std::string_view where) {
  return std::make_unique<TaskEchoServer>(site, where);
}

}  // namespace rondo::sim::scenario
