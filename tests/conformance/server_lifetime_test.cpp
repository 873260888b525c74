// SPDX-License-Identifier: MIT
// Servers and their sessions are destroyed, drained and left by exceptions in each of their calls.
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/server.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

enum class Callback {
  filter,
  constructor,
  on_open,
  on_data,
  on_end,
  on_writable,
  on_drain,
  on_close,
  hook,
};
constexpr Callback callbacks[] = {Callback::filter,   Callback::constructor, Callback::on_open,
                                  Callback::on_data,  Callback::on_end,      Callback::on_writable,
                                  Callback::on_drain, Callback::on_close,    Callback::hook};

/// What the sessions of a test share.
struct World {
  std::function<void(Callback, Stream*)> then = [](Callback, Stream*) {};
  int alive = 0;
  int made = 0;
  int opens = 0;
  int closes = 0;
  CloseReason reason{};
};

struct Subject final : Session {
  Subject(World& shared, Stream* stream) : world(shared) {
    world.then(Callback::constructor, stream);
    ++world.alive;
    ++world.made;
  }
  ~Subject() override { --world.alive; }
  void on_open(Stream& stream) override {
    ++world.opens;
    world.then(Callback::on_open, &stream);
  }
  void on_data(Stream& stream, Bytes data) override {
    if (text_of(data) == "throw") throw std::runtime_error{"requested by the peer"};
    world.then(Callback::on_data, &stream);
    stream.write(data);
  }
  void on_end(Stream& stream) override {
    world.then(Callback::on_end, &stream);
    stream.close();
  }
  void on_writable(Stream& stream) override { world.then(Callback::on_writable, &stream); }
  void on_drain(Stream& stream) override {
    world.then(Callback::on_drain, &stream);
    stream.close();
  }
  void on_close(Stream& stream, const Close& close) override {
    ++world.closes;
    world.reason = close.reason;
    world.then(Callback::on_close, &stream);
  }
  World& world;
};

class ServerLifetime : public StreamsOnEveryBackend {
 protected:
  void start(bool with_hook, const ServerOptions& options = {.stream = {.write_high_water = 10}}) {
    server.emplace(serve(
                       reactor, "127.0.0.1:0",
                       [this](Stream& stream, const Endpoint&) -> std::unique_ptr<Session> {
                         return std::make_unique<Subject>(world, &stream);
                       },
                       options)
                       .value());
    server->accept_if([this](const Endpoint&) {
      world.then(Callback::filter, nullptr);
      return true;
    });
    if (!with_hook) return;
    server->set_error_handler([this](const std::exception_ptr&) {
      ++hooked;
      world.then(Callback::hook, nullptr);
    });
  }
  Fd connect() { return tcp_connecting(server->local_endpoint().port()); }
  /// Makes each callback of a session happen, unless the server has been destroyed before.
  void provoke() {
    Fd quiet = connect();
    Fd talker = connect();
    Fd thrower = connect();
    if (!served(3)) return;
    for (const Fd* const one : {&talker, &thrower})
      if (!connected(*one)) return;
    write_all(talker.get(), "hello");
    run_on();
    if (!server) return;
    write_all(thrower.get(), "throw");
    run_on();
    if (!server) return;
    finish_writing(talker);
    run_on();
    if (server) server->drain(1h);
    run_on();
  }
  bool connected(const Fd& fd) {
    return runs_until([&] { return !server || read_result(fd.get()) != -ENOTCONN; });
  }
  bool served(int count) {
    return runs_until([&] { return !server || world.opens >= count; }) && server;
  }

  World world;
  int hooked = 0;
  std::optional<Server> server;
};
RONDO_ON_EVERY_BACKEND(ServerLifetime);

TEST_P(ServerLifetime, AServerMayBeDestroyedInEachCall) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    world = {};
    int reached = 0;
    int calls_after = 0;
    world.then = [&](Callback here, Stream* stream) {
      if (reached > 0) ++calls_after;
      if (here == Callback::on_open && callback == Callback::on_writable) {
        EXPECT_EQ(stream->write("more than ten bytes"), WriteStatus::above_high_water);
      }
      if (here != callback) return;
      ++reached;
      server.reset();
    };
    start(true);
    provoke();
    run_on();
    EXPECT_EQ(reached, 1);
    EXPECT_EQ(calls_after, 0);
    EXPECT_FALSE(server);
    EXPECT_EQ(world.alive, 0);
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(ServerLifetime, ACallMayDestroyTheServerAndThenThrow) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    world = {};
    int reached = 0;
    int hooked_before = 0;
    hooked = 0;
    world.then = [&](Callback here, Stream* stream) {
      if (here == Callback::on_open && callback == Callback::on_writable) {
        EXPECT_EQ(stream->write("more than ten bytes"), WriteStatus::above_high_water);
      }
      if (here != callback || reached++ > 0) return;
      hooked_before = hooked;
      server.reset();
      throw std::runtime_error{"a user's"};
    };
    start(true);
    EXPECT_THROW(provoke(), std::runtime_error);
    run_on();
    EXPECT_EQ(reached, 1);
    EXPECT_EQ(hooked, hooked_before) << "it went with the server";
    EXPECT_EQ(world.alive, 0);
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(ServerLifetime, AllMayBeAbortedInEachCall) {
  for (const Callback callback : callbacks) {
    SCOPED_TRACE(static_cast<int>(callback));
    world = {};
    int reached = 0;
    world.then = [&](Callback here, Stream* stream) {
      if (here == Callback::on_open && callback == Callback::on_writable) {
        EXPECT_EQ(stream->write("more than ten bytes"), WriteStatus::above_high_water);
      }
      if (here != callback) return;
      ++reached;
      server->abort();
    };
    start(true);
    Fd first = connect();
    Fd second = connect();
    EXPECT_TRUE(runs_until([&] { return reached > 0 || world.opens == 2; }));
    if (reached == 0) {
      write_all(first.get(), callback == Callback::hook ? "throw" : "hello");
      run_on();
      (void)kernel().net().shutdown(first.get(), Direction::write);  // it may be aborted already
      run_on();
      if (reached == 0) server->drain(1h);
    }
    EXPECT_TRUE(runs_until([&] { return reached > 0 && server->connections() == 0; }));
    EXPECT_EQ(world.alive, 0);
    EXPECT_EQ(world.closes, world.opens) << "on_close is called only after on_open";
    server.reset();
    EXPECT_FALSE(reactor.alive());
  }
}

TEST_P(ServerLifetime, WithAHookAnExceptionHarmsItsSessionAlone) {
  for (const Callback callback :
       {Callback::constructor, Callback::on_open, Callback::on_data, Callback::on_end,
        Callback::on_writable, Callback::on_drain, Callback::on_close}) {
    SCOPED_TRACE(static_cast<int>(callback));
    world = {};
    hooked = 0;
    start(true);
    const Fd unharmed = connect();
    EXPECT_TRUE(served(1));
    int reached = 0;
    world.then = [&](Callback here, Stream* stream) {
      if (here == Callback::on_open && callback == Callback::on_writable) {
        EXPECT_EQ(stream->write("more than ten bytes"), WriteStatus::above_high_water);
      }
      if (here == callback && reached++ == 0) throw std::runtime_error{"a user's"};
    };
    Fd fd = connect();
    EXPECT_TRUE(runs_until([&] { return reached > 0 || world.opens == 2; }));
    if (callback == Callback::on_data) write_all(fd.get(), "hello");
    if (callback == Callback::on_end || callback == Callback::on_close) fd.close();
    if (callback == Callback::on_drain) server->drain(1h);
    EXPECT_TRUE(runs_until([&] { return reached > 0 && server->connections() <= 1; }));
    run_on();
    EXPECT_EQ(server->counters().exceptions, 1u);
    EXPECT_EQ(server->counters().failed, callback == Callback::constructor ? 1u : 0u);
    EXPECT_EQ(hooked, 1);
    if (callback != Callback::on_drain) {
      write_all(unharmed.get(), "still there?");
      EXPECT_EQ(read_by_peer(unharmed, 12), "still there?");
      EXPECT_EQ(world.alive, 1);
    }
    server.reset();
    EXPECT_EQ(world.alive, 0);
  }
}

TEST_P(ServerLifetime, WithAnEmptyHookAnExceptionLeavesThroughRunAndTheServerGoesOn) {
  for (const Callback callback : callbacks) {
    if (callback == Callback::hook) continue;
    SCOPED_TRACE(static_cast<int>(callback));
    world = {};
    start(false);
    server->set_error_handler({});
    int reached = 0;
    world.then = [&](Callback here, Stream* stream) {
      if (here == Callback::on_open && callback == Callback::on_writable) {
        EXPECT_EQ(stream->write("more than ten bytes"), WriteStatus::above_high_water);
      }
      if (here == callback && reached++ == 0) throw std::runtime_error{"a user's"};
    };
    Fd fd = connect();
    EXPECT_THROW(
        {
          EXPECT_TRUE(served(1));
          EXPECT_TRUE(connected(fd));
          if (callback == Callback::on_data) write_all(fd.get(), "hello");
          if (callback == Callback::on_end || callback == Callback::on_close) fd.close();
          if (callback == Callback::on_drain) server->drain(1h);
          EXPECT_FALSE(runs_until([] { return false; }));
        },
        std::runtime_error);
    EXPECT_TRUE(runs_until([&] { return server->connections() == 0; }));
    EXPECT_EQ(world.alive, 0);
    if (callback != Callback::on_drain) {
      const Fd next = connect();
      EXPECT_TRUE(runs_until([&] { return server->connections() == 1; }));
    }
    server.reset();
    EXPECT_EQ(world.alive, 0);
  }
}

TEST_P(ServerLifetime, AHookMayThrowAndMaySetAnother) {
  start(true);
  world.then = [&](Callback here, Stream*) {
    if (here != Callback::hook) return;
    server->set_error_handler([this](const std::exception_ptr&) { hooked += 100; });
    throw std::runtime_error{"from the hook"};
  };
  const Fd fd = connect();
  const Fd again = connect();
  EXPECT_TRUE(served(2));
  write_all(fd.get(), "throw");
  EXPECT_THROW(EXPECT_FALSE(runs_until([] { return false; })), std::runtime_error);
  write_all(again.get(), "throw");
  EXPECT_TRUE(runs_until([&] { return server->connections() == 0; }));
  EXPECT_EQ(hooked, 101);
  EXPECT_EQ(server->counters().exceptions, 2u);
}

// What a factory does to the stream it is given happens.
TEST_P(ServerLifetime, AFactoryMayWriteToItsStream) {
  const std::string large = numbered_text(100'000);
  world.then = [&](Callback here, Stream* stream) {
    if (here != Callback::constructor) return;
    stream->write("welcome ");
    stream->write(large);
  };
  start(false, {});
  const Fd fd = connect();
  EXPECT_EQ(read_by_peer(fd, large.size() + 8), "welcome " + large);
  EXPECT_EQ(world.opens, 1);
}

TEST_P(ServerLifetime, AFactoryMayCloseItsStream) {
  world.then = [](Callback here, Stream* stream) {
    if (here != Callback::constructor) return;
    stream->write("go away");
    stream->close();
  };
  start(false);
  Fd fd = connect();
  EXPECT_EQ(read_by_peer(fd, 7), "go away");
  fd.close();
  EXPECT_TRUE(runs_until([&] { return world.closes == 1; }));
  EXPECT_EQ(world.reason, CloseReason::closed);
  EXPECT_EQ(world.opens, 0);
  EXPECT_EQ(world.alive, 0);
}

TEST_P(ServerLifetime, AFactoryMayAbortItsStream) {
  world.then = [](Callback here, Stream* stream) {
    if (here == Callback::constructor) stream->abort();
  };
  start(false);
  const Fd fd = connect();
  EXPECT_TRUE(runs_until([&] { return world.closes == 1; }));
  EXPECT_EQ(world.reason, CloseReason::aborted);
  EXPECT_EQ(world.opens, 0);
  EXPECT_TRUE(runs_until([&] { return server->connections() == 0; }));
}

TEST_P(ServerLifetime, AFactoryMayAbortItsStreamAndEndTheServer) {
  world.then = [&](Callback here, Stream* stream) {
    if (here != Callback::constructor) return;
    stream->abort();
    server.reset();
  };
  start(false);
  const Fd fd = connect();
  EXPECT_TRUE(runs_until([&] { return !server; }));
  EXPECT_EQ(world.made, 1);
  EXPECT_EQ(world.alive, 0) << "destroyed once";
}

TEST_P(ServerLifetime, ASessionMayReleaseItsStream) {
  for (const Callback callback : {Callback::on_open, Callback::on_data, Callback::on_end}) {
    SCOPED_TRACE(static_cast<int>(callback));
    world = {};
    Socket socket;
    world.then = [&](Callback here, Stream* stream) {
      if (here == callback) socket = stream->release().value();
    };
    start(false);
    Fd fd = connect();
    EXPECT_TRUE(served(1));
    if (callback != Callback::on_open) write_all(fd.get(), "hello");
    if (callback == Callback::on_end) fd.close();
    EXPECT_TRUE(runs_until([&] { return socket.fd() >= 0; }));
    EXPECT_TRUE(runs_until([&] { return server->connections() == 0; }));
    EXPECT_EQ(world.alive, 0);
    EXPECT_EQ(world.closes, 0);
  }
}

TEST_P(ServerLifetime, AServerIsMovedWithItsClients) {
  start(true);
  const Fd fd = connect();
  EXPECT_TRUE(served(1));
  Server moved = std::move(*server);
  server = std::move(moved);
  write_all(fd.get(), "still there?");
  EXPECT_EQ(read_by_peer(fd, 12), "still there?");
  world.closes = 0;
  *server = serve(reactor, "127.0.0.1:0", [](Stream&, Bytes) {}).value();
  EXPECT_EQ(world.alive, 0) << "the old one ended with the assignment";
  EXPECT_EQ(world.closes, 0);
}

}  // namespace
}  // namespace rondo::test
