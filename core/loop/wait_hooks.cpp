// Hooks are few, so this is a plain vector. A hook may end itself and any other, and make new ones,
// which are first called before the next wait.
#include "wait_hooks.h"

#include <algorithm>
#include <utility>

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
  for (next_ = 0; next_ < end_;) call(*entries_[next_++]);
}

void WaitHooks::call(BeforeWait::Entry& entry) {
  struct Call {  // puts the callback back if its BeforeWait still exists
    WaitHooks& hooks;
    Function<void()> callback;
    ~Call() {
      if (hooks.calling_ != nullptr) hooks.calling_->callback = std::move(callback);
      hooks.calling_ = nullptr;
    }
  } call{*this, std::move(entry.callback)};
  calling_ = &entry;
  call.callback();
}

}  // namespace rondo::detail
