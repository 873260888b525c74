// SPDX-License-Identifier: MIT
// The registrations of one backend, as in epoll(7): level-triggered, each for a descriptor and the
// object that it referred to, with a list of those that may be ready. An object that changes puts
// its registrations on the list. deliver() removes those that are not ready any more. An idle
// registration costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <system_error>
#include <vector>

#include <rondo/backend.h>
#include <rondo/function.h>
#include <rondo/ready.h>

#include "object.h"

namespace rondo::sim {

class Machine;
class WaitingList;

class Poller {
 public:
  explicit Poller(Machine& machine) noexcept : machine_(machine) {}
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller() { forget(); }

  std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept;
  void unwatch(int fd, Ready from) noexcept;
  void forget() noexcept;

  /// Reports a bounded number of ready registrations; returns whether there were any. An exception
  /// of `sink` passes through; the next call reports the rest.
  bool deliver(Sink& sink);
  /// Whether deliver() may find something.
  [[nodiscard]] bool has_listed() const noexcept { return !listed_.empty(); }

  void touch(std::uint32_t slot) noexcept;
  void object_gone(std::uint32_t slot) noexcept;
  [[nodiscard]] Ready interest_at(std::uint32_t slot) const noexcept {
    return registrations_[slot].interest;
  }

  /// Lists the registrations that wait for a certain peer; listening sockets do not.
  void list_waiting(WaitingList& list) const;
  [[nodiscard]] bool watches_nothing() const noexcept { return watched_ == 0; }

  /// Called when the list is no longer empty.
  Function<void()> on_listed;

 private:
  struct Registration {
    Object* object = nullptr;  // null: the registration has ended
    Token token{};
    int fd = -1;
    Ready interest = Ready::none;
    bool is_listed = false;
  };
  struct Event {
    Token token;
    Ready ready;
  };
  static constexpr std::size_t events_per_look_max = 1024;
  static constexpr std::uint32_t no_slot = ~std::uint32_t{0};

  [[nodiscard]] std::uint32_t slot_of(int fd) const noexcept;
  std::uint32_t add(int fd, Object& object);
  void end(std::uint32_t slot) noexcept;
  void vacate(std::uint32_t slot) noexcept;
  void gather();
  void disturb();

  Machine& machine_;
  std::vector<Registration> registrations_;
  std::vector<std::uint32_t> vacant_;
  std::vector<std::uint32_t> by_fd_;
  std::deque<std::uint32_t> listed_;
  std::vector<Event> batch_;
  std::vector<Token> ended_;  // a few tokens for stale events
  std::size_t watched_ = 0;
};

}  // namespace rondo::sim
