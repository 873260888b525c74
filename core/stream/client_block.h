// SPDX-License-Identifier: MIT
// What a Server keeps of each client: a block of memory, and how many clients each address has.
#pragma once

#include <cstddef>
#include <unordered_map>

#include <rondo/endpoint.h>
#include <rondo/options.h>
#include <rondo/server.h>

#include "stream_impl.h"

namespace rondo::detail {

/// The number of connections of each address, up to a limit. Addresses that one client is likely to
/// have together are one: those of an IPv6 network, and both forms of an IPv4 address.
class AddressCounts {
 public:
  using Counts = std::unordered_map<Endpoint, std::size_t>;
  using Entry = Counts::value_type;

  /// `unlimited`: nothing is counted.
  AddressCounts(std::size_t max, unsigned ipv6_prefix_length) noexcept
      : max_(max), ipv6_prefix_length_(ipv6_prefix_length) {}

  [[nodiscard]] bool is_limited() const noexcept { return max_ != unlimited; }
  /// Counts one more, in `counted` if there is a limit. False if the limit is reached.
  [[nodiscard]] bool add(const Endpoint& peer, Entry*& counted) {
    if (!is_limited()) return true;
    if (max_ == 0) return false;
    Entry& entry = *counts_.try_emplace(key_of(peer), 0).first;
    if (entry.second >= max_) return false;
    ++entry.second;
    counted = &entry;
    return true;
  }
  /// One less. Null: it was not counted.
  void remove(Entry* counted) noexcept {
    if (counted != nullptr && --counted->second == 0) counts_.erase(counted->first);
  }

 private:
  [[nodiscard]] Endpoint key_of(const Endpoint& peer) const noexcept {
    const Endpoint address = peer.with_port(0).unmapped();
    const bool is_by_network = address.family() == AddressFamily::ipv6 && !address.is_link_local();
    return is_by_network ? address.network(ipv6_prefix_length_) : address;
  }

  const std::size_t max_;
  const unsigned ipv6_prefix_length_;
  Counts counts_;
};

/// Where the parts of a client stand in its one allocation:
///
///     | Stream | session | AddressCounts::Entry*, if addresses are limited |
///
/// A Stream's address is that of its block.
class ClientBlock {
 public:
  ClientBlock(const SessionFactory& factory, bool is_counted) noexcept
      : destroy_(factory.destroy),
        session_at_(aligned(sizeof(StreamImpl), factory.alignment)),
        session_end_(session_at_ + factory.size),
        counted_at_(is_counted ? aligned(session_end_, alignof(AddressCounts::Entry*)) : 0) {}

  [[nodiscard]] std::size_t size() const noexcept {
    return is_counted() ? counted_at_ + sizeof(AddressCounts::Entry*) : session_end_;
  }
  [[nodiscard]] void* session(StreamImpl& stream) const noexcept { return at(stream, session_at_); }
  void destroy_session(StreamImpl& stream) const noexcept {
    if (destroy_ != nullptr) destroy_(session(stream));
  }
  /// Null if addresses are not limited.
  [[nodiscard]] AddressCounts::Entry* counted(StreamImpl& stream) const noexcept {
    return is_counted() ? entry(stream) : nullptr;
  }
  void set_counted(StreamImpl& stream, AddressCounts::Entry* counted) const noexcept {
    if (is_counted()) entry(stream) = counted;
  }

 private:
  [[nodiscard]] static constexpr std::size_t aligned(std::size_t size,
                                                     std::size_t alignment) noexcept {
    return (size + alignment - 1) / alignment * alignment;
  }
  [[nodiscard]] static void* at(StreamImpl& stream, std::size_t offset) noexcept {
    return reinterpret_cast<std::byte*>(&stream) + offset;
  }
  [[nodiscard]] bool is_counted() const noexcept { return counted_at_ != 0; }
  [[nodiscard]] AddressCounts::Entry*& entry(StreamImpl& stream) const noexcept {
    return *static_cast<AddressCounts::Entry**>(at(stream, counted_at_));
  }

  void (*destroy_)(void* session) noexcept;
  std::size_t session_at_;
  std::size_t session_end_;
  std::size_t counted_at_;  // 0: there is none
};

}  // namespace rondo::detail
