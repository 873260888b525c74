// SPDX-License-Identifier: MIT
// Hooks are few, so this is a plain vector. A hook may end itself and any other, and make new ones,
// which are first called before the next wait.
#include "wait_hooks.h"

#include <algorithm>

#include "callbacks.h"

namespace rondo::detail {

void WaitHooks::remove(BeforeWait::Entry& entry) noexcept {
  const auto found = std::find(entries_.begin(), entries_.end(), &entry);
  const auto index = static_cast<std::size_t>(found - entries_.begin());
  entries_.erase(found);
  if (index < next_) --next_;
  if (index < end_) --end_;
  if (calling_ == &entry) calling_ = nullptr;
}

void WaitHooks::run() {
  end_ = entries_.size();
  for (next_ = 0; next_ < end_;) call_entry(calling_, *entries_[next_++]);
}

}  // namespace rondo::detail
