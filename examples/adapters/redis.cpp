// SPDX-License-Identifier: MIT
// adapter_redis: hiredis' asynchronous client on a reactor.
//
//   adapter_redis unix:/run/redis.sock INCR visits    sends one command and prints the reply
//   adapter_redis 127.0.0.1:6379 SUBSCRIBE news       prints messages until the connection ends
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/reactor.h>
#include <rondo/result.h>
#include <rondo/shared_watch.h>

namespace {

/// The adapter: the events of one connection. hiredis asks for reading and for writing separately,
/// and may destroy the connection in either call, so each has a watch of its own.
class RedisEvents {
 public:
  /// Attaches events to a connection that has just been made. hiredis deletes them together with
  /// it, which must happen before the reactor is destroyed.
  static rondo::Result<void> attach(rondo::Reactor& reactor, redisAsyncContext& connection) {
    auto events = std::make_unique<RedisEvents>();
    const auto watch = [&](rondo::SharedWatch& slot, void (*handle)(redisAsyncContext*)) {
      auto made = rondo::SharedWatch::make(reactor, connection.c.fd, rondo::Ready::none,
                                           [&connection, handle](auto) { handle(&connection); });
      if (!made) return rondo::Result<void>{std::move(made).error()};
      slot = std::move(*made);
      return rondo::Result<void>{};
    };
    if (auto done = watch(events->reading_, redisAsyncHandleRead); !done) return done;
    if (auto done = watch(events->writing_, redisAsyncHandleWrite); !done) return done;
    auto& hooks = connection.ev;
    hooks.addRead = [](void* self) { of(self).reading_.set(rondo::Ready::read); };
    hooks.delRead = [](void* self) { of(self).reading_.set(rondo::Ready::none); };
    hooks.addWrite = [](void* self) { of(self).writing_.set(rondo::Ready::write); };
    hooks.delWrite = [](void* self) { of(self).writing_.set(rondo::Ready::none); };
    hooks.cleanup = [](void* self) { delete &of(self); };
    hooks.data = events.release();
    return {};
  }

 private:
  static RedisEvents& of(void* self) { return *static_cast<RedisEvents*>(self); }

  rondo::SharedWatch reading_;
  rondo::SharedWatch writing_;
};

void print(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER:
      std::printf("%lld\n", reply.integer);
      break;
    case REDIS_REPLY_NIL:
      std::puts("(nil)");
      break;
    case REDIS_REPLY_ARRAY:
      for (const redisReply* const each : std::span{reply.element, reply.elements}) print(*each);
      break;
    default:
      std::fwrite(reply.str, 1, static_cast<std::size_t>(reply.len), stdout);
      std::putchar('\n');
  }
  std::fflush(stdout);
}

/// What the program has asked for, and how it went.
struct Conversation {
  std::span<const char*> command;
  int status = EXIT_FAILURE;  // until there is a reply

  [[nodiscard]] bool goes_on() const {
    const std::string_view name{command.front()};
    return name == "SUBSCRIBE" || name == "PSUBSCRIBE" || name == "MONITOR";
  }
};

/// Called for each reply, and with null if the connection ends without one.
void on_reply(redisAsyncContext* connection, void* reply, void* data) {
  if (reply == nullptr) return;
  auto& conversation = *static_cast<Conversation*>(data);
  print(*static_cast<redisReply*>(reply));
  conversation.status = EXIT_SUCCESS;
  if (!conversation.goes_on()) redisAsyncDisconnect(connection);
}

void on_result(const redisAsyncContext* connection, int result) {
  if (result != REDIS_OK) std::fprintf(stderr, "redis: %s\n", connection->errstr);
}

redisAsyncContext* connect(const rondo::Endpoint& where) {
  const std::string host = where.host();
  return where.family() == rondo::AddressFamily::unix_domain
             ? redisAsyncConnectUnix(host.c_str())
             : redisAsyncConnect(host.c_str(), where.port());
}

int talk(rondo::Reactor& reactor, const rondo::Endpoint& where, std::span<const char*> command) {
  Conversation conversation{command};
  redisAsyncContext* const connection = connect(where);
  if (connection == nullptr || connection->err != 0) {
    std::fprintf(stderr, "redis: %s\n", connection != nullptr ? connection->errstr : "no memory");
    if (connection != nullptr) redisAsyncFree(connection);
    return EXIT_FAILURE;
  }
  if (const auto attached = RedisEvents::attach(reactor, *connection); !attached) {
    redisAsyncFree(connection);
    return rondo::print_error(attached.error());
  }
  redisAsyncSetConnectCallback(connection, on_result);
  redisAsyncSetDisconnectCallback(connection, on_result);
  redisAsyncCommandArgv(connection, on_reply, &conversation, static_cast<int>(command.size()),
                        command.data(), nullptr);
  const auto ran = reactor.run();  // returns when hiredis has freed the connection
  return ran ? conversation.status : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: adapter_redis ADDRESS:PORT|unix:PATH COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  const auto where = rondo::Endpoint::parse(argv[1]);
  if (!where) return rondo::print_error(where.error());
  auto reactor = rondo::Reactor::make();
  if (!reactor) return rondo::print_error(reactor.error());
  std::vector<const char*> command{argv + 2, argv + argc};
  return talk(**reactor, *where, command);
}
