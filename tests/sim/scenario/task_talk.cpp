// SPDX-License-Identifier: MIT
// Clients of the echo server, of coroutines. What reads and writes is cancelled at random steps,
// from inside, from other tasks and from timers; another task continues with the same connection:
// no byte may be lost, doubled or out of order.
//
// A talker works in rounds: exchange() has a
// group of one task that reads, one that writes, and maybe one that disturbs them.
#include <algorithm>
#include <new>
#include <utility>

#include "cast.h"
#include "task_client.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskTalker final : public TaskClient {
 public:
  TaskTalker(Site& site, std::string_view target, Mood mood)
      : TaskClient(site, "task talker", target, draw_talk_options(site.scene, mood)),
        hearing_(key_),
        total_(1 + scene().draw(scene().one_in(5) ? 200'000 : 3'000)),
        part_(1 + scene().draw(total_)),
        finishes_first_(scene().one_in(3)),
        interruptions_(scene().one_in(4) ? 0 : scene().draw(40)),
        interrupts_(site.reactor(), [this] { interrupt(); }) {
    if (mood == Mood::plain) part_ = std::max(part_, total_ / 10);  // the client has five minutes
    begins();
  }
  ~TaskTalker() override { ends(); }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && hearing_.heard() == total_;
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": sent " + std::to_string(sent_) + ", heard " +
           std::to_string(hearing_.heard()) + " of " + std::to_string(total_);
  }

 private:
  struct Round {
    TaskTalker& talker;
    explicit Round(TaskTalker& of_talker, TaskGroup& group) : talker(of_talker) {
      talker.round_ = &group;
    }
    Round(const Round&) = delete;
    Round& operator=(const Round&) = delete;
    ~Round() { talker.round_ = nullptr; }
  };

  Task<> converse(Connection& connection) override {
    while (!has_heard_end_) {
      const Duration limit = interruptions_ > 0 ? scene().draw_time(3s) : forever;
      co_await timeout(limit, exchange(connection));
      act_up();
    }
  }

  /// Tasks that are cancelled leave all that they have not done to those of the next round.
  Task<> exchange(Connection& connection) {
    TaskGroup group{reactor()};
    const Round round{*this, group};
    group.spawn(hear(connection));
    group.spawn(say(connection));
    if (scene().one_in(2)) group.spawn(disturb());
    if (scene().one_in(4)) interrupts_.arm_after(scene().draw_time(1s));
    co_await group.join();
  }

  void interrupt() override {
    if (round_ == nullptr || interruptions_ == 0) return;
    --interruptions_;
    round_->cancel();
  }

  Task<> disturb() {
    while (interruptions_ > 0) {
      co_await sleep(scene().draw_time(500ms));
      interrupt();
      act_up();
    }
  }

  Task<> hear(Connection& from) {
    try {
      co_await hear_all(from);
      calls_.peer_finished();
    } catch (const Disconnected& error) {
      expect(error.is_of(from.stream()), "an exception of another connection");
    }
    has_heard_end_ = true;
    if (round_ != nullptr) round_->cancel();
  }

  Task<> hear_all(Connection& from) {
    Takes takes = [this](Bytes data) {
      calls_.was_read(data.size());
      expect(hearing_.hears(data), "received bytes that were not sent");
      expect(hearing_.heard() <= sent_, "received more than was sent");
    };
    while (co_await read_once(site(), from, takes)) {
      if (hearing_.heard() == total_) from.shutdown_output();
      if (scene().one_in(20)) interrupt();
      act_up();
      if (!is_connected()) co_await sleep(forever);  // the owner of `from` is gone: this ends here
    }
  }

  Task<> say(Connection& to) {
    try {
      while (sent_ < total_) co_await say_part(to);
    } catch (const Disconnected&) {
      co_return;
    } catch (const std::bad_alloc&) {
      has_heard_end_ = true;  // a part may be written or not: no other round
      throw;
    }
    if (finishes_first_) to.shutdown_output();
  }

  /// Cancelled, it has written all of the part, or nothing.
  Task<> say_part(Connection& to) {
    const std::uint64_t way = scene().draw(4);
    if (way == 0) co_await to.writable();
    const std::size_t size = std::min<std::size_t>(part_, total_ - sent_);
    const std::string text = text_from(key_, sent_, size);
    calls_.writes(size);
    sent_ += size;
    if (way == 1) co_return co_await to.send(text);
    to.write(text);
    if (way == 2) co_await to.flushed();
    if (scene().one_in(10)) interrupt();
  }

  const std::uint64_t key_ = scene().draw(26);
  Hearing hearing_;
  const std::size_t total_;
  std::size_t part_;
  const bool finishes_first_;
  std::uint64_t interruptions_;  // that are left
  std::uint64_t sent_ = 0;
  bool has_heard_end_ = false;
  TaskGroup* round_ = nullptr;  // while there is one
  Timer interrupts_;
};

}  // namespace

std::unique_ptr<Actor> make_task_talker(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<TaskTalker>(site, target, mood);
}

}  // namespace rondo::sim::scenario
