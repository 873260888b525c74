// SPDX-License-Identifier: MIT
#include "chat.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <rondo/text_stream.h>

namespace chat {
namespace {

constexpr std::size_t nickname_size_max = 32;
constexpr std::size_t line_size_max = 1000;

}  // namespace

class Guest final : public rondo::LineSession {
 public:
  explicit Guest(Room& room)
      : LineSession({.errors = rondo::TextErrors::replace, .line_limit = line_size_max}),
        room_(room) {}
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
      text().write_line("! this name is taken");
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
  std::string name_;  // empty until the client has sent it
};

Chat::Chat(rondo::Reactor& reactor, const Options& options)
    : server_(rondo::Server::make(
          reactor, rondo::session_factory<Guest>(room_),
          {.socket = options.socket, .stream = {.write_buffer_max = options.unread_max}})) {}

}  // namespace chat
