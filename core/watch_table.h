// Who is called for which descriptor: a table with a place for each descriptor number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include <rondo/backend.h>
#include <rondo/reactor.h>

namespace rondo::detail {

static_assert(sizeof(void*) != 8 || sizeof(WatchSlot) == 16);

class WatchTable {
 public:
  explicit WatchTable(Backend& backend) noexcept : backend_(backend) {}
  WatchTable(const WatchTable&) = delete;
  WatchTable& operator=(const WatchTable&) = delete;
  ~WatchTable();

  Result<Token> add(int fd, Ready interest, Handler& handler) noexcept;
  void remove(Token token) noexcept;
  void set(Token token, Ready interest) noexcept;
  void set_referenced(Token token, bool referenced) noexcept;
  [[nodiscard]] Ready interest(Token token) const noexcept { return slot(token).interest; }
  [[nodiscard]] std::size_t referenced() const noexcept { return referenced_; }

  /// All slots, by descriptor; they move when add() makes room.
  [[nodiscard]] std::span<WatchSlot> slots() noexcept { return slots_; }
  /// The slot an event is for, or null for one whose registration has ended.
  [[nodiscard]] WatchSlot* find(Token token) noexcept {
    const std::uint32_t place = index(token);
    if (place >= slots_.size()) return nullptr;
    WatchSlot& slot = slots_[place];
    return slot.generation == generation(token) ? &slot : nullptr;
  }
  /// The backend told more than the handler awaits: it is to be asked for less.
  void mark_changed(WatchSlot& slot) noexcept;

  /// Tells the backend what has changed. True: some of it was refused; see refused().
  [[nodiscard]] bool flush() noexcept;
  /// The registrations whose change was refused; it is tried again with the next flush.
  [[nodiscard]] std::span<const Token> refused() const noexcept { return refused_; }

  /// After Backend::renew: everything is to be told again by the next flush.
  void forget_polled() noexcept;

  /// How many registrations have ended, ever.
  [[nodiscard]] std::uint64_t removals() const noexcept { return removals_; }

  static int descriptor(Token token) noexcept { return static_cast<int>(index(token)); }

 private:
  static std::uint32_t index(Token token) noexcept { return static_cast<std::uint32_t>(token); }
  static std::uint32_t generation(Token token) noexcept {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(token) >> 32U);
  }
  void grow(std::size_t places);
  [[nodiscard]] Token token_of(const WatchSlot& slot) const noexcept;
  [[nodiscard]] const WatchSlot& slot(Token token) const noexcept;
  [[nodiscard]] WatchSlot& slot(Token token) noexcept;

  Backend& backend_;
  std::vector<WatchSlot> slots_;  // by descriptor
  // Both have room for every slot, each of which is on them at most once: no change can fail.
  std::vector<std::uint32_t> changed_;
  std::vector<Token> refused_;
  std::size_t referenced_ = 0;
  std::uint64_t removals_ = 0;
};

}  // namespace rondo::detail
