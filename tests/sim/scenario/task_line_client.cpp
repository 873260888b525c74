// SPDX-License-Identifier: MIT
// The client of the line server, of coroutines. Its reads of lines, and of parts of them, are
// cancelled by timeouts, by other branches and from outside: what comes is one text, of which no
// character may be lost, doubled or out of order.
#include <system_error>
#include <utility>

#include "cast.h"
#include "lines.h"
#include "task_client.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskLineClient final : public TaskClient {
 public:
  TaskLineClient(Site& site, std::string_view target, Mood mood)
      : TaskClient(site, "task line client", target, patient_options(5min, site.scene.layers())),
        lines_(1 + scene().draw(50)),
        at_once_(mood == Mood::whimsical && scene().one_in(2)) {
    if (scene().one_in(3)) options_.line_limit = 1 + scene().draw(200);
    begins();
  }
  ~TaskLineClient() override { ends(); }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && answered_ == lines_ && heard_ == 0;
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": said " + std::to_string(said_) + ", answered " + std::to_string(answered_) +
           " of " + std::to_string(lines_);
  }

 private:
  Task<> converse(Connection& connection) override {
    TextConnection text{connection, options_};
    while (!has_heard_end_) {
      while (said_ < lines_ && (at_once_ || said_ == answered_)) co_await say_next(text);
      if (answered_ == lines_) connection.shutdown_output();
      co_await hear(text);
      act_up();
    }
    calls_.peer_finished();
  }

  [[nodiscard]] Duration patience() const {
    return scene().one_in(2) ? forever : scene().draw_time(300ms);
  }

  Task<> say_next(TextConnection& text) {
    const std::string line = line_number(said_++);
    calls_.writes(line.size() + 1);
    const std::size_t first = scene().one_in(4) ? 1 + scene().draw(line.size()) : 0;
    if (first > 0) {  // the server gets half of a line
      text.write(std::string_view{line}.substr(0, first));
      co_await sleep(scene().draw_time(100ms));
    }
    text.write_line(std::string_view{line}.substr(first));
    if (scene().one_in(4)) co_await timeout(patience(), text.connection().flushed());
  }

  Task<> hear(TextConnection& text) {
    switch (scene().draw(4)) {
      case 0:
        co_await timeout(patience(), hear_part(text));
        break;
      case 1:
        co_await timeout(patience(), hear_line(text));
        break;
      case 2:
        co_await hear_beside(text);
        break;
      default:
        co_await hear_line(text);
        break;
    }
  }

  /// By another task, which interrupt() cancels.
  Task<> hear_beside(TextConnection& text) {
    const Beside beside{*this};
    beside_->spawn(hear_line(text));
    const auto first = co_await when_any(beside_->join(), sleep(patience()));
    if (first.index() == 1 && scene().one_in(2)) interrupt();
  }

  Task<> hear_line(TextConnection& text) {
    try {
      const auto line = co_await timeout(patience(), text.read_line());
      if (!line) co_return;
      hears(line->text);
      hears(line->ending);
      has_heard_end_ = line->status == ReadStatus::end;
      co_return;
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::message_size) throw;
    }
    hears(co_await text.read(1 + scene().draw(options_.line_limit)));
  }

  Task<> hear_part(TextConnection& text) {
    const std::uint64_t max = 1 + scene().draw(100);
    const auto part = co_await timeout(patience(), text.read(max));
    if (!part) co_return;
    hears(*part);
    has_heard_end_ = part->empty();
  }

  static std::string answer_to(std::uint64_t n) { return "you said: " + line_number(n) + '\n'; }

  void hears(std::string_view text) {
    if (text.empty()) return;
    calls_.was_read(text.size());
    for (const char letter : text) {
      expect(letter == answer_[heard_], "not the text that follows");
      if (++heard_ < answer_.size()) continue;
      heard_ = 0;
      answer_ = answer_to(++answered_);
    }
    expect(answered_ <= said_, "an answer to what was not said");
  }

  void interrupt() override {
    if (beside_) beside_->cancel();
  }

  /// A group as long as this.
  struct Beside {
    TaskLineClient& client;
    explicit Beside(TaskLineClient& of) : client(of) { client.beside_.emplace(client.reactor()); }
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;
    ~Beside() { client.beside_.reset(); }
  };

  TextOptions options_;
  const std::uint64_t lines_;
  const bool at_once_;
  std::uint64_t said_ = 0;
  std::uint64_t answered_ = 0;
  std::string answer_ = answer_to(0);  // the next one
  std::size_t heard_ = 0;              // a part of it
  bool has_heard_end_ = false;
  std::optional<TaskGroup> beside_;
};

}  // namespace

std::unique_ptr<Actor> make_task_line_client(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<TaskLineClient>(site, target, mood);
}

}  // namespace rondo::sim::scenario
