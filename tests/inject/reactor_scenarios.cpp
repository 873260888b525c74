// SPDX-License-Identifier: MIT
// The reactor itself: watches, timers, work, signals, and sockets without streams.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "inject/parts.h"
#include "inject/scenarios.h"

namespace rondo::test {
namespace {

Bytes bytes_of(std::string_view text) noexcept { return std::as_bytes(std::span{text}); }

/// A handler of one direction after the other, on one end of a pair.
void watches(Stage& stage) {
  auto ends = Socket::pair(stage.net(), SocketType::stream);
  if (!ends) return stage.report(ends.error());
  struct Hears final : Handler {
    explicit Hears(Stage& on) : stage(on) {}
    void on_ready(Ready ready) override {
      if (can_write(ready) && !said) {
        const auto sent = theirs->write(bytes_of("hello"));
        if (!sent && sent.error() == std::errc::resource_unavailable_try_again) return;
        if (!sent && sent.error() == std::errc::interrupted) return;
        if (!sent) return give_up(sent.error());
        said = true;
        watch.set(Ready::read);
        other_watch.set(Ready::read);
        return;
      }
      std::array<std::byte, 16> room;
      const auto received = theirs->read(room);
      if (!received && (received.error() == std::errc::resource_unavailable_try_again ||
                        received.error() == std::errc::interrupted))
        return;
      if (!received) return give_up(received.error());
      heard = *received;
      watch.cancel();
      other_watch.cancel();
    }
    void give_up(std::error_code error) {
      stage.report(error);
      watch.cancel();
      other_watch.cancel();
    }
    Stage& stage;
    Socket* theirs = nullptr;
    Watch watch;
    Watch other_watch;
    bool said = false;
    std::size_t heard = 0;
  } hears{stage};
  struct Echoes final : Handler {
    explicit Echoes(Socket& on) : socket(on) {}
    void on_ready(Ready) override {
      if (pending.empty()) {
        if (const auto received = socket.read(room)) pending = Bytes{room}.first(*received);
      }
      if (pending.empty()) return;
      if (const auto sent = socket.write(pending)) pending = pending.subspan(*sent);
      if (!pending.empty()) watch->set(Ready::both);
    }
    Socket& socket;
    Watch* watch = nullptr;
    std::array<std::byte, 16> room{};
    Bytes pending;
  } echoes{(*ends)[1]};
  hears.theirs = ends->data();
  echoes.watch = &hears.other_watch;
  auto other = stage.reactor().watch((*ends)[1].fd(), Ready::read, echoes);
  if (!other) return stage.report(other.error());
  hears.other_watch = std::move(*other);
  auto watch = stage.reactor().watch((*ends)[0].fd(), Ready::both, hears);
  if (!watch) return stage.report(watch.error());
  hears.watch = std::move(*watch);
  hears.watch.set_handler(hears);
  Timer enough{stage.reactor(), [&] { hears.give_up(std::make_error_code(std::errc::timed_out)); }};
  enough.unref();
  enough.arm_after(5s);
  stage.run();
  stage.succeed_if(hears.heard >= 1);
}

/// Timers, deferred and posted work, and a work guard, in the promised order.
void timers_and_work(Stage& stage) {
  Reactor& reactor = stage.reactor();
  int fired = 0;
  int done = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 20; ++i) {
    timers.push_back(std::make_unique<Timer>(reactor, [&] { ++fired; }));
    timers.back()->arm_after(std::chrono::milliseconds{i});
  }
  Timer repeats{reactor, [&] { repeats.cancel(); }};
  repeats.arm_every(3ms);
  std::optional<WorkGuard> hold{reactor.work_guard()};
  reactor.defer([&] {
    ++done;
    hold.reset();
  });
  reactor.post([&] { ++done; });
  const std::array<char, 100> large{};
  Function<void()> work = [&done, large] { done += 1 + large[0]; };
  if (!reactor.try_post(work)) stage.fault("the queue has room beyond its limit");
  stage.run();
  if (fired != 20 || done != 3) stage.fault("a timer or a task was lost");
  stage.succeed_if(fired == 20 && done == 3);
}

void signals(Stage& stage) {
  int reported = 0;
  auto first = Signal::make(stage.reactor(), SIGUSR1, [&] { ++reported; });
  if (!first) return stage.report(first.error());
  auto second = Signal::make(stage.reactor(), SIGUSR1, [&] {
    ++reported;
    first->unref();
  });
  if (!second) return stage.report(second.error());
  second->unref();
  ::raise(SIGUSR1);
  stage.run();
  stage.succeed_if(reported == 2);
}

/// A descriptor that was closed before its watch ended, while a duplicate of it exists.
void zombie(Stage& stage) {
  int fds[2];
  if (::pipe(fds) != 0) return stage.fault("pipe() failed");
  Socket reader{system_net(), fds[0]};
  const Socket writer{system_net(), fds[1]};
  const Socket duplicate{system_net(), ::dup(fds[0])};
  struct Stale final : Handler {
    void on_ready(Ready) override { ++calls; }
    int calls = 0;
  } stale;
  auto watch = stage.reactor().watch(reader.fd(), Ready::read, stale);
  if (!watch) return stage.report(watch.error());
  reader.close();
  watch->cancel();
  // Whether the pipe is full does not matter here: one byte is enough.
  (void)!::write(writer.fd(), "x", 1);
  Timer later{stage.reactor(), [] {}};
  later.arm_after(20ms);
  const std::uint64_t waits = stage.injector().count(Call::wait);
  stage.run();
  // A descriptor that stays registered ends each wait at once, thousands of times.
  stage.succeed_if(stale.calls == 0 && stage.injector().count(Call::wait) - waits < 50);
}

/// An acceptor, and sockets that are connected, queried and closed by hand.
void sockets(Stage& stage) {
  std::optional<Socket> accepted;
  std::error_code failed;
  auto acceptor =
      Acceptor::make(stage.reactor(), Endpoint::loopback(0),
                     [&](Socket socket, const Endpoint&) { accepted = std::move(socket); });
  if (!acceptor) return stage.report(acceptor.error());
  std::optional<Acceptor> listening{std::move(*acceptor)};
  listening->set_error_handler([&](std::error_code error) { failed = error; });
  for (const UnappliedOption& each : listening->unapplied()) stage.report(each.error);
  auto client = Socket::connect(stage.net(), listening->local_endpoint());
  if (!client) return stage.report(client.error());
  struct Connects final : Handler {
    void on_ready(Ready) override {
      result = socket->connect_result();
      if (result != std::errc::operation_in_progress) watch.cancel();
    }
    Socket* socket = nullptr;
    std::error_code result;
    Watch watch;
  } connects;
  connects.socket = &*client;
  auto watch = stage.reactor().watch(client->fd(), Ready::write, connects);
  if (!watch) return stage.report(watch.error());
  connects.watch = std::move(*watch);
  Timer enough{stage.reactor(), [&] {
                 listening.reset();
                 connects.watch.cancel();
               }};
  enough.arm_after(1s);
  stage.run();
  if (connects.result) return stage.report(connects.result);
  if (failed) return stage.report(failed);
  if (!accepted) return stage.report(std::make_error_code(std::errc::timed_out));
  bool all = true;
  const auto check = [&](const auto& result) {
    if (result) return;
    stage.report(result.error());
    all = false;
  };
  check(client->set(SocketOption::nodelay, 1));
  check(client->get(SocketOption::nodelay));
  const std::array<Bytes, 2> parts{bytes_of("hello "), bytes_of("world")};
  check(client->writev(parts));
  std::array<std::byte, 16> room;
  const std::array<MutableBytes, 1> into{MutableBytes{room}};
  check(accepted->readv(into));
  check(accepted->remote_endpoint());
  check(accepted->shutdown(Direction::both));
  accepted->reset();
  stage.succeed_if(all || stage.injector().planned().way.effect == Effect::harmless);
}

constexpr Scenario scenarios[] = {
    {"watches", watches}, {"timers_and_work", timers_and_work},
    {"signals", signals}, {"zombie", zombie, Where::real},
    {"sockets", sockets},
};

}  // namespace

std::span<const Scenario> reactor_scenarios() noexcept { return scenarios; }

}  // namespace rondo::test
