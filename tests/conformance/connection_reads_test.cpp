// SPDX-License-Identifier: MIT
// Reads of frames, and those that return their failures, on each backend.
#include <rondo/connection.h>

#include <optional>
#include <string>
#include <vector>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class ConnectionReadsTest : public ServersOnEveryBackend {
 protected:
  template <typename F>
  Server start(F function, const ServerOptions& options = without_lingering()) {
    return serve(reactor, "127.0.0.1:0", std::move(function), options).value();
  }
  std::vector<std::string> seen;
};
RONDO_ON_EVERY_BACKEND(ConnectionReadsTest);

std::string framed(std::initializer_list<std::string_view> frames, LengthFormat format = {}) {
  std::string out;
  for (const std::string_view frame : frames) {
    EXPECT_FALSE(append_frame(out, std::as_bytes(std::span{frame}), format));
  }
  return out;
}

TEST_P(ConnectionReadsTest, TakesFramesHoweverTheInputIsCut) {
  constexpr LengthFormat format{.size = 2, .order = std::endian::little};
  const auto body = [&](Connection& client) -> Task<> {
    while (const auto frame = co_await client.read_frame(format)) seen.emplace_back(frame->text());
    seen.emplace_back("end");
  };
  const Server server = start(body);
  const std::string large(1000, 'x');
  const std::string text = framed({"one", "", large, "last"}, format);
  for (const std::size_t piece : {1U, 2U, 7U, 2000U}) {
    seen.clear();
    Fd client = connect(server.local_endpoint());
    for (std::size_t at = 0; at < text.size(); at += piece) {
      write_all(client.get(), text.substr(at, piece));
      run_turns(reactor, 1);
    }
    client = Fd{};
    EXPECT_TRUE(has(server, 0));
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "", large, "last", "end"}));
  }
}

TEST_P(ConnectionReadsTest, TakesNothingOfAFrameThatIsTooLong) {
  constexpr LengthFormat format;
  const auto body = [&](Connection& client) -> Task<> {
    for (int i = 0; i < 2; ++i) {
      try {
        (void)co_await client.read_frame(format, 4);
      } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::message_size);
        seen.emplace_back(error.what());
      }
    }
    seen.emplace_back((co_await client.read_frame(format, 5))->text());
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), framed({"12345"}));
  EXPECT_TRUE(runs_until([&] { return seen.size() == 3; }));
  EXPECT_TRUE(seen[0].starts_with("read_frame: 5 bytes, of 4 that are allowed")) << seen[0];
  EXPECT_EQ(seen[1], seen[0]);
  EXPECT_EQ(seen[2], "12345");
}

TEST_P(ConnectionReadsTest, SaysWhatHadArrivedOfAFrame) {
  const auto body = [&](Connection& client) -> Task<> {
    try {
      (void)co_await client.read_frame();
    } catch (const IncompleteRead& error) {
      seen.push_back(error.part());
    }
  };
  const Server server = start(body);
  for (const std::size_t size : {2U, 6U}) {
    const Fd client = connect(server.local_endpoint());
    write_all(client.get(), framed({"12345"}).substr(0, size));
    finish_writing(client);
    EXPECT_TRUE(is_closed(client));
  }
  using namespace std::string_literals;
  EXPECT_EQ(seen, (std::vector<std::string>{"\0\0"s, "\0\0\0\00512"s}));
}

TEST_P(ConnectionReadsTest, TakeEverythingUntilTheEnd) {
  const auto body = [&](Connection& client) -> Task<> {
    seen.emplace_back((co_await client.read_exactly(2)).text());
    seen.emplace_back((co_await client.read_to_end(6)).text());
    const auto rest = co_await client.read_to_end();
    EXPECT_FALSE(rest);
  };
  const Server server = start(body);
  for (const std::string_view rest : {"345678", "3", ""}) {
    seen.clear();
    const Fd client = connect(server.local_endpoint());
    for (const char one : "12" + std::string{rest}) {
      write_all(client.get(), std::string{one});
      run_turns(reactor, 1);
    }
    finish_writing(client);
    EXPECT_TRUE(is_closed(client));
    EXPECT_EQ(seen, (std::vector<std::string>{"12", std::string{rest}}));
  }
}

TEST_P(ConnectionReadsTest, TakeNothingIfThereIsTooMuchUntilTheEnd) {
  const auto body = [&](Connection& client) -> Task<> {
    try {
      (void)co_await client.read_to_end(4);
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::message_size);
      seen.emplace_back(error.what());
    }
    seen.emplace_back((co_await client.read_to_end(5)).text());
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "12345");
  EXPECT_TRUE(runs_until([&] { return seen.size() == 1; })) << "without the end";
  EXPECT_TRUE(seen[0].starts_with("read_to_end: more than 4 bytes")) << seen[0];
  finish_writing(client);
  EXPECT_TRUE(is_closed(client));
  EXPECT_EQ(seen.back(), "12345");
}

TEST_P(ConnectionReadsTest, DoNotTakeALostConnectionForTheEnd) {
  const auto body = [&](Connection& client) -> Task<> {
    try {
      (void)co_await client.read_to_end();
    } catch (const Disconnected& error) {
      seen.emplace_back(error.what());
    }
    seen.emplace_back((co_await client.read()).text());
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  write_all(client.get(), "123");
  run_turns(reactor, 2);
  close_with_reset(client);
  EXPECT_TRUE(runs_until([&] { return seen.size() == 2; }));
  EXPECT_EQ(seen, (std::vector<std::string>{"read_to_end: Connection reset by peer", "123"}));
}

TEST_P(ConnectionReadsTest, ReturnWhyTheyHaveFailed) {
  std::optional<CloseReason> read;
  std::optional<CloseReason> sent;
  const auto body = [&](Connection& client) -> Task<> {
    while (true) {
      const auto data = co_await client.try_read();
      if (data.is_lost()) {
        EXPECT_TRUE(data.empty());
        read = data.error().reason();
        EXPECT_TRUE(data.error().is_of(client.stream()));
        EXPECT_STREQ(data.error().what(), "read: Connection reset by peer");
        break;
      }
      if (data.empty()) break;
      seen.emplace_back(data.text());
      const auto sends = co_await client.try_send("more");
      EXPECT_TRUE(sends);
    }
    const auto sends = co_await client.try_send("too late");
    if (!sends) {
      sent = sends.error().reason();
      EXPECT_STREQ(sends.error().what(), "write: Connection reset by peer");
    }
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  write_all(client.get(), "one");
  EXPECT_EQ(read_by_peer(client, 4), "more");
  close_with_reset(client);
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, std::vector<std::string>{"one"});
  EXPECT_EQ(read, CloseReason::reset);
  EXPECT_EQ(sent, CloseReason::reset);
}

TEST_P(ConnectionReadsTest, ReturnNothingAtTheEnd) {
  int empty = 0;
  const auto body = [&](Connection& client) -> Task<> {
    const auto data = co_await client.try_read();
    if (data.empty() && !data.is_lost()) ++empty;
  };
  const Server server = start(body);
  Fd client = connect(server.local_endpoint());
  client = Fd{};
  EXPECT_TRUE(runs_until([&] { return empty == 1; }));
  EXPECT_TRUE(has(server, 0));
}

// The coroutine waits for something else meanwhile, and then takes what was kept.
TEST_P(ConnectionReadsTest, ReturnWhatWasKept) {
  Event event;
  const auto body = [&](Connection& client) -> Task<> {
    seen.emplace_back((co_await client.read_exactly(2)).text());
    co_await event.wait();
    seen.emplace_back((co_await client.try_read()).text());
  };
  const Server server = start(body);
  const Fd client = connect(server.local_endpoint());
  write_all(client.get(), "abcd");
  EXPECT_TRUE(runs_until([&] { return seen.size() == 1; }));
  event.set();
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, (std::vector<std::string>{"ab", "cd"}));
}

}  // namespace
}  // namespace rondo::test
