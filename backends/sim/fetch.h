// What is about to be used may be out of the cache: with many connections, each is whenever it is
// its turn.
#pragma once

#include <cstddef>

namespace rondo::sim {

/// Has the cache lines of a T come all at once, and not one after the other as they are read. Does
/// not look at it: it may be gone, or be something else. Nothing, if it is null.
template <typename T>
void fetch(const void* object) noexcept {
  constexpr std::size_t cache_line = 64;
  const auto* const bytes = static_cast<const std::byte*>(object);
  if (bytes == nullptr) return;
  for (std::size_t at = 0; at < sizeof(T); at += cache_line) __builtin_prefetch(bytes + at, 1);
  __builtin_prefetch(bytes + sizeof(T) - 1, 1);  // it begins anywhere in a line
}

}  // namespace rondo::sim
