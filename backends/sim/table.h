// SPDX-License-Identifier: MIT
// The descriptors of one process. As POSIX requires, a new one gets the lowest free number.
#pragma once

#include <cerrno>
#include <cstddef>
#include <functional>
#include <queue>
#include <vector>

#include "object.h"

namespace rondo::sim {

class DescriptorTable {
 public:
  static constexpr int first = 3;  // after standard input, output and error

  /// Null if there is none.
  [[nodiscard]] Object* at(int fd) const noexcept {
    if (fd < first || static_cast<std::size_t>(fd - first) >= places_.size()) return nullptr;
    return places_[static_cast<std::size_t>(fd - first)].get();
  }
  /// Returns the number, or -EMFILE.
  int add(Ref<Object> object) {
    if (full()) return -EMFILE;
    if (free_.empty()) {
      places_.emplace_back();
      free_.push(static_cast<int>(places_.size()) - 1 + first);
    }
    const int fd = free_.top();
    free_.pop();
    object->opened();
    places_[static_cast<std::size_t>(fd - first)] = std::move(object);
    ++open_;
    return fd;
  }
  int remove(int fd) {
    if (at(fd) == nullptr) return -EBADF;
    const Ref<Object> object = std::move(places_[static_cast<std::size_t>(fd - first)]);
    free_.push(fd);
    --open_;
    object->released();
    return 0;
  }
  /// Drops all descriptors without notice to a peer, when the machine crashes.
  void forget() noexcept {
    const std::vector<Ref<Object>> forgotten = std::move(places_);
    places_.clear();
    for (const Ref<Object>& object : forgotten) {
      if (object) object->vanish();
    }
    free_ = {};
    open_ = 0;
  }

  void limit(std::size_t count) noexcept { limit_ = count; }
  [[nodiscard]] bool full() const noexcept { return open_ >= limit_; }
  [[nodiscard]] std::size_t open() const noexcept { return open_; }

 private:
  std::vector<Ref<Object>> places_;
  std::priority_queue<int, std::vector<int>, std::greater<>> free_;
  std::size_t open_ = 0;
  std::size_t limit_ = std::size_t{1} << 24U;
};

}  // namespace rondo::sim
