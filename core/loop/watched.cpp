// SPDX-License-Identifier: MIT
// A table for the whole process, because a Socket does not know which reactor watches it. The
// numbers of several networks (simulated ones) share it: if two watch the same number, the record
// of one is lost, and the check does not find its mistake. In a forked child the records are the
// parent's: closing descriptors there is no mistake.
#include "watched.h"

#ifndef NDEBUG
#include <array>
#include <atomic>
#include <cstddef>

#include "fork_count.h"

namespace rondo::detail {
namespace {

struct Record {
  std::atomic<const Net*> net = nullptr;
  std::atomic<std::uint32_t> forks = 0;
};
std::array<Record, std::size_t{1} << 16U> records;

Record* record_of(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  return fd >= 0 && index < records.size() ? &records[index] : nullptr;
}

}  // namespace

void note_watched(const Net& net, int fd) noexcept {
  Record* const record = record_of(fd);
  if (record == nullptr) return;
  record->forks.store(fork_count(), std::memory_order_relaxed);
  record->net.store(&net, std::memory_order_relaxed);
}

void note_unwatched(int fd) noexcept {
  if (Record* const record = record_of(fd)) record->net.store(nullptr, std::memory_order_relaxed);
}

bool is_watched(const Net& net, int fd) noexcept {
  const Record* const record = record_of(fd);
  return record != nullptr && record->net.load(std::memory_order_relaxed) == &net &&
         record->forks.load(std::memory_order_relaxed) == fork_count();
}

}  // namespace rondo::detail
#endif
