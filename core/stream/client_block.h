// What a Server keeps of each client: a block of memory, and how many clients each address has.
#pragma once

#include <cstddef>
#include <unordered_map>

#include <rondo/endpoint.h>
#include <rondo/options.h>
#include <rondo/server.h>
#include <rondo/stream.h>

namespace rondo::detail {

/// The number of connections of each address, without regard to its port, up to a limit.
class AddressCounts {
 public:
  using Counts = std::unordered_map<Endpoint, std::size_t>;
  using Entry = Counts::value_type;

  /// `unlimited`: nothing is counted.
  explicit AddressCounts(std::size_t max) noexcept : max_(max) {}

  [[nodiscard]] bool is_limited() const noexcept { return max_ != unlimited; }
  /// Counts one more. Null if the limit is reached.
  [[nodiscard]] Entry* add(const Endpoint& peer) {
    if (max_ == 0) return nullptr;
    Entry& entry = *counts_.try_emplace(peer.with_port(0), 0).first;
    if (entry.second >= max_) return nullptr;
    ++entry.second;
    return &entry;
  }
  /// One less. Null: it was not counted.
  void remove(Entry* entry) noexcept {
    if (entry != nullptr && --entry->second == 0) counts_.erase(entry->first);
  }

 private:
  const std::size_t max_;
  Counts counts_;
};

/// Where the parts of a client stand in its one allocation:
///
///     | Stream | session | AddressCounts::Entry*, if addresses are limited |
///
/// A Stream's address is that of its block.
class ClientBlock {
 public:
  ClientBlock(const SessionFactory& factory, const AddressCounts& addresses) noexcept
      : session_at_(aligned(sizeof(Stream), factory.alignment)),
        entry_at_(aligned(session_at_ + factory.size, alignof(AddressCounts::Entry*))),
        size_(addresses.is_limited() ? entry_at_ + sizeof(AddressCounts::Entry*)
                                     : session_at_ + factory.size) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] void* session(Stream& stream) const noexcept {
    return reinterpret_cast<std::byte*>(&stream) + session_at_;
  }
  /// Only if addresses are limited.
  [[nodiscard]] AddressCounts::Entry*& entry(Stream& stream) const noexcept {
    auto* const at = reinterpret_cast<std::byte*>(&stream) + entry_at_;
    return *reinterpret_cast<AddressCounts::Entry**>(at);
  }

 private:
  [[nodiscard]] static constexpr std::size_t aligned(std::size_t size,
                                                     std::size_t alignment) noexcept {
    return (size + alignment - 1) / alignment * alignment;
  }

  std::size_t session_at_;
  std::size_t entry_at_;
  std::size_t size_;
};

}  // namespace rondo::detail
