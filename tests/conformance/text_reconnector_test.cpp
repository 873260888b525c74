// SPDX-License-Identifier: MIT
// A client that speaks in text and connects again: each connection begins anew.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/text_reconnector.h>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

using Lines = std::vector<std::string>;

/// What the server does with its n-th client.
struct Part {
  std::string says;
  bool finishes = false;
};

struct Script {
  std::vector<Part> parts;
  std::size_t clients = 0;
  std::vector<std::string> heard{};  // from each client
};

/// Serves one client: says its part, and records what it hears.
struct Actor final : Session {
  explicit Actor(Script& of) : script(of), index(script.clients++) { script.heard.emplace_back(); }
  void on_open(Stream& client) override {
    if (index >= script.parts.size()) return;
    client.write(script.parts[index].says);
    if (script.parts[index].finishes) client.shutdown_output();
  }
  void on_data(Stream&, Bytes data) override { script.heard[index] += text_of(data); }
  Script& script;
  std::size_t index;
};

/// Records the calls, reads the lines unless it is to leave them, and then does what the test
/// wants.
struct Caller final : TextHandler {
  void on_open(TextStream& text) override {
    ++opens;
    if (const auto then = on_open_then) then(text);
  }
  void on_readable(TextStream& text) override {
    if (reads) TextHandler::on_readable(text);
  }
  void on_line(TextStream&, std::string_view line) override { lines.emplace_back(line); }
  void on_text_error(TextStream& text, const TextError& error) override {
    errors.push_back(error);
    TextHandler::on_text_error(text, error);
  }
  void on_end(TextStream& text) override {
    ++ends;
    TextHandler::on_end(text);
  }
  void on_close(TextStream& text, const Close& why) override {
    ++closes;
    reason = why.reason;
    if (const auto then = on_close_then) then(text);
  }

  Lines lines;
  std::vector<TextError> errors;
  bool reads = true;
  int opens = 0;
  int ends = 0;
  int closes = 0;
  CloseReason reason{};
  std::function<void(TextStream&)> on_open_then;
  std::function<void(TextStream&)> on_close_then;
};

class TextReconnectors : public StreamsOnEveryBackend {
 protected:
  void connect(std::vector<Part> parts, const TextOptions& options = {}) {
    script.parts = std::move(parts);
    server.emplace(serve<Actor>(reactor, "127.0.0.1:0", {}, script).value());
    connect_to(server->local_endpoint().to_string(), options);
  }
  void connect_to(const std::string& target, const TextOptions& options = {}) {
    ReconnectOptions reconnect;
    reconnect.backoff = {.min = 1us, .max = 1us};
    again.emplace(reactor, target, caller, options, reconnect);
    EXPECT_EQ(again->text(), nullptr) << "not before on_open";
  }
  /// Ends the current connection, and waits for the next.
  void reconnect() {
    ASSERT_NE(again->text(), nullptr);
    again->text()->stream().abort();
    const int opens = caller.opens;
    EXPECT_TRUE(runs_until([&] { return caller.opens == opens + 1; }));
  }
  [[nodiscard]] bool runs_until_unread(std::size_t size) {
    return runs_until([&] { return again->text() != nullptr && again->text()->unread() == size; });
  }

  Script script;
  Caller caller;
  std::optional<Server> server;
  std::optional<TextReconnector> again;
};
RONDO_ON_EVERY_BACKEND(TextReconnectors);

TEST_P(TextReconnectors, BeginWithoutTheHalfLineAndTheHalfCharacterOfTheLastConnection) {
  caller.reads = false;
  connect({{"hal\xc3"}, {"\u00e9t\u00e9\n"}});
  EXPECT_TRUE(runs_until_unread(3));
  caller.reads = true;
  reconnect();
  EXPECT_TRUE(runs_until([&] { return !caller.lines.empty(); }));
  EXPECT_EQ(caller.lines, (Lines{"\u00e9t\u00e9"}));
  EXPECT_TRUE(caller.errors.empty());
}

TEST_P(TextReconnectors, WaitForTheEndOfALineAfterAConnectionThatFinished) {
  connect({{"one\ntw", true}, {"thr"}});
  EXPECT_TRUE(runs_until_unread(3));
  EXPECT_EQ(caller.lines, (Lines{"one", "tw"}));
  EXPECT_EQ(caller.ends, 1);
  EXPECT_FALSE(again->text()->at_end());
}

TEST_P(TextReconnectors, ReadOnAfterAConnectionWithATextError) {
  connect({{"good\nbad \xff more\n"}, {"good\nbad \xff more\n"}});
  EXPECT_TRUE(runs_until([&] { return caller.closes == 2; }));
  ASSERT_EQ(caller.errors.size(), 2u);
  EXPECT_EQ(caller.errors.back().position, 9u);
  EXPECT_EQ(caller.lines, (Lines{"good", "bad ", "good", "bad "}));
}

TEST_P(TextReconnectors, ForgetAPauseASkippedLineAndTheEndingsSeen) {
  connect({{"one\r\nskip me"}, {"two\n"}});
  EXPECT_TRUE(runs_until_unread(7));
  EXPECT_TRUE(again->text()->seen(LineEnding::crlf));
  again->text()->skip_line();
  again->text()->pause();
  reconnect();
  EXPECT_TRUE(runs_until([&] { return caller.lines.size() == 2; }));
  EXPECT_EQ(caller.lines, (Lines{"one", "two"}));
  EXPECT_FALSE(again->text()->seen(LineEnding::crlf));
}

TEST_P(TextReconnectors, WriteTheByteOrderMarkToEachConnection) {
  caller.on_open_then = [](TextStream& here) { here.write("a"); };
  connect({{}, {}}, {.encoding = Encoding::find("utf-16").value()});
  const auto marked =
      "\xff\xfe"
      "a\0"sv;
  EXPECT_TRUE(runs_until([&] { return script.clients == 1 && script.heard[0] == marked; }));
  reconnect();
  EXPECT_TRUE(runs_until([&] { return script.clients == 2 && script.heard[1] == marked; }));
}

TEST_P(TextReconnectors, ReadAfterAConnectionWithTooMuchUnreadText) {
  caller.reads = false;
  connect({{"0123456789"}, {"abc\n"}}, {.unread_max = 2});
  EXPECT_TRUE(runs_until_unread(10));
  reconnect();
  EXPECT_TRUE(runs_until_unread(4));
  EXPECT_EQ(std::string_view{again->text()->read_line()}, "abc");
}

TEST_P(TextReconnectors, HaveATextFromOnOpenUntilOnClose) {
  caller.reads = false;
  connect({{"one\ntwo\n"}});
  caller.on_open_then = [&](TextStream& here) { EXPECT_EQ(again->text(), &here); };
  EXPECT_TRUE(runs_until_unread(8));
  Lines left;
  caller.on_close_then = [&](TextStream& here) {
    EXPECT_EQ(again->text(), nullptr);
    EXPECT_EQ(here.write("lost"), WriteStatus::refused);
    for (const std::string_view line : here.lines()) left.emplace_back(line);
  };
  again->stop();
  EXPECT_TRUE(runs_until([&] { return caller.closes == 1; }));
  EXPECT_EQ(left, (Lines{"one", "two"}));
  EXPECT_EQ(again->text(), nullptr);
  EXPECT_EQ(again->connects(), 1U);
}

TEST_P(TextReconnectors, ReportAnAttemptThatFailed) {
  connect_to("no address");
  EXPECT_TRUE(runs_until([&] { return caller.closes == 2; }));
  EXPECT_EQ(caller.reason, CloseReason::not_connected);
  EXPECT_EQ(caller.opens, 0);
  EXPECT_EQ(again->text(), nullptr);
}

TEST_P(TextReconnectors, ConnectAgainAfterAnOnCloseThatThrew) {
  connect({{}, {"two\n"}});
  EXPECT_TRUE(runs_until([&] { return caller.opens == 1; }));
  caller.on_close_then = [&](TextStream&) {
    caller.on_close_then = nullptr;
    throw std::runtime_error{"closed"};
  };
  again->text()->stream().abort();
  EXPECT_THROW(run_on(), std::runtime_error);
  EXPECT_TRUE(runs_until([&] { return caller.lines == Lines{"two"}; }));
}

}  // namespace
}  // namespace rondo::test
