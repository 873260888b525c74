// SPDX-License-Identifier: MIT
#include "member.h"

#include <utility>

namespace chat::box {
namespace {

constexpr std::size_t too_much = 1500;  // bytes, in a line: the chat takes 1,000

/// FNV-1a: the same on every machine.
std::uint64_t hash_of(std::string_view text, std::uint64_t number) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U ^ number;
  for (const char letter : text)
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
  return hash;
}

}  // namespace

std::string line_of(std::string_view name, std::uint64_t number) {
  const std::uint64_t hash = hash_of(name, number);
  const std::size_t letters = hash % 8 == 0 ? hash / 8 % 400 : hash / 8 % 40;
  std::string line = std::to_string(number) + ' ';
  for (std::size_t i = 0; i < letters; ++i) {
    const std::uint64_t letter = (hash >> (i % 32)) % 27;
    if (letter == 26) {
      line += "é";
    } else {
      line += static_cast<char>('a' + letter);
    }
  }
  return line;
}

Member::Member(const rondo::sim::World& world, rondo::Reactor& reactor, std::string_view target,
               std::string name, const rondo::ConnectOptions& options)
    : world_(world),
      name_(std::move(name)),
      text_(rondo::TextStream::connect(reactor, target, *this, {}, options)),
      alarm_(std::make_unique<rondo::Timer>(reactor, [this] { wake(); })) {}

void Member::say_next() {
  const std::uint64_t number = said_.size() + 1;
  said_.push_back({number, world_.now()});
  text_->write_line(line_of(name_, number));
}

void Member::say_too_much() { text_->write_line(std::string(too_much, 'x')); }
void Member::ask_who() { text_->write_line("/who"); }

void Member::quit() {
  is_leaving_ = true;
  text_->write_line("/quit");
}

void Member::doze(rondo::Duration duration) {
  text_->pause();
  alarm_->arm_after(duration);
}

void Member::wake() {
  if (!is_gone()) text_->resume();
}

void Member::vanish() {
  ++closes_;
  alarm_.reset();
  text_.reset();
}

void Member::on_line(rondo::TextStream&, std::string_view line) {
  if (is_gone()) return complain("was called after the end", line);
  if (line == "Your nickname?") {
    if (std::exchange(was_asked_, true)) complain("was asked twice", line);
    text_->write_line(name_);
  } else if (line.starts_with("* here are: ")) {
    take_list(line);
  } else if (line.starts_with("! ")) {
    if (!line.starts_with("! no more than 1000 bytes")) complain("was refused", line);
  } else if (!joined_) {
    complain("received a line before it was in the room", line);
  } else {
    heard_.emplace_back(line);
  }
}

void Member::take_list(std::string_view line) {
  here_ = std::string{line} + ' ';
  if (here_.find(' ' + name_ + ' ') == std::string::npos) complain("is not on the list", line);
  if (joined_) return;
  joined_ = world_.now();
  here_at_first_ = here_;
}

void Member::on_long_line(rondo::TextStream&, std::string_view piece) {
  complain("received a line without an end", piece.substr(0, 40));
}

void Member::on_text_error(rondo::TextStream&, const rondo::TextError&) {
  complain("received invalid UTF-8", {});
}

void Member::on_close(rondo::TextStream&, const rondo::Close&) {
  if (++closes_ > 1) complain("was closed twice", {});
}

void Member::complain(std::string_view what, std::string_view line) {
  if (complaint_.empty()) {
    complaint_ = name_ + ' ' + std::string{what} + ": \"" + std::string{line} + '"';
  }
}

}  // namespace chat::box
