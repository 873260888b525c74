// SPDX-License-Identifier: MIT
// Text that tasks read and write, on each backend.
#include <rondo/text_connection.h>

#include <string>
#include <vector>

#include <rondo/coroutine.h>

#include "support/server_fixture.h"
#include "support/task_end.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class TextConnectionTest : public ServersOnEveryBackend {
 protected:
  template <typename F>
  Server start(F function) {
    return serve(reactor, "127.0.0.1:0", std::move(function), without_lingering()).value();
  }
  /// Reads all lines.
  Server collect(const TextOptions& options) {
    return start([this, options](Connection& served) { return collect_lines(served, options); });
  }
  void say(std::string_view text, std::size_t piece) {
    for (std::size_t at = 0; at < text.size(); at += piece) {
      write_all(client.get(), text.substr(at, piece));
      run_on();
    }
  }

  std::vector<std::string> seen;
  std::string error;
  Fd client;

 private:
  Task<> collect_lines(Connection& served, TextOptions options) {
    TextConnection text{served, options};
    try {
      while (const auto line = co_await text.read_line()) seen.emplace_back(line);
      seen.emplace_back("end");
    } catch (const std::system_error& thrown) {
      error = thrown.what();
    }
  }
};
RONDO_ON_EVERY_BACKEND(TextConnectionTest);

TEST_P(TextConnectionTest, ReadsTheSameLinesHoweverTheInputIsCut) {
  const Server server = collect({});
  const std::string text =
      "one\r\ntwo\rthr\xc3\xa9"
      "e\n\nlast";
  for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
    seen.clear();
    client = connect(server.local_endpoint());
    say(text, piece);
    client = Fd{};
    EXPECT_TRUE(has(server, 0));
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two",
                                              "thr\xc3\xa9"
                                              "e",
                                              "", "last", "end"}));
  }
}

TEST_P(TextConnectionTest, ConvertsItsEncodingInBothDirections) {
  const auto answers = [](Connection& served) -> Task<> {
    const TextOptions options{.encoding = Encoding::find("latin-1").value(),
                              .ending = LineEnding::crlf};
    TextConnection text{served, options};
    while (const auto line = co_await text.read_line()) text.write_line(line);
    text.write("\xe2\x82\xac\n");  // a euro sign, which latin-1 lacks
  };
  const Server server = start(answers);
  client = connect(server.local_endpoint());
  write_all(client.get(), "caf\xe9\n");
  EXPECT_EQ(read_by_peer(client, 6), "caf\xe9\r\n");
  finish_writing(client);
  EXPECT_EQ(read_by_peer(client, 3), "?\r\n");
}

TEST_P(TextConnectionTest, ThrowsWhenItReachesWhatIsInvalid) {
  const Server server = collect({});
  client = connect(server.local_endpoint());
  say("good\nbad\xff\nrest\n", 100);
  EXPECT_TRUE(runs_until([&] { return !error.empty(); }));
  EXPECT_EQ(seen, (std::vector<std::string>{"good", "bad"}));
  EXPECT_TRUE(error.starts_with("read_line: byte 8: invalid start byte")) << error;
}

TEST_P(TextConnectionTest, ThrowsForOutputThatTheEncodingLacks) {
  std::string failure;
  const auto body = [&](Connection& served) -> Task<> {
    const TextOptions options{.encoding = Encoding::find("ascii").value(),
                              .output_errors = TextErrors::strict};
    TextConnection text{served, options};
    try {
      text.write_line("\xc3\xa9");
    } catch (const InvalidText& thrown) {
      failure = thrown.what();
      EXPECT_EQ(thrown.code(), std::errc::illegal_byte_sequence);
      EXPECT_EQ(thrown.error().position, 0U);
    }
    text.write_line("e");
    co_return;
  };
  const Server server = start(body);
  client = connect(server.local_endpoint());
  EXPECT_EQ(read_by_peer(client, 2), "e\n");
  EXPECT_TRUE(failure.starts_with("write: byte 0: ")) << failure;
}

TEST_P(TextConnectionTest, DoesNotTakeALineThatIsTooLong) {
  const auto body = [this](Connection& served) -> Task<> {
    const TextOptions options{.line_limit = 8};
    TextConnection text{served, options};
    const auto fails = [&]() -> Task<> {
      try {
        (void)co_await text.read_line();
      } catch (const std::system_error& thrown) {
        EXPECT_EQ(thrown.code(), std::errc::message_size);
        seen.emplace_back("too long");
      }
    };
    co_await fails();
    co_await fails();
    seen.emplace_back(co_await text.read(3));
    text.skip_line();
    seen.emplace_back(co_await text.read_line());
  };
  const Server server = start(body);
  client = connect(server.local_endpoint());
  say("0123456789abc\nshort\n", 4);
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, (std::vector<std::string>{"too long", "too long", "012", "short"}));
}

TEST_P(TextConnectionTest, ReadsSoManyCharacters) {
  const auto body = [this](Connection& served) -> Task<> {
    TextConnection text{served};
    while (true) {
      const std::string_view read = co_await text.read(2);
      if (read.empty()) break;
      co_await sleep(1ms);
      seen.emplace_back(read);  // still valid
    }
    EXPECT_TRUE((co_await text.read(0)).empty());
  };
  const Server server = start(body);
  client = connect(server.local_endpoint());
  say("\xc3\xa9-\xe2\x82\xac.x", 100);
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, (std::vector<std::string>{"\xc3\xa9-", "\xe2\x82\xac.", "x"}));
}

TEST_P(TextConnectionTest, LeavesTheBytesThatItHasNotDecoded) {
  const auto body = [this](Connection& served) -> Task<> {
    TextConnection text{served};
    seen.emplace_back(co_await text.read_line());
    seen.emplace_back((co_await served.read_exactly(3)).text());
    seen.emplace_back(co_await text.read_line());
  };
  const Server server = start(body);
  client = connect(server.local_endpoint());
  for (const std::string_view part : {"one\n", "\xff\xfe\xfd", "two\n"}) say(part, 100);
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, (std::vector<std::string>{"one", "\xff\xfe\xfd", "two"}));
}

// Half a line stays.
TEST_P(TextConnectionTest, LosesNothingIfAReadIsCancelled) {
  int cancelled = 0;
  const auto body = [&](Connection& served) -> Task<> {
    TextConnection text{served};
    while (true) {
      const auto line = co_await timeout(0s, text.read_line());
      if (!line) {
        ++cancelled;
        co_await turn();
      } else if (*line) {
        seen.emplace_back(*line);
      } else {
        break;
      }
    }
  };
  const Server server = start(body);
  client = connect(server.local_endpoint());
  const std::vector<std::string> lines{"first", "second", "third"};
  say("first\nsecond\nthird\n", 2);
  client = Fd{};
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, lines);
  EXPECT_GT(cancelled, 2);
}

TEST_P(TextConnectionTest, ThrowsDisconnectedAfterAllLines) {
  const Server server = collect({});
  client = connect(server.local_endpoint());
  say("one\nhal\xc3", 100);
  close_with_reset(client);
  EXPECT_TRUE(has(server, 0));
  EXPECT_EQ(seen, (std::vector<std::string>{"one", "hal"}));
  EXPECT_EQ(error, "read_line: Connection reset by peer");
}

// What was not read waits where the peer notices it, and not in this process.
TEST_P(TextConnectionTest, HoldsThePeerBackWhileNoTaskReads) {
  Event event;
  std::size_t held = 0;
  std::size_t lines = 0;
  const auto body = [&](Connection& served) -> Task<> {
    TextConnection text{served};
    (void)co_await text.read_line();
    co_await event.wait();
    held = text.unread() + served.unread_bytes();
    while (co_await text.read_line()) ++lines;
  };
  const Server server = start(body);
  client = connect(server.local_endpoint());
  std::string much;
  while (much.size() < 1'000'000) much += "a line\n";
  std::size_t sent = 0;
  const auto send_more = [&] {
    const long taken = write_some(client.get(), std::string_view{much}.substr(sent));
    if (taken > 0) sent += static_cast<std::size_t>(taken);
    if (sent == much.size()) client = Fd{};
  };
  for (int i = 0; i < 50 && client.get() >= 0; ++i) {
    send_more();
    run_turns(reactor, 1);
  }
  event.set();
  EXPECT_TRUE(runs_until([&] {
    if (client.get() >= 0) send_more();
    return server.connections() == 0;
  }));
  EXPECT_LE(held, 200'000U);
  EXPECT_EQ(lines, much.size() / 7 - 1);
}

}  // namespace
}  // namespace rondo::test
