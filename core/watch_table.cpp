// The model. A descriptor number has at most one registration; the place in the table is the
// number itself, as in Redis' ae. A Token is that number and the generation of its registration,
// so that an event of a registration that has ended, even one whose number is in use again, finds
// another generation and reaches nobody.
//
// interest  what the handler awaits now: set at once, by anybody, at no cost
// polled    what the backend was last told
//
// The two differ until flush(), once a turn. Interest that grows is told then. Interest that
// shrinks is not told at all until an event comes that nobody awaits: a stream that wants to write
// now and then would otherwise pay two system calls each time. That event marks the slot, and the
// next flush() tells the backend; so a hang-up that nobody awaits is heard once and then no more.
#include "watch_table.h"

#include <algorithm>
#include <new>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {
WatchTable::~WatchTable() {
  RONDO_ASSERT(std::none_of(slots_.begin(), slots_.end(),
                            [](const WatchSlot& slot) { return slot.handler != nullptr; }));
}

Result<Token> WatchTable::add(int fd, Ready interest, Handler& handler) noexcept try {
  if (fd < 0) return std::errc::bad_file_descriptor;
  const auto place = static_cast<std::size_t>(fd);
  if (place >= slots_.size()) grow(place + 1);
  WatchSlot& slot = slots_[place];
  if (slot.handler != nullptr) return std::errc::file_exists;
  const Token token = token_of(slot);
  if (interest != Ready::none) {
    if (const std::error_code error = backend_.watch(fd, Ready::none, interest, token)) {
      return error;
    }
  }
  slot.handler = &handler;
  slot.interest = interest;
  slot.polled = interest;
  slot.referenced = true;
  ++referenced_;
  return token;
} catch (const std::bad_alloc&) {
  return std::errc::not_enough_memory;
}

void WatchTable::grow(std::size_t places) {
  if (places > slots_.capacity()) {
    const std::size_t room = std::max(places, slots_.capacity() * 2);
    changed_.reserve(room);
    refused_.reserve(room);
    slots_.reserve(room);
  }
  slots_.resize(places);
}

void WatchTable::remove(Token token) noexcept {
  WatchSlot& ended = slot(token);
  backend_.unwatch(descriptor(token), ended.polled);
  referenced_ -= ended.referenced;
  ended = {.generation = ended.generation + 1, .changed = ended.changed};
  ++removals_;
}

void WatchTable::set(Token token, Ready interest) noexcept {
  WatchSlot& changed = slot(token);
  changed.interest = interest;
  if (interest - changed.polled != Ready::none) mark_changed(changed);
}

void WatchTable::set_referenced(Token token, bool referenced) noexcept {
  WatchSlot& changed = slot(token);
  referenced_ -= changed.referenced;
  changed.referenced = referenced;
  referenced_ += changed.referenced;
}

void WatchTable::mark_changed(WatchSlot& slot) noexcept {
  if (slot.changed) return;
  slot.changed = true;
  changed_.push_back(static_cast<std::uint32_t>(&slot - slots_.data()));
}

bool WatchTable::flush() noexcept {
  refused_.clear();
  for (const std::uint32_t place : changed_) {
    WatchSlot& slot = slots_[place];
    slot.changed = false;
    if (slot.handler == nullptr || slot.interest == slot.polled) continue;
    const Token token = token_of(slot);
    if (backend_.watch(static_cast<int>(place), slot.polled, slot.interest, token)) {
      refused_.push_back(token);
    } else {
      slot.polled = slot.interest;
    }
  }
  changed_.clear();
  for (const Token token : refused_) mark_changed(slot(token));
  return !refused_.empty();
}

void WatchTable::forget_polled() noexcept {
  for (WatchSlot& slot : slots_) {
    if (slot.handler == nullptr || slot.polled == Ready::none) continue;
    slot.polled = Ready::none;
    mark_changed(slot);
  }
}

Token WatchTable::token_of(const WatchSlot& slot) const noexcept {
  const auto place = static_cast<std::uint64_t>(&slot - slots_.data());
  return static_cast<Token>((std::uint64_t{slot.generation} << 32U) | place);
}

const WatchSlot& WatchTable::slot(Token token) const noexcept {
  const WatchSlot& slot = slots_[index(token)];
  RONDO_ASSERT(slot.generation == generation(token) && slot.handler != nullptr);
  return slot;
}

WatchSlot& WatchTable::slot(Token token) noexcept {
  return const_cast<WatchSlot&>(std::as_const(*this).slot(token));
}

}  // namespace rondo::detail
