// SPDX-License-Identifier: MIT
// A member of the chat: joins, sends lines, and records what it receives and how it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/client.h>
#include <rondo/reactor.h>
#include <rondo/sim.h>
#include <rondo/text_stream.h>
#include <rondo/timer.h>

namespace chat::box {

/// The n-th line of a member: its number, and letters whose values and count depend on name and
/// number; some letters have two bytes. A receiver can check whether the line is complete.
[[nodiscard]] std::string line_of(std::string_view name, std::uint64_t number);

class Member final : private rondo::TextHandler {
 public:
  struct Said {
    std::uint64_t number;
    rondo::TimePoint when;
  };

  /// Connects to the chat at `target`. World and reactor outlive it. Times are the world's, because
  /// each reactor has the clock of its host.
  Member(const rondo::sim::World& world, rondo::Reactor& reactor, std::string_view target,
         std::string name, const rondo::ConnectOptions& options);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// When it received the first list of the guests; none if it never was in the room.
  [[nodiscard]] std::optional<rondo::TimePoint> joined() const noexcept { return joined_; }
  [[nodiscard]] bool is_gone() const noexcept { return closes_ != 0; }
  [[nodiscard]] bool is_present() const noexcept { return joined_ && !is_gone() && !is_leaving_; }

  void say_next();
  void say_too_much();
  void ask_who();
  void quit();
  void abort() { text_->stream().abort(); }
  /// Stops reading for a while.
  void doze(rondo::Duration duration);
  void wake();
  /// Its machine has lost power: everything that it owns is lost.
  void vanish();

  /// What it received from the room, in order: joins, leaves, lines of others.
  [[nodiscard]] const std::vector<std::string>& heard() const noexcept { return heard_; }
  [[nodiscard]] const std::vector<Said>& said() const noexcept { return said_; }
  /// The last list of the guests, and the first.
  [[nodiscard]] const std::string& here() const noexcept { return here_; }
  [[nodiscard]] const std::string& here_at_first() const noexcept { return here_at_first_; }
  /// A sentence about what should not have happened; normally empty.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }

 private:
  void on_line(rondo::TextStream& text, std::string_view line) override;
  void on_long_line(rondo::TextStream& text, std::string_view piece) override;
  void on_text_error(rondo::TextStream& text, const rondo::TextError& error) override;
  void on_close(rondo::TextStream& text, const rondo::Close& why) override;
  void take_list(std::string_view line);
  void complain(std::string_view what, std::string_view line);

  const rondo::sim::World& world_;
  std::string name_;
  std::optional<rondo::TimePoint> joined_;
  bool was_asked_ = false;  // for its name
  bool is_leaving_ = false;
  int closes_ = 0;
  std::vector<std::string> heard_;
  std::vector<Said> said_;
  std::string here_;
  std::string here_at_first_;
  std::string complaint_;
  std::unique_ptr<rondo::TextStream> text_;
  std::unique_ptr<rondo::Timer> alarm_;
};

}  // namespace chat::box
