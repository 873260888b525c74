// SPDX-License-Identifier: MIT
#include "object.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "machine.h"
#include "poller.h"

namespace rondo::sim {

void Counted::close_detached() noexcept {
  if (--references_ == 0) delete this;
}

Object::Object(Machine& machine, AddressFamily of_family, SocketType of_type) noexcept
    : family(of_family), type(of_type), machine_(machine) {}

Object::~Object() { lose_watchers(); }

/// Removes the watchers from the last to the first. They receive no more events, as with epoll(7).
void Object::lose_watchers() noexcept {
  while (is_watched()) {
    Watcher last;
    if (more_ != nullptr && !more_->watchers.empty()) {
      last = more_->watchers.back();
      more_->watchers.pop_back();
    } else {
      last = std::exchange(watcher_, {});
    }
    last.poller->object_gone(last.slot);
  }
}

int Object::bind(const Endpoint&) { return -EINVAL; }
int Object::listen(int) { return -EOPNOTSUPP; }
int Object::accept(Ref<Object>&, Endpoint*) { return -EOPNOTSUPP; }
int Object::connect(const Endpoint&) { return -EOPNOTSUPP; }
int Object::receive(Message&, Rights&) { return -EBADF; }
int Object::send(Message&, Rights) { return -EBADF; }
int Object::shutdown(Direction) { return -ENOTCONN; }
int Object::membership(const Endpoint& group, bool member) {
  if (family == AddressFamily::unix_domain) return -EOPNOTSUPP;
  const Address address = Address::of(group);
  if (group.family() != family || !address.is_multicast()) return -EINVAL;
  More& all = more();
  if (member) {
    if (all.groups_by_source.contains(address.ip)) return -EADDRINUSE;
    return all.groups.insert(address.ip).second ? 0 : -EADDRINUSE;
  }
  const auto left = all.groups.erase(address.ip) + all.groups_by_source.erase(address.ip);
  return left != 0 ? 0 : -EADDRNOTAVAIL;
}
/// As ip_mc_source() of Linux: a group that was joined for all sources is from now on joined for
/// this one only.
int Object::source_membership(const Endpoint& group, const Endpoint& source, bool member) {
  if (family == AddressFamily::unix_domain) return -EOPNOTSUPP;
  const Address address = Address::of(group);
  if (group.family() != family || !address.is_multicast()) return -EINVAL;
  const Ip from = Address::of(source).ip;
  More& all = more();
  if (member) {
    all.groups.erase(address.ip);
    return all.groups_by_source[address.ip].insert(from).second ? 0 : -EADDRNOTAVAIL;
  }
  const auto found = all.groups_by_source.find(address.ip);
  if (found == all.groups_by_source.end())
    return all.groups.contains(address.ip) ? -EADDRNOTAVAIL : -EINVAL;
  if (found->second.erase(from) == 0) return -EADDRNOTAVAIL;
  if (found->second.empty()) all.groups_by_source.erase(found);
  return 0;
}
int Object::forget_peer() { return -EOPNOTSUPP; }
bool Object::is_member_of(const Address& group, const Address& source) const noexcept {
  if (more_ == nullptr) return false;
  if (more_->groups.contains(group.ip)) return true;
  const auto sources = more_->groups_by_source.find(group.ip);
  return sources != more_->groups_by_source.end() && sources->second.contains(source.ip);
}
int Object::local(Endpoint& address) const {
  if (family == AddressFamily::unix_domain) return -EOPNOTSUPP;
  address = Endpoint::any(0, family);
  return 0;
}
int Object::peer(Endpoint&) const { return -ENOTCONN; }
int Object::credentials(Credentials&) const { return -ENOTCONN; }

int Object::refusal_of(const Endpoint& address) const noexcept {
  constexpr std::size_t ipv6_size_min = 24;  // SIN6_LEN_RFC2133
  const std::size_t size_min = family == AddressFamily::ipv4 ? sizeof(sockaddr_in) : ipv6_size_min;
  return address.system_size() < size_min ? -EINVAL : -EAFNOSUPPORT;
}

void Object::released() {
  if (--descriptors_ != 0) return;
  const Ref<Object> alive{this};
  lose_watchers();
  closed();
}

void Object::watched_by(Poller& poller, std::uint32_t slot) {
  if (!is_watched()) {
    watcher_ = {&poller, slot};
  } else {
    more().watchers.push_back({&poller, slot});
  }
}

void Object::unwatched_by(const Poller& poller, std::uint32_t slot) noexcept {
  const auto is_that = [&](const Watcher& watcher) {
    return watcher.poller == &poller && watcher.slot == slot;
  };
  if (more_ != nullptr) std::erase_if(more_->watchers, is_that);
  if (!is_that(watcher_)) return;
  watcher_ = {};
  if (more_ == nullptr || more_->watchers.empty()) return;
  watcher_ = more_->watchers.front();  // keeps the order
  more_->watchers.erase(more_->watchers.begin());
}

Ready Object::awaited() const noexcept {
  Ready all = Ready::none;
  each_watcher([&](const Watcher& one) { all |= one.poller->interest_at(one.slot); });
  return all;
}

void Object::changed() noexcept {
  each_watcher([](const Watcher& one) { one.poller->touch(one.slot); });
}

std::size_t size_of(const Message& message) noexcept {
  std::size_t size = 0;
  for (const MutableBytes part : message.parts) size += part.size();
  return size;
}

Endpoint unnamed_endpoint() noexcept {
  constexpr sa_family_t family = AF_UNIX;
  sockaddr address{};
  address.sa_family = family;
  const auto made = Endpoint::from_system(&address, offsetof(sockaddr, sa_data));
  return made ? *made : Endpoint{};
}

std::size_t fill(Message& message, std::size_t offset, Bytes data) noexcept {
  std::size_t copied = 0;
  for (const MutableBytes part : message.parts) {
    if (offset >= part.size()) {
      offset -= part.size();
      continue;
    }
    const std::size_t count = std::min(part.size() - offset, data.size() - copied);
    if (count != 0) std::memcpy(part.data() + offset, data.data() + copied, count);
    copied += count;
    offset = 0;
    if (copied == data.size()) break;
  }
  return copied;
}

}  // namespace rondo::sim
