// SPDX-License-Identifier: MIT
// The line server of coroutines: its reads are cancelled now and then, and lose no half of a line.
#include "cast.h"
#include "lines.h"
#include "task_serving.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskLineServer final : public TaskServing {
 public:
  TaskLineServer(Site& site, std::string_view where)
      : TaskServing(site, "task line server", where) {}

 private:
  Task<> answer(Connection& client, StreamCheck& calls) override {
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
