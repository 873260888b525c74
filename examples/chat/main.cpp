// chat: a room for many. The first line of a client is his nickname; every further line goes to all
// the others. `/who` lists who is there, `/quit` leaves.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include <rondo/reactor.h>
#include <rondo/signal.h>
#include <rondo/text_stream.h>
#include <CLI/CLI.hpp>

namespace {

constexpr std::size_t nickname_size_max = 32;
constexpr std::size_t line_size_max = 1000;
constexpr std::size_t unread_size_max =
    std::size_t{256} * 1024;  // of what a client has not read, then he goes

class Guest;
using Room = std::map<std::string, Guest*, std::less<>>;

rondo::TextOptions short_lines() {
  rondo::TextOptions options;
  options.errors = rondo::TextErrors::replace;
  options.line_limit = line_size_max;
  return options;
}

class Guest final : public rondo::LineSession {
 public:
  explicit Guest(Room& room) : LineSession(short_lines()), room_(room) {}
  ~Guest() override { room_.erase(name_); }

  void on_open(rondo::TextStream& client) override { client.write_line("Your nickname?"); }

  void on_line(rondo::TextStream& client, std::string_view line) override {
    if (name_.empty()) return introduce(line);
    if (line == "/who") return list_others();
    if (line == "/quit") return client.stream().close();
    if (!line.empty()) tell_others(name_ + ": " + std::string{line});
  }
  void on_long_line(rondo::TextStream& client, std::string_view) override {
    client.skip_line();
    client.write_line("! no more than " + std::to_string(line_size_max) + " bytes a line, please");
  }
  void on_close(rondo::TextStream&, const rondo::Close&) override {
    if (!name_.empty()) tell_others("* " + name_ + " has left");
  }

 private:
  void introduce(std::string_view name) {
    const bool fits = !name.empty() && name.size() <= nickname_size_max &&
                      std::none_of(name.begin(), name.end(), [](char c) { return c < '!'; });
    if (!fits) {
      text().write_line("! a word of at most " + std::to_string(nickname_size_max) + " bytes");
    } else if (!room_.try_emplace(std::string{name}, this).second) {
      text().write_line("! somebody has this name already");
    } else {
      name_ = name;
      list_others();
      tell_others("* " + name_ + " has joined");
    }
  }

  void list_others() {
    std::string names = "* here are:";
    for (const auto& [name, guest] : room_) names += ' ' + name;
    text().write_line(names);
  }

  void tell_others(std::string_view line) {
    for (const auto& [name, guest] : room_)
      if (guest != this) guest->text().write_line(line);
  }

  Room& room_;
  std::string name_;  // empty until he has told it
};

int serve(rondo::Reactor& reactor, const std::string& listen) {
  Room room;
  rondo::ServerOptions options;
  options.stream.output_max = unread_size_max;
  auto server = rondo::serve<Guest>(reactor, listen, options, room);
  if (!server) return rondo::complain(server.error());
  const auto leave = [&] { server->drain(std::chrono::seconds{1}); };
  rondo::Signal interrupt{reactor, SIGINT, leave};
  rondo::Signal terminate{reactor, SIGTERM, leave};
  interrupt.unref();
  terminate.unref();
  std::printf("listening on %s\n", server->local().to_string().c_str());
  std::fflush(stdout);
  if (const auto error = reactor.run()) return rondo::complain(error);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  std::string backend;
  std::string listen = "127.0.0.1:8888";
  CLI::App app{"A chat room; try it with netcat.", "chat"};
  app.add_option("--backend", backend, "the poller below (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", listen, "HOST:PORT or unix:PATH; port 0 takes any")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = backend});
  return reactor ? serve(*reactor, listen) : rondo::complain(reactor.error());
}
