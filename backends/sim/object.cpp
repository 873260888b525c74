#include "object.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "machine.h"
#include "poller.h"

namespace rondo::sim {

Object::Object(Machine& machine, Family of_family, SocketType of_type) noexcept
    : family(of_family), type(of_type), machine_(machine) {}

Object::~Object() {
  while (!watchers_.empty()) {
    const Watcher watcher = watchers_.back();
    watchers_.pop_back();
    watcher.poller->object_gone(watcher.place);
  }
}

int Object::bind(const Endpoint&) { return -EINVAL; }
int Object::listen(int) { return -EOPNOTSUPP; }
int Object::accept(Ref<Object>&, Endpoint*) { return -EOPNOTSUPP; }
int Object::connect(const Endpoint&) { return -EOPNOTSUPP; }
int Object::receive(Message&, Rights&) { return -EBADF; }
int Object::send(Message&, Rights) { return -EBADF; }
int Object::shutdown(Direction) { return -ENOTCONN; }
int Object::membership(const Endpoint&, std::uint32_t, bool) { return -ENOPROTOOPT; }
int Object::local(Endpoint& address) const {
  if (family == Family::unix_domain) return -EOPNOTSUPP;
  address = Endpoint::any(0, family);
  return 0;
}
int Object::peer(Endpoint&) const { return -ENOTCONN; }
int Object::credentials(Credentials&) const { return -ENOTCONN; }
int Object::take_error() { return 0; }

void Object::released() {
  if (--descriptors_ != 0) return;
  const Ref<Object> alive{this};
  // Those who watch it are told nothing any more, as with epoll(7).
  while (!watchers_.empty()) {
    const Watcher watcher = watchers_.back();
    watchers_.pop_back();
    watcher.poller->object_gone(watcher.place);
  }
  closed();
}

void Object::unwatched_by(const Poller& poller, std::uint32_t place) noexcept {
  std::erase_if(watchers_, [&](const Watcher& watcher) {
    return watcher.poller == &poller && watcher.place == place;
  });
}

Ready Object::awaited() const noexcept {
  Ready all = Ready::none;
  for (const Watcher& watcher : watchers_) all |= watcher.poller->interest_at(watcher.place);
  return all;
}

void Object::changed() noexcept {
  for (const Watcher& watcher : watchers_) watcher.poller->touch(watcher.place);
}

std::size_t size_of(const Message& message) noexcept {
  std::size_t size = 0;
  for (const MutableBytes part : message.parts) size += part.size();
  return size;
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
