// SPDX-License-Identifier: MIT
// The model. A descriptor number has at most one registration, and the number itself is the index
// in the table, as in Redis' ae. A Token holds this number, the generation of the registration, and
// the awaited readiness. An event of an ended registration has another generation, so it reaches no
// handler.
//
// interest  what the handler awaits now. It is set at once, at no cost
// polled    the interest that was last passed to the backend
// expected  in the slot: the token that was last passed to the backend while the two above agree,
//           otherwise 0. One comparison lets an event through; all others are checked in full
//
// interest and polled may differ until flush(), which runs once in a turn. It passes interest that
// has grown to the backend. Interest that has shrunk is not passed on until an event comes that is
// not awaited: otherwise a stream that sometimes waits for writability would pay two system calls
// each time. That event marks the state, and the next flush() updates the backend. So a hang-up
// that no handler awaits is reported once and no more.
#include "watch_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include <rondo/assert.h>

#include "watched.h"

namespace rondo::detail {
namespace {

constexpr std::uint32_t slots_min = 64;

constexpr std::uint32_t generation_of(Token token) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(token) >> Sink::generation_shift);
}

}  // namespace

bool WatchTable::empty() const noexcept {
  return std::none_of(slots_.get(), slots_.get() + slot_count_,
                      [](const Sink::Slot& slot) { return slot.handler != nullptr; });
}

Result<Token, std::error_code> WatchTable::add(int fd, Ready interest, Handler& handler,
                                               Maker maker) noexcept {
  if (fd < 0) return std::errc::bad_file_descriptor;
  const auto index = static_cast<std::size_t>(fd);
  if (index >= Sink::slots_max) return std::errc::not_enough_memory;
  if (index < states_.size() && slots_[index].handler != nullptr) return std::errc::file_exists;
  const Token token = token_for(index, interest);
  if (interest != Ready::none) {
    const std::error_code error = maker == Maker::reactor
                                      ? backend_.watch_own(fd, interest, token)
                                      : backend_.watch(fd, Ready::none, interest, token);
    if (error) return error;
  }
  if (!make_room_for(index)) {  // only now: what is no descriptor may be a large number
    if (interest != Ready::none) backend_.unwatch(fd, interest);
    return std::errc::not_enough_memory;
  }
  slots_[index].handler = &handler;
  State& added = states_[index];
  added.interest = added.polled = interest;
  added.referenced = true;
  ++referenced_;
  update_slot(index);
  note_watched(backend_.net(), fd);
  return token;
}

bool WatchTable::make_room_for(std::size_t index) noexcept try {
  if (index < states_.size()) return true;
  changed_.reserve(std::bit_ceil(index + 1));
  refused_.reserve(std::bit_ceil(index + 1));
  if (index >= slot_count_) {
    const auto count = std::max(slots_min, static_cast<std::uint32_t>(std::bit_ceil(index + 1)));
    // Fresh pages from calloc cost nothing until they are used.
    auto* const slots = static_cast<Sink::Slot*>(std::calloc(count, sizeof(Sink::Slot)));
    if (slots == nullptr) return false;
    std::copy_n(slots_.get(), slot_count_, slots);
    slots_.reset(slots);
    slot_count_ = count;
  }
  states_.resize(index + 1);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void WatchTable::remove(Token token) noexcept {
  backend_.unwatch(descriptor(token), state(token).polled);
  abandon(token);
}

void WatchTable::abandon(Token token) noexcept {
  const std::size_t index = index_of(token);
  State& ended = state(token);
  referenced_ -= ended.referenced;
  ended = {.generation = ended.generation + 1, .changed = ended.changed};
  slots_[index] = {};
  note_unwatched(static_cast<int>(index));
  unexplained_events_ -= 2;
}

void WatchTable::set(Token token, Ready interest) noexcept {
  const std::size_t index = index_of(token);
  State& changed = state(token);
  changed.interest = interest;
  update_slot(index);
  if (interest - changed.polled != Ready::none) mark_changed(index);
}

void WatchTable::set_handler(Token token, Handler& handler) noexcept {
  RONDO_ASSERT(slots_[index_of(token)].handler != nullptr);
  slots_[index_of(token)].handler = &handler;
}

void WatchTable::set_referenced(Token token, bool referenced) noexcept {
  State& changed = state(token);
  referenced_ -= changed.referenced;
  changed.referenced = referenced;
  referenced_ += changed.referenced;
}

void WatchTable::deliver(Token token, Ready ready) {
  const State* const found = find(token);
  if (found == nullptr) {
    ++unexplained_events_;
    return;
  }
  const std::size_t index = index_of(token);
  if (((ready & found->polled) - found->interest) != Ready::none) mark_changed(index);
  const Ready awaited = ready & found->interest;
  if (awaited != Ready::none) slots_[index].handler->on_ready(awaited);
}

void WatchTable::mark_changed(std::size_t index) noexcept {
  if (std::exchange(states_[index].changed, true)) return;
  changed_.push_back(static_cast<std::uint32_t>(index));
}

void WatchTable::hint(Token token, Ready ready) {
  if (find(token) != nullptr) deliver(token, ready);
}

bool WatchTable::pass_changes() noexcept {
  refused_.clear();
  for (const std::uint32_t index : changed_) {
    State& changed = states_[index];
    changed.changed = false;
    if (slots_[index].handler == nullptr || changed.interest == changed.polled) continue;
    const Token token = token_for(index, changed.interest);
    if (backend_.watch(static_cast<int>(index), changed.polled, changed.interest, token)) {
      refused_.push_back(token);
    } else {
      changed.polled = changed.interest;
      update_slot(index);
    }
  }
  changed_.clear();
  for (const Token token : refused_) mark_changed(index_of(token));
  return refused_.empty();
}

void WatchTable::call_refused() {
  // Use an index: a handler may add registrations, and the list moves when the table grows.
  for (std::size_t i = 0; i < refused_.size(); ++i) {
    const Token token = refused_[i];
    if (const State* const found = find(token)) deliver(token, found->interest);
  }
}

void WatchTable::forget_polled() noexcept {
  for (std::size_t index = 0; index < states_.size(); ++index) {
    if (states_[index].polled == Ready::none) continue;
    states_[index].polled = Ready::none;
    update_slot(index);
    mark_changed(index);
  }
}

void WatchTable::update_slot(std::size_t index) noexcept {
  const State& now = states_[index];
  slots_[index].expected = now.interest == now.polled ? token_for(index, now.polled) : Token{};
}

Token WatchTable::token_for(std::size_t index, Ready ready) const noexcept {
  const State& state = index < states_.size() ? states_[index] : State{};
  return static_cast<Token>(std::uint64_t{state.generation} << Sink::generation_shift |
                            index * Sink::slot_size | static_cast<std::uint64_t>(ready));
}

std::uint32_t WatchTable::index_of(Token token) noexcept {
  return static_cast<std::uint32_t>(token) / static_cast<std::uint32_t>(Sink::slot_size);
}

WatchTable::State* WatchTable::find(Token token) noexcept {
  const std::size_t index = index_of(token);
  if (index >= states_.size()) return nullptr;
  State& state = states_[index];
  return state.generation == generation_of(token) ? &state : nullptr;
}

const WatchTable::State& WatchTable::state(Token token) const noexcept {
  const std::size_t index = index_of(token);
  RONDO_ASSERT(slots_[index].handler != nullptr);
  RONDO_ASSERT(states_[index].generation == generation_of(token));
  return states_[index];
}

WatchTable::State& WatchTable::state(Token token) noexcept {
  return const_cast<State&>(std::as_const(*this).state(token));
}

}  // namespace rondo::detail
