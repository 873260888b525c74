// SPDX-License-Identifier: MIT
// Coroutines instead of a Reconnector: a task that connects again after each end, with pauses,
// until it is stopped.
#include <memory>
#include <utility>
#include <variant>

#include "cast.h"
#include "reading.h"
#include "task_actor.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t greeting_size = 100;

class TaskReturner final : public TaskActor {
 public:
  TaskReturner(Site& site, std::string_view target)
      : TaskActor(site, "task returner"),
        target_(target),
        backoff_(BackoffOptions{.seed = scene().draw(1 << 20)}) {
    options_.secure = scene().layers();
    options_.timeout = 10s;
    options_.stream.idle_timeout = 20s;
  }
  ~TaskReturner() override { ends(); }

  [[nodiscard]] bool is_over() const override { return stop_.is_set() && !is_acting(); }
  void wind_down() override { stop_.set(); }
  void stop_something() override { scene().one_in(2) ? wind_down() : TaskActor::stop_something(); }
  [[nodiscard]] std::string describe() const override {
    return who() + ": connected " + std::to_string(connects_) + " times";
  }

 private:
  /// The check of one connection, until that is destroyed.
  struct Visit {
    StreamCheck& calls;
    explicit Visit(StreamCheck& of) : calls(of) { calls.opened(); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit() { calls.destroyed(); }
  };

  Task<> act() override {
    while (!stop_.is_set()) {
      try {
        co_await visit();
      } catch (const Disconnected& error) {
        expect(static_cast<bool>(error.code()), "an end without an error");
      }
      co_await when_any(stop_.wait(), sleep(backoff_.next()));
    }
  }

  Task<> visit() {
    StreamCheck& calls = scene().check_of_stream(site(), who());
    calls.begins(options_.stream, scene().layers());
    calls.aborts();  // an exception aborts it
    auto first = co_await when_any(stop_.wait(), open_connection(target_, options_));
    if (first.index() == 0) co_return;
    const std::unique_ptr<Connection> connection = std::get<1>(std::move(first));
    const Visit visit{calls};
    ++connects_;
    backoff_.reset();
    const auto end = co_await when_any(greet(*connection, calls), stop_.wait());
    if (end.index() == 0) calls.peer_finished();
    calls.closes();
    connection->close();
    const Close close = co_await connection->closed();
    calls.closed(close);
  }

  Task<> greet(Connection& connection, StreamCheck& calls) {
    calls.writes(greeting_size);
    co_await connection.send(text_from(1, 0, greeting_size));
    Hearing hearing{1};
    Takes takes = [&](Bytes data) {
      calls.was_read(data.size());
      expect(hearing.hears(data), "received bytes that were not sent");
      expect(hearing.heard() <= greeting_size, "received more than was sent");
    };
    while (co_await read_once(site(), connection, takes)) {
      if (hearing.heard() == greeting_size) connection.shutdown_output();
      act_up();
    }
  }

  const std::string target_;
  ConnectOptions options_;
  Backoff backoff_;
  std::uint64_t connects_ = 0;
  Event stop_;
};

}  // namespace

std::unique_ptr<Actor> make_task_returner(Site& site, std::string_view target) {
  return std::make_unique<TaskReturner>(site, target);
}

}  // namespace rondo::sim::scenario
