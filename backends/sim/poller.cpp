// SPDX-License-Identifier: MIT
#include "poller.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "inside.h"
#include "machine.h"
#include "waiting.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::size_t ended_kept_max = 8;

}  // namespace

std::uint32_t Poller::slot_of(int fd) const noexcept {
  const auto at = static_cast<std::size_t>(fd);
  return fd >= 0 && at < by_fd_.size() ? by_fd_[at] : no_slot;
}

std::error_code Poller::watch(int fd, Ready, Ready to, Token token) noexcept try {
  Object* const object = machine_.table().at(fd);
  if (object == nullptr) return system_error(EBADF);
  std::uint32_t slot = slot_of(fd);
  // A registration that another object left under this number stays with that object.
  if (slot != no_slot && registrations_[slot].object != object) slot = no_slot;
  if (slot == no_slot) {
    if (to == Ready::none) return {};
    slot = add(fd, *object);
  }
  registrations_[slot].token = token;
  registrations_[slot].interest = to;
  touch(slot);
  return {};
} catch (const std::bad_alloc&) {
  return system_error(ENOMEM);
}

std::uint32_t Poller::add(int fd, Object& object) {
  if (vacant_.empty()) {
    registrations_.emplace_back();
    vacant_.reserve(registrations_.size());
    vacant_.push_back(static_cast<std::uint32_t>(registrations_.size() - 1));
  }
  const auto at = static_cast<std::size_t>(fd);
  if (at >= by_fd_.size()) by_fd_.resize(at + 1, no_slot);
  const std::uint32_t slot = vacant_.back();
  object.watched_by(*this, slot);
  vacant_.pop_back();
  registrations_[slot] = {.object = &object, .fd = fd};
  by_fd_[at] = slot;
  ++watched_;
  return slot;
}

void Poller::unwatch(int fd, Ready from) noexcept {
  const std::uint32_t slot = slot_of(fd);
  if (from == Ready::none && slot == no_slot) return;
  if (slot == no_slot || registrations_[slot].object != machine_.table().at(fd)) return;
  Registration& registration = registrations_[slot];
  if (registration.object == nullptr) return;
  registration.object->unwatched_by(*this, slot);
  end(slot);
}

void Poller::forget() noexcept {
  for (std::uint32_t slot = 0; slot < registrations_.size(); ++slot) {
    Registration& registration = registrations_[slot];
    if (registration.object != nullptr) registration.object->unwatched_by(*this, slot);
  }
  registrations_.clear();
  vacant_.clear();
  by_fd_.clear();
  listed_.clear();
  watched_ = 0;
}

void Poller::object_gone(std::uint32_t slot) noexcept { end(slot); }

void Poller::end(std::uint32_t slot) noexcept {
  Registration& registration = registrations_[slot];
  if (slot_of(registration.fd) == slot) by_fd_[static_cast<std::size_t>(registration.fd)] = no_slot;
  if (ended_.size() == ended_kept_max) ended_.erase(ended_.begin());
  ended_.push_back(registration.token);
  registration.object = nullptr;
  --watched_;
  if (!registration.is_listed) vacate(slot);
}

void Poller::vacate(std::uint32_t slot) noexcept { vacant_.push_back(slot); }

void Poller::touch(std::uint32_t slot) noexcept {
  Registration& registration = registrations_[slot];
  if (registration.is_listed || registration.interest == Ready::none) return;
  registration.is_listed = true;
  listed_.push_back(slot);
  if (on_listed) on_listed();
}

bool Poller::deliver(Sink& sink) {
  batch_.clear();
  gather();
  if (machine_.world().faults_strike()) disturb();
  if (batch_.empty()) return false;
  // The sink may call this poller, but not this function.
  const std::vector<Event> batch = std::exchange(batch_, {});
  const Inside program{&machine_.world()};
  for (const Event& event : batch) sink.ready(event.token, event.ready);
  return true;
}

void Poller::gather() {
  WorldImpl& world = machine_.world();
  const std::size_t count = std::min(listed_.size(), events_per_look_max);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t slot = listed_.front();
    listed_.pop_front();
    Registration& registration = registrations_[slot];
    if (registration.object == nullptr) {
      registration.is_listed = false;
      vacate(slot);
      continue;
    }
    const Ready ready = registration.object->ready() & registration.interest;
    registration.is_listed = ready != Ready::none;
    if (!registration.is_listed) continue;
    listed_.push_back(slot);
    if (world.strikes(Fault::late_ready)) continue;
    batch_.push_back({registration.token, ready});
    if (world.strikes(Fault::doubled_ready)) batch_.push_back(batch_.back());
  }
}

/// The faults that affect a whole batch.
void Poller::disturb() {
  WorldImpl& world = machine_.world();
  if (!registrations_.empty() && world.strikes(Fault::spurious_ready)) {
    const Registration& any = registrations_[world.random.below(registrations_.size())];
    if (any.object != nullptr) batch_.push_back({any.token, any.interest});
  }
  if (!ended_.empty() && world.strikes(Fault::stale_event)) {
    batch_.push_back({ended_[world.random.below(ended_.size())], Ready::both});
  }
  if (batch_.size() > 1 && world.strikes(Fault::shuffled_batch)) {
    for (std::size_t i = batch_.size() - 1; i > 0; --i) {
      std::swap(batch_[i], batch_[world.random.below(i + 1)]);
    }
  }
  if (batch_.size() > 1 && world.strikes(Fault::cut_batch)) {
    batch_.resize(1 + world.random.below(batch_.size() - 1));
  }
}

void Poller::list_waiting(WaitingList& list) const {
  for (const Registration& registration : registrations_) {
    if (registration.object == nullptr || registration.object->serves()) continue;
    list.add(*registration.object, registration.fd, registration.interest);
  }
}

}  // namespace rondo::sim
