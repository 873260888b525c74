// The line server of coroutines: its reads are cancelled now and then, and lose no half of a line.
#include "cast.h"
#include "lines.h"
#include "serving.h"
#include "task_client.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskLineServer final : public Serving {
 public:
  TaskLineServer(Site& site, std::string_view where) : Serving(site, "task line server", where) {}

 private:
  Result<Server> serve_now() override {
    const ServerOptions options = draw_options();
    const auto session = [this](Connection& client) { return answer(client, greet()); };
    return serve(reactor(), where(), session, options);
  }

  Task<> answer(Connection& client, StreamCheck& calls) {
    const TaskSession session{calls};
    try {
      co_await answer_all(client, calls);
      calls.peer_finished();
    } catch (const Disconnected& error) {
      expect(error.is_of(client.stream()), "an exception of another connection");
    }
    calls.closes();
    client.close();
    acts_up();
    const Close close = co_await client.closed();
    calls.closed(close);
  }

  Task<> answer_all(Connection& client, StreamCheck& calls) {
    TextConnection text{client};
    std::uint64_t heard = 0;
    while (true) {
      const Duration patience = scene().one_in(2) ? forever : scene().draw_time(300ms);
      const auto line = co_await timeout(patience, text.read_line());
      if (!line) continue;
      if (!*line) break;
      const std::string expected = line_number(heard);
      if (line->text != expected) {  // the last piece of a stream that was cut off is a line, too
        expect(std::string_view{expected}.starts_with(line->text), "not the line that follows");
        continue;
      }
      ++heard;
      const std::string answer = "you said: " + expected;
      calls.writes(answer.size() + 1);
      text.write_line(answer);
      acts_up();
    }
  }
};

}  // namespace

std::unique_ptr<Actor> make_task_line_server(Site& site, std::string_view where) {
  return std::make_unique<TaskLineServer>(site, where);
}

}  // namespace rondo::sim::scenario
