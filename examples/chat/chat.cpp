#include "chat.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <rondo/text_stream.h>

namespace chat {
namespace {

constexpr std::size_t nickname_size_max = 32;
constexpr std::size_t line_size_max = 1000;

class Guest;

struct Room {
  std::map<std::string, Guest*, std::less<>> guests{};  // by their nicknames
  std::uint64_t dropped = 0;
};

rondo::TextOptions short_lines() {
  rondo::TextOptions options;
  options.errors = rondo::TextErrors::replace;
  options.line_limit = line_size_max;
  return options;
}

class Guest final : public rondo::LineSession {
 public:
  explicit Guest(Room& room) : LineSession(short_lines()), room_(room) {}
  ~Guest() override { room_.guests.erase(name_); }

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
  void on_close(rondo::TextStream&, const rondo::Close& why) override {
    if (why.reason == rondo::CloseReason::overflow) ++room_.dropped;
    if (!name_.empty()) tell_others("* " + name_ + " has left");
  }

 private:
  void introduce(std::string_view name) {
    const bool fits = !name.empty() && name.size() <= nickname_size_max &&
                      std::none_of(name.begin(), name.end(), [](char c) { return c < '!'; });
    if (!fits) {
      text().write_line("! a word of at most " + std::to_string(nickname_size_max) + " bytes");
    } else if (!room_.guests.try_emplace(std::string{name}, this).second) {
      text().write_line("! somebody has this name already");
    } else {
      name_ = name;
      list_others();
      tell_others("* " + name_ + " has joined");
    }
  }

  void list_others() {
    std::string names = "* here are:";
    for (const auto& [name, guest] : room_.guests) names += ' ' + name;
    text().write_line(names);
  }

  void tell_others(std::string_view line) {
    for (const auto& [name, guest] : room_.guests)
      if (guest != this) guest->text().write_line(line);
  }

  Room& room_;
  std::string name_;  // empty until he has told it
};

}  // namespace

class Chat::Impl {
 public:
  Room room;
  std::optional<rondo::Server> server;  // its guests leave the room when it ends
};

Chat::Chat(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Chat::Chat(Chat&& other) noexcept = default;
Chat& Chat::operator=(Chat&& other) noexcept = default;
Chat::~Chat() = default;

rondo::Result<Chat> Chat::open(rondo::Reactor& reactor, std::string_view where,
                               const Options& options) {
  auto impl = std::make_unique<Impl>();
  rondo::ServerOptions server_options;
  server_options.socket = options.socket;
  server_options.stream.write_buffer_max = options.unread_max;
  auto server = rondo::serve<Guest>(reactor, where, server_options, impl->room);
  if (!server) return server.error();
  impl->server = std::move(*server);
  return Chat{std::move(impl)};
}

const rondo::Endpoint& Chat::local_endpoint() const noexcept {
  return impl_->server->local_endpoint();
}
std::size_t Chat::connections() const noexcept { return impl_->server->connections(); }
std::uint64_t Chat::dropped() const noexcept { return impl_->room.dropped; }
void Chat::close(rondo::Duration timeout) { impl_->server->drain(timeout); }

}  // namespace chat
