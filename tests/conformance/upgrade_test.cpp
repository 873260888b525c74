// SPDX-License-Identifier: MIT
// Lines first, and then a layer, as STARTTLS has it: for texts and for connections, on every
// backend. What came before the layer, and was not read, must not pass for what came through it.
#include <string>
#include <string_view>
#include <vector>

#include <rondo/connection.h>
#include <rondo/text_connection.h>
#include <rondo/text_stream.h>

#include "support/framed_layer.h"
#include "support/server_fixture.h"

namespace rondo::test {
namespace {

using Lines = std::vector<std::string>;

struct Notes {
  FramedLayers layers;
  TextOptions options;
  std::size_t upgrade_after = 1;  // lines
  Lines lines;
  Result<void> upgraded;
  std::string closed;
};

/// Writes the lines down, and begins the layer after one of them.
struct LineNotes final : LineSession {
  explicit LineNotes(Notes& shared) : LineSession(shared.options), notes(shared) {}
  void on_line(TextStream& client, std::string_view line) override {
    notes.lines.emplace_back(line);
    if (notes.lines.size() != notes.upgrade_after) return void(client.write_line("yes"));
    client.write_line("go on");
    notes.upgraded = client.upgrade(notes.layers, "b.example");
    client.write_line("secret");
  }
  void on_close(TextStream& client, const Close& close) override {
    notes.closed = close.message();
    EXPECT_EQ(client.upgrade(notes.layers).error(), std::errc::not_connected);
  }
  Notes& notes;
};

/// The same as a task.
Task<> note_lines(Connection& client, Notes& notes) {
  TextConnection text{client, notes.options};
  try {
    while (const auto line = co_await text.read_line()) {
      notes.lines.emplace_back(line);
      if (notes.lines.size() == notes.upgrade_after) {
        text.write_line("go on");
        notes.upgraded = text.upgrade(notes.layers, "b.example");
        if (!notes.upgraded) break;
        text.write_line("secret");
      } else {
        text.write_line("yes");
      }
    }
  } catch (const std::exception& error) {
    notes.closed = error.what();
    co_return;
  }
  const Close close = co_await client.closed();
  notes.closed = close.message();
}

/// The same with bytes.
Task<> note_pieces(Connection& client, Notes& notes) {
  const LentBytes request = co_await client.read_until("\n");
  notes.lines.emplace_back(request.text());
  client.write("go on\n");
  notes.upgraded = client.upgrade(notes.layers, "b.example");
  client.write("secret\n");
  if (notes.upgraded) {
    while (const LentBytes line = co_await client.read_until("\n")) {
      notes.lines.emplace_back(line.text());
      client.write("yes\n");
    }
  }
  const Close close = co_await client.closed();
  notes.closed = close.message();
}

class Upgrades : public ServersOnEveryBackend {
 protected:
  Server serve_lines() {
    return serve(reactor, "127.0.0.1:0", session_factory<LineNotes>(notes), without_lingering())
        .value();
  }
  template <typename Function>
  Server serve_by(Function function) {
    const auto body = [this, function](Connection& client) { return function(client, notes); };
    return serve(reactor, "127.0.0.1:0", body, without_lingering()).value();
  }
  /// A request, a layer, and two lines through it, of which the first is empty.
  void expect_lines(const Server& server, std::string_view request, const Lines& lines) {
    const Fd client = connect(server.local_endpoint());
    write_all(client.get(), request);
    EXPECT_EQ(read_by_peer(client, 10), "go on\nlayr");
    EXPECT_EQ(notes.layers.hosts, Lines{"b.example"});
    write_all(client.get(), "layr" + frame("\none\n"));
    std::string expected = frame("secret\n") + frame("yes\nyes\n");
    EXPECT_EQ(read_by_peer(client, expected.size()), expected);
    EXPECT_TRUE(notes.upgraded);
    EXPECT_EQ(notes.lines, lines);
  }
  void expect_refused(const Server& server, std::string_view sent) {
    notes.lines.clear();
    notes.closed.clear();
    notes.upgraded = {};
    const Fd client = connect(server.local_endpoint());
    write_all(client.get(), sent);
    EXPECT_TRUE(runs_until([&] { return !notes.closed.empty(); }));
    EXPECT_EQ(notes.closed, "error: Protocol error");
    ASSERT_FALSE(notes.upgraded);
    EXPECT_EQ(notes.upgraded.error(), std::errc::protocol_error);
    EXPECT_EQ(notes.upgraded.error().context,
              "upgrade a stream: unprotected input follows the command");
    EXPECT_EQ(notes.lines.size(), notes.upgrade_after);
    EXPECT_EQ(notes.layers.hosts, Lines{});
  }

  Notes notes;
};
RONDO_ON_EVERY_BACKEND(Upgrades);

TEST_P(Upgrades, PassTheLinesOfSessions) {
  expect_lines(serve_lines(), "STARTTLS\r\n", {"STARTTLS", "", "one"});
}

TEST_P(Upgrades, PassTheLinesOfTasks) {
  expect_lines(serve_by(note_lines), "STARTTLS\r\n", {"STARTTLS", "", "one"});
}

TEST_P(Upgrades, PassTheBytesOfTasks) {
  expect_lines(serve_by(note_pieces), "STARTTLS\r\n", {"STARTTLS\r\n", "\n", "one\n"});
}

// With `universal` the line ends at its CR; a LF that comes through the layer is another line.
TEST_P(Upgrades, JoinNoHalvesOfALineEnding) {
  expect_lines(serve_lines(), "STARTTLS\r", {"STARTTLS", "", "one"});
}

TEST_P(Upgrades, JoinNoHalvesOfALineEndingInTasks) {
  expect_lines(serve_by(note_lines), "STARTTLS\r", {"STARTTLS", "", "one"});
}

TEST_P(Upgrades, ReportNothingThatCameBefore) {
  const Server server = serve_lines();
  const Server tasks = serve_by(note_lines);
  // A line, a part of one, a line ending, a part of a character, and an invalid one.
  for (const std::string_view more : {"DELETE everything\n", "DEL", "\n", "\xc3", "\xff"}) {
    expect_refused(server, "STARTTLS\n" + std::string{more});
    expect_refused(tasks, "STARTTLS\n" + std::string{more});
  }
  expect_refused(serve_by(note_pieces), "STARTTLS\nDELETE everything\n");
}

// Where text may be longer than its bytes, 4 KiB or more are decoded at a time: here the request
// ends with these.
TEST_P(Upgrades, SeeWhatIsNotDecodedYet) {
  notes.options.errors = TextErrors::replace;
  notes.upgrade_after = 16'384 / 8;
  std::string sent;
  for (std::size_t i = 0; i < notes.upgrade_after; ++i) sent += "request\n";
  expect_refused(serve_lines(), sent + "DELETE everything\n");
  expect_refused(serve_by(note_lines), sent + "DELETE everything\n");
}

}  // namespace
}  // namespace rondo::test
