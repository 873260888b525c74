// SPDX-License-Identifier: MIT
// The actors of datagrams, of coroutines: their receives are cancelled now and then, or come late,
// and a datagram that has arrived may not be lost by that, or be received twice.
#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "cast.h"
#include "datagrams.h"
#include "task_actor.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

class TaskDatagramActor : public TaskActor {
 protected:
  using TaskActor::TaskActor;

  virtual void hears(Datagrams& socket, const ReceivedDatagram& datagram) = 0;

  Task<> hear(Datagrams& socket) {
    std::uint64_t heard = 0;
    while (true) co_await timeout(patience(), hear_some(socket, heard));
  }

 private:
  [[nodiscard]] Duration patience() const {
    return scene().one_in(2) ? forever : scene().draw_time(300ms);
  }

  Task<> hear_some(Datagrams& socket, std::uint64_t& heard) {
    while (true) {
      if (scene().one_in(4)) co_await sleep(scene().draw_time(100ms));  // the rest is kept
      try {
        const auto one = co_await timeout(patience(), socket.receive());
        if (one && *one) {
          ++heard;
          expect(heard <= socket.socket().counters().received, "a datagram was received twice");
          hears(socket, **one);
        }
      } catch (const std::system_error&) {
        continue;  // the next one goes on
      }
      act_up();
    }
  }
};

class TaskDatagramServer final : public TaskDatagramActor {
 public:
  TaskDatagramServer(Site& site, std::string_view where)
      : TaskDatagramActor(site, "task datagram server"), where_(Endpoint::parse(where).value()) {}
  ~TaskDatagramServer() override { ends(); }

  [[nodiscard]] bool is_over() const override { return true; }
  [[nodiscard]] bool is_server() const override { return true; }
  /// The next socket has no limit.
  void wind_down() override { stop_something(); }

 private:
  Task<> act() override {
    auto socket = Datagrams::make(reactor(), where_);
    if (!socket) co_return;
    const bool lasts = scene().is_quiet() || scene().one_in(2);
    const Duration time = lasts ? forever : scene().draw_time(10s);
    co_await timeout(time, hear(*socket));
  }
  void hears(Datagrams& socket, const ReceivedDatagram& datagram) override {
    expect(!datagram.truncated, "a datagram was cut");
    socket.reply(datagram, datagram.text());
  }

  const Endpoint where_;
};

class TaskDatagramClient final : public TaskDatagramActor {
 public:
  TaskDatagramClient(Site& site, std::string_view target)
      : TaskDatagramActor(site, "task datagram client"),
        target_(Endpoint::parse(target).value()),
        connects_(target_.family() != AddressFamily::unix_domain && scene().one_in(2)),
        count_(1 + scene().draw(20)) {}
  ~TaskDatagramClient() override { ends(); }

  [[nodiscard]] bool is_over() const override { return is_late_; }
  [[nodiscard]] bool is_complete() const override { return heard_.size() == count_; }
  [[nodiscard]] std::string describe() const override {
    return who() + ": sent " + std::to_string(sent_) + ", heard " + std::to_string(heard_.size()) +
           " of " + std::to_string(count_);
  }

 private:
  Result<Datagrams> open() {
    if (connects_) return Datagrams::connect(reactor(), target_);
    if (target_.family() != AddressFamily::unix_domain)
      return Datagrams::make(reactor(), Endpoint::any(0));
    const std::string own = "unix:/run/client-" + std::to_string(scene().draw(1'000'000));
    return Datagrams::make(reactor(), Endpoint::parse(own).value());
  }

  Task<> act() override {
    auto socket = open();
    if (!socket) co_return;
    co_await when_any(say(*socket), hear(*socket));
  }

  /// Ends when it is late, or with a part, of which the rest follows from another socket.
  Task<> say(Datagrams& to) {
    while (sent_ < count_) {
      if (!scene().is_quiet() && scene().one_in(10)) co_return;
      const std::uint64_t last = std::min(count_, sent_ + 1 + scene().draw(5));
      for (; sent_ < last; ++sent_) {
        const std::string text = numbered(sent_);
        connects_ ? to.send(text) : to.send(text, target_);
      }
      sent_at_ = reactor().now();
      act_up();
      co_await sleep(scene().draw_time(400ms));
    }
    co_await sleep_until(sent_at_ + datagram_patience);
    is_late_ = true;
  }

  void hears(Datagrams&, const ReceivedDatagram& datagram) override {
    expect(datagram.from == target_, "a datagram from another sender");
    const std::uint64_t n = number_of(datagram.text());
    expect(n < sent_ && datagram.text() == numbered(n), "a datagram that was not sent");
    if (std::find(heard_.begin(), heard_.end(), n) == heard_.end()) heard_.push_back(n);
  }

  const Endpoint target_;
  const bool connects_;
  const std::uint64_t count_;
  std::uint64_t sent_ = 0;
  TimePoint sent_at_{};
  bool is_late_ = false;
  std::vector<std::uint64_t> heard_;
};

}  // namespace

std::unique_ptr<Actor> make_task_datagram_server(Site& site, std::string_view where) {
  return std::make_unique<TaskDatagramServer>(site, where);
}
std::unique_ptr<Actor> make_task_datagram_client(Site& site, std::string_view target) {
  return std::make_unique<TaskDatagramClient>(site, target);
}

}  // namespace rondo::sim::scenario
