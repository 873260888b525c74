// SPDX-License-Identifier: MIT
// The source and its clients, of coroutines: half-close in both directions. A task of the source
// writes while another one reads. Its client cancels its reads now and then.
#include <algorithm>
#include <utility>

#include "cast.h"
#include "flood.h"
#include "task_client.h"
#include "task_serving.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskSource final : public TaskServing {
 public:
  TaskSource(Site& site, std::string_view where) : TaskServing(site, "task source", where) {}

 private:
  Task<> answer(Connection& client, StreamCheck& calls) override {
    co_await when_all(pour(client, calls), hear(client, calls));
  }

  /// If send() is cancelled, all is queued.
  Task<> pour(Connection& client, StreamCheck& calls) {
    const std::size_t total = 1 + scene().draw(scene().one_in(3) ? flood_max : 5'000);
    for (std::size_t poured = 0; poured < total;) {
      const std::size_t size = std::min(total - poured, piece_max);
      const std::string text = text_from(flood_key, poured, size);
      poured += size;
      calls.writes(size);
      const auto sent = co_await timeout(scene().draw_time(200ms), client.send(text));
      if (!sent) co_await client.writable();
      acts_up();
    }
    client.shutdown_output();
  }

  Task<> hear(Connection& client, StreamCheck& calls) {
    Hearing answer{answer_key};
    Takes takes = [&](Bytes data) {
      calls.was_read(data.size());
      expect(answer.hears(data), "received bytes that were not sent");
    };
    while (co_await read_once(site(), client, takes)) acts_up();
  }
};

class TaskDrinker final : public TaskClient {
 public:
  TaskDrinker(Site& site, std::string_view target, Mood mood)
      : TaskClient(site, "task drinker", target, draw_options(site.scene)),
        sips_(mood == Mood::whimsical && scene().one_in(2)) {
    begins();
  }
  ~TaskDrinker() override { ends(); }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && flood_.heard() != 0 && has_answered_;
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": drank " + std::to_string(flood_.heard());
  }

 private:
  static ConnectOptions draw_options(Scene& scene) {
    ConnectOptions options = patient_options(5min, scene.layers());
    options.stream.input_per_turn_max = (std::size_t{64} << 10U) + scene.draw(100'000);
    return options;
  }

  Task<> converse(Connection& connection) override {
    while (!has_heard_end_) {
      const Duration limit = sips_ ? scene().draw_time(2s) : forever;
      co_await timeout(limit, drink(connection));
    }
    const std::string answer = text_from(answer_key, 0, 1 + scene().draw(30'000));
    calls_.writes(answer.size());
    co_await connection.send(answer);
    connection.shutdown_output();
    has_answered_ = true;
    act_up();
  }

  Task<> drink(Connection& from) {
    Takes takes = [this](Bytes data) {
      calls_.was_read(data.size());
      expect(flood_.hears(data), "received bytes that were not sent");
    };
    while (co_await read_once(site(), from, takes)) {
      if (sips_ && scene().one_in(5)) co_await sleep(scene().draw_time(1s));
      act_up();
    }
    calls_.peer_finished();
    has_heard_end_ = true;
  }

  Hearing flood_{flood_key};
  const bool sips_;
  bool has_heard_end_ = false;
  bool has_answered_ = false;
};

}  // namespace

std::unique_ptr<Actor> make_task_source(Site& site, std::string_view where) {
  return std::make_unique<TaskSource>(site, where);
}
std::unique_ptr<Actor> make_task_drinker(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<TaskDrinker>(site, target, mood);
}

}  // namespace rondo::sim::scenario
