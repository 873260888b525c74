// SPDX-License-Identifier: MIT
// The registrations: a table with a slot for each descriptor number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include <rondo/backend.h>
#include <rondo/reactor.h>

namespace rondo::detail {

class WatchTable {
 public:
  explicit WatchTable(Backend& backend) noexcept
      : backend_(backend), unwatches_at_close_(backend.unwatches_at_close()) {}
  WatchTable(const WatchTable&) = delete;
  WatchTable& operator=(const WatchTable&) = delete;

  Result<Token, std::error_code> add(int fd, Ready interest, Handler& handler,
                                     Maker maker = Maker::user) noexcept;
  void remove(Token token) noexcept;
  /// The same for a descriptor that the caller closes before the next wait.
  void remove_before_close(Token token) noexcept {
    unwatches_at_close_ ? abandon(token) : remove(token);
  }
  /// The backend is told of every end from now on.
  void distrust_close() noexcept { unwatches_at_close_ = false; }
  /// The same without a call of the backend.
  void abandon(Token token) noexcept;
  void set(Token token, Ready interest) noexcept;
  void set_handler(Token token, Handler& handler) noexcept;
  void set_referenced(Token token, bool referenced) noexcept;
  [[nodiscard]] Ready interest(Token token) const noexcept { return state(token).interest; }
  [[nodiscard]] std::size_t referenced() const noexcept { return referenced_; }
  /// Whether nothing is registered. It visits the whole table.
  [[nodiscard]] bool empty() const noexcept;

  /// The registration of a descriptor, which must have one.
  [[nodiscard]] Token token_of(int fd) const noexcept {
    return token_for(static_cast<std::size_t>(fd), Ready::none);
  }

  /// The slots for a Sink. They move when add() makes the table larger.
  [[nodiscard]] const Sink::Slot* slots() const noexcept { return slots_.get(); }
  [[nodiscard]] std::uint32_t slot_count() const noexcept { return slot_count_; }

  /// An event that does not match its slot: it is stale, not awaited any more, or from an earlier
  /// interest.
  void deliver(Token token, Ready ready);

  /// Calls the handler if it awaits `ready`. Nothing happens if the registration has ended.
  void hint(Token token, Ready ready);

  /// Passes the changes of interest to the backend. False: it refused some, which the next flush()
  /// tries again; see hint_refused().
  [[nodiscard]] bool flush() noexcept {  // refused changes are on the list of changes
    return changed_.empty() || pass_changes();
  }
  /// Calls the handlers whose change was refused, so that they meet the error in their own calls.
  void hint_refused() {
    if (!refused_.empty()) call_refused();
  }

  /// Called after Backend::reinit(): the next flush() passes all registrations to the backend
  /// again.
  void forget_polled() noexcept;

  /// The number of events that came for ended registrations, minus one for each direction of each
  /// of them. It does not grow while the poller works correctly.
  [[nodiscard]] std::int64_t unexplained_events() const noexcept { return unexplained_events_; }

  static int descriptor(Token token) noexcept { return static_cast<int>(index_of(token)); }

 private:
  struct State {
    std::uint32_t generation = 1;  // counts the registrations of this descriptor number
    Ready interest = Ready::none;  // what the handler awaits; none if there is no registration
    Ready polled = Ready::none;    // what the backend was asked to report
    bool changed = false;          // on the list of changes
    bool referenced = false;
  };
  struct Free {
    void operator()(Sink::Slot* slots) const noexcept { std::free(slots); }
  };

  static std::uint32_t index_of(Token token) noexcept;
  [[nodiscard]] bool make_room_for(std::size_t index) noexcept;
  [[nodiscard]] State* find(Token token) noexcept;
  [[nodiscard]] const State& state(Token token) const noexcept;
  [[nodiscard]] State& state(Token token) noexcept;
  [[nodiscard]] Token token_for(std::size_t index, Ready ready) const noexcept;
  void update_slot(std::size_t index) noexcept;
  [[nodiscard]] bool pass_changes() noexcept;
  void call_refused();
  void mark_changed(std::size_t index) noexcept;

  Backend& backend_;
  bool unwatches_at_close_;
  // Indexed by descriptor: the part that a dispatch reads, and the rest. The number of slots is a
  // power of two; their pages are not touched before they are used.
  std::unique_ptr<Sink::Slot[], Free> slots_;
  std::uint32_t slot_count_ = 0;
  std::vector<State> states_;
  // Both have room for every state, and each state is on them at most once: no change can fail.
  std::vector<std::uint32_t> changed_;
  std::vector<Token> refused_;
  std::size_t referenced_ = 0;
  std::int64_t unexplained_events_ = 0;
};

}  // namespace rondo::detail
