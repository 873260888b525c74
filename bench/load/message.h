// SPDX-License-Identifier: MIT
// load: the message of a client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <vector>

namespace load {

/// A counter that starts at a number mixed from client and sequence. A message is not stored: it is
/// made again when the reply has come.
class Message {
 public:
  explicit Message(std::size_t size)
      : size_(size), words_((size + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t)) {}

  void make(std::uint64_t client, std::uint64_t sequence) noexcept {
    constexpr std::uint64_t mixer = 0x9e3779b97f4a7c15;  // 2^64 divided by the golden ratio
    std::iota(words_.begin(), words_.end(), (client << 32 ^ sequence) * mixer);
  }
  /// The bytes of the message that was made last.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span{words_}).first(size_);
  }
  /// Whether the message has `part` at `offset`.
  [[nodiscard]] bool has(std::span<const std::byte> part, std::size_t offset) const noexcept {
    return part.size() <= size_ - offset &&
           std::memcmp(part.data(), bytes().data() + offset, part.size()) == 0;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_;
  std::vector<std::uint64_t> words_;
};

}  // namespace load
