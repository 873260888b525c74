// SPDX-License-Identifier: MIT
#include "waiting.h"

#include "machine.h"
#include "object.h"

namespace rondo::sim {
namespace {

/// `waits to read and write`.
std::string wish(Ready interest) {
  if (interest == Ready::none) return "waits for nothing";
  if ((interest & Ready::both) == Ready::both) return "waits to read and write";
  if (can_read(interest)) return "waits to read";
  return can_write(interest) ? "waits to write" : "waits for an event";
}

/// `, 5 bytes unread`.
std::string bytes(std::size_t count, std::string_view what) {
  if (count == 0) return {};
  return ", " + std::to_string(count) + (count == 1 ? " byte " : " bytes ") + std::string{what};
}

}  // namespace

void WaitingList::add(const Object& object, int fd, Ready interest) {
  if (++count_ <= described_max) describe(object, fd, interest);
}

void WaitingList::add_idle(const Machine& machine) {
  if (++count_ > described_max) return;
  waiting_ +=
      std::string{machine.name()} + " waits for work that no thread of this world will post\n";
}

void WaitingList::add_tasks(const Machine& machine, std::string_view lines) {
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n') + 1);
    lines.remove_prefix(line.size());
    if (++task_count_ > described_max) continue;
    tasks_ += "a task on " + std::string{machine.name()} + " waits in " + std::string{line};
  }
}

void WaitingList::remark(std::string_view line) { (remarks_ += line) += '\n'; }

std::string WaitingList::text() const {
  std::string all = waiting_;
  if (count_ > described_max) all += "and " + std::to_string(count_ - described_max) + " more\n";
  all += tasks_;
  if (task_count_ > described_max)
    all += "and " + std::to_string(task_count_ - described_max) + " more tasks\n";
  return all + remarks_;
}

void WaitingList::describe(const Object& object, int fd, Ready interest) {
  waiting_ += std::string{object.machine().name()} + ' ' + wish(interest) + ", descriptor " +
              std::to_string(fd) + ", " + object.describe() + bytes(object.unread(), "unread") +
              bytes(object.unsent(), "unsent") + '\n';
  describe_ends(object);
}

/// Describes the other end.
void WaitingList::describe_ends(const Object& object) {
  const Object* const other = object.other_end();
  if (other == nullptr) return;
  waiting_ += "    while the other end, on " + std::string{other->machine().name()} + ", ";
  if (other->is_watched()) {
    waiting_ += wish(other->awaited());
  } else {
    waiting_ += other->is_open() ? "is not watched" : "is not accepted yet, or closed already";
  }
  waiting_ += bytes(other->unread(), "unread") + bytes(other->unsent(), "unsent") + '\n';
}

}  // namespace rondo::sim
