// SPDX-License-Identifier: MIT
// The ferry and its passengers, of coroutines. A Connection passes no received descriptors, so the
// ferry accepts by a Listener, and waits until a socket is readable. A passenger has a task for
// each letter, which waits for it until the other end of its pair is closed: at a descriptor that
// is left anywhere, it would wait for ever.
#include <array>
#include <system_error>
#include <utility>
#include <vector>

#include "cast.h"
#include "ferry.h"
#include "task_actor.h"
#include "task_client.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

[[nodiscard]] Duration draw_patience(Scene& scene) {
  return scene.one_in(2) ? forever : scene.draw_time(300ms);
}

/// Or may be. False: there is no memory to find it out.
[[nodiscard]] Task<bool> is_readable(Scene& scene, Socket& socket) {
  try {
    co_await timeout(draw_patience(scene), readable(socket.fd()));
    co_return true;
  } catch (const std::system_error&) {
  }
  co_return false;
}

class TaskFerry final : public TaskActor {
 public:
  TaskFerry(Site& site, std::string_view where)
      : TaskActor(site, "task ferry"), where_(Endpoint::parse(where).value()) {}
  ~TaskFerry() override { ends(); }

  [[nodiscard]] bool is_over() const override { return true; }
  [[nodiscard]] bool is_server() const override { return true; }
  void wind_down() override { stop_something(); }

 private:
  Task<> act() override {
    auto listener = Listener::make(reactor(), where_);
    if (!listener) co_return;
    TaskGroup sessions{reactor()};
    while (true) {
      if (sessions.size() == 0) co_await sessions.join();  // for the exception of one of them
      try {
        auto accepted = co_await timeout(draw_patience(scene()), listener->accept());
        if (accepted) sessions.spawn(carry(std::move(accepted->socket)));
      } catch (const std::system_error&) {
        continue;  // the next one tries again
      }
      act_up();
    }
  }

  Task<> carry(Socket client) {
    Hearing letters{ferry_key};
    std::uint64_t carried = 0;
    std::array<std::byte, 3> room{};
    while (co_await is_readable(scene(), client)) {
      auto got = receive_with_descriptors(client, room);
      if (!got && got.error() == std::errc::operation_would_block) continue;
      if (!got || got->size == 0) co_return;
      expect(letters.hears(Bytes{room}.first(got->size)), "received bytes that were not sent");
      for (Socket& socket : got->descriptors) {
        expect(carried < letters.heard(), "a descriptor without its letter");
        const std::array letter{static_cast<std::byte>(byte_at(ferry_key, carried++))};
        (void)socket.write(letter);  // its peer may be closed
      }
      if (got->lost) co_return;
      act_up();
    }
  }

  const Endpoint where_;
};

class TaskPassenger final : public TaskClient {
 public:
  TaskPassenger(Site& site, std::string_view target)
      : TaskClient(site, "task passenger", target, patient_options(2min, nullptr)),
        letters_(1 + scene().draw(20)) {
    begins();
  }
  ~TaskPassenger() override { ends(); }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && answers_ == letters_;
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": sent " + std::to_string(sent_) + " of " + std::to_string(letters_);
  }

 private:
  Task<> converse(Connection& connection) override {
    TaskGroup waiting{reactor()};
    co_await when_all(send_all(connection, waiting), hear(connection));
    calls_.peer_finished();
    co_await waiting.join();
  }

  Task<> hear(Connection& from) {
    Takes takes = [this](Bytes) { expect(false, "a ferry does not answer"); };
    while (co_await read_once(site(), from, takes)) {
    }
  }

  Task<> send_all(Connection& to, TaskGroup& waiting) {
    while (sent_ < letters_) {
      auto pair = Socket::pair(reactor().net(), SocketType::stream);
      if (pair) {
        waiting.spawn(wait_for_letter(std::move((*pair)[0]), sent_));
        std::vector<Socket> given;
        given.push_back(std::move((*pair)[1]));
        const std::string letter(1, byte_at(ferry_key, sent_++));
        calls_.writes(1);
        to.stream().write(letter, std::move(given));
        if (scene().one_in(4)) co_await timeout(draw_patience(scene()), to.flushed());
        act_up();
      }
      co_await sleep(scene().draw_time(20ms));
    }
    to.shutdown_output();
  }

  Task<> wait_for_letter(Socket kept, std::uint64_t number) {
    std::array<std::byte, 2> room{};
    while (co_await is_readable(scene(), kept)) {
      const auto got = kept.read(room);
      if (!got && got.error() == std::errc::operation_would_block) continue;
      if (!got || *got == 0) co_return;
      expect(*got == 1 && static_cast<char>(room[0]) == byte_at(ferry_key, number),
             "another letter");
      ++answers_;
      act_up();
    }
  }

  const std::uint64_t letters_;
  std::uint64_t sent_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace

std::unique_ptr<Actor> make_task_ferry(Site& site, std::string_view where) {
  return std::make_unique<TaskFerry>(site, where);
}
std::unique_ptr<Actor> make_task_passenger(Site& site, std::string_view target) {
  return std::make_unique<TaskPassenger>(site, target);
}

}  // namespace rondo::sim::scenario
