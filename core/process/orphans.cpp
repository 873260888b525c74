// SPDX-License-Identifier: MIT
// The list belongs to the program, because no reactor is left to keep it. A forked child inherits
// it and has no such children: for it they are lost, and are removed.
#include "orphans.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

namespace rondo::detail {
namespace {

struct Orphan {
  ProcessCalls* calls;
  int id;
};

struct List {
  std::mutex mutex;
  std::vector<Orphan> orphans;
};

/// Never destroyed, since a reactor may end late.
List& list() noexcept {
  alignas(List) static std::byte storage[sizeof(List)];
  static List* const all = std::construct_at(reinterpret_cast<List*>(storage));
  return *all;
}

}  // namespace

void add_orphan(ProcessCalls& calls, int id) noexcept try {
  List& all = list();
  const std::lock_guard lock{all.mutex};
  all.orphans.push_back({&calls, id});
} catch (const std::bad_alloc&) {
  return;  // see above
}

void reap_orphans() noexcept {
  List& all = list();
  // After a fork the lock may belong to a thread that does not exist here.
  const std::unique_lock lock{all.mutex, std::try_to_lock};
  if (!lock.owns_lock()) return;
  std::erase_if(all.orphans, [](const Orphan& one) {
    ExitStatus status;
    return one.calls->reap(one.id, -1, status, false) != 0;
  });
}

}  // namespace rondo::detail
