// SPDX-License-Identifier: MIT
#include "ports.h"

#include <algorithm>
#include <cerrno>

#include "random.h"

namespace rondo::sim {
namespace {

bool both(const Object& one, const Object& other, SocketOption option) noexcept {
  return one.options.is_on(option) && other.options.is_on(option);
}

}  // namespace

bool Binding::covers(const Address& to) const noexcept {
  if (to.port != local.port) return false;
  if (local.ip == to.ip) return true;
  if (!local.is_any()) return false;
  return local.is_ipv4() ? to.is_ipv4() : !to.is_ipv4() || !is_v6_only;
}

bool Binding::overlaps(const Binding& other) const noexcept {
  return local.ip == other.local.ip || covers(other.local) || other.covers(local);
}

bool Ports::is_free(const Binding& wanted) const noexcept {
  const auto found = bindings_.find(wanted.local.port);
  if (found != bindings_.end()) {
    for (const Binding& other : found->second) {
      if (!other.overlaps(wanted)) continue;
      if (both(*other.object, *wanted.object, SocketOption::reuse_port)) continue;
      const bool shared = both(*other.object, *wanted.object, SocketOption::reuse_address);
      if (!shared || other.object->listens()) return false;
    }
  }
  return wanted.object->options.is_on(SocketOption::reuse_address) ||
         !uses_.contains(wanted.local.port);
}

int Ports::bind(Object& object, Address& local, Random& random) {
  Binding wanted{&object, local, object.options.is_on(SocketOption::ipv6_only)};
  if (local.port != 0) {
    if (!is_free(wanted)) return -EADDRINUSE;
  } else {
    std::uint32_t tries = 0;
    do {
      if (++tries > ephemeral_count) return -EADDRINUSE;
      wanted.local.port = draw(random);
    } while (bindings_.contains(wanted.local.port) || uses_.contains(wanted.local.port));
  }
  local = wanted.local;
  bindings_[local.port].push_back(wanted);
  return 0;
}

void Ports::unbind(const Object& object, std::uint16_t port) noexcept {
  const auto found = bindings_.find(port);
  if (found == bindings_.end()) return;
  std::erase_if(found->second, [&](const Binding& one) { return one.object == &object; });
  if (found->second.empty()) bindings_.erase(found);
}

bool Ports::is_listened_on(const Object& object, std::uint16_t port) const noexcept {
  const std::vector<Binding>* const bindings = at(port);
  if (bindings == nullptr) return false;
  const auto own = std::find_if(bindings->begin(), bindings->end(),
                                [&](const Binding& one) { return one.object == &object; });
  return own != bindings->end() &&
         std::any_of(bindings->begin(), bindings->end(), [&](const Binding& other) {
           return other.object != &object && other.object->listens() && other.overlaps(*own) &&
                  !both(*other.object, object, SocketOption::reuse_port);
         });
}

const std::vector<Binding>* Ports::at(std::uint16_t port) const noexcept {
  const auto found = bindings_.find(port);
  return found == bindings_.end() ? nullptr : &found->second;
}

void Ports::release(std::uint16_t port) noexcept {
  const auto found = uses_.find(port);
  if (found != uses_.end() && --found->second == 0) uses_.erase(found);
}

/// Tries one after the other, from a port that the seed draws.
std::uint16_t Ports::draw(Random& random) noexcept {
  if (next_ == 0) next_ = 1 + static_cast<std::uint32_t>(random.below(ephemeral_count));
  next_ = 1 + next_ % ephemeral_count;
  return static_cast<std::uint16_t>(ephemeral_first + next_ - 1);
}

void Ports::forget() noexcept {
  bindings_.clear();
  uses_.clear();
}

}  // namespace rondo::sim
