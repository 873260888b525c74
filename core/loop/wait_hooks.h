// SPDX-License-Identifier: MIT
// The functions that one reactor calls before each wait.
#pragma once

#include <cstddef>
#include <vector>

#include <rondo/before_wait.h>

namespace rondo {

/// One BeforeWait, at an address that does not change.
struct BeforeWait::Entry {
  detail::Loop& loop;
  Function<void()> callback;
};

namespace detail {

class WaitHooks {
 public:
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  void add(BeforeWait::Entry& entry) { entries_.push_back(&entry); }
  void remove(BeforeWait::Entry& entry) noexcept;
  /// Calls each hook that exists now. An exception passes through.
  void run();

 private:
  std::vector<BeforeWait::Entry*> entries_;
  // While run() is under way: the index of the next call, and where to stop.
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  BeforeWait::Entry* calling_ = nullptr;  // null after it was ended inside its callback
};

}  // namespace detail
}  // namespace rondo
