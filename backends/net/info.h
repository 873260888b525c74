// SPDX-License-Identifier: MIT
// MessageInfo in the system's control messages: packet information (system-specific for IPv4,
// RFC 3542 for IPv6) and, where the system supports it, the size of segments (udp(7)).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>

#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::backends {

/// Room for all control messages that read_info understands or write_info writes.
struct alignas(cmsghdr) InfoControl {
  std::array<std::byte, 128> bytes;
};

/// Writes to `control`, the bytes of an InfoControl; returns the number of bytes written.
std::size_t write_info(const MessageInfo& info, MutableBytes control) noexcept;
/// Fills `info` from the received control messages. Closes received descriptors, which the peer of
/// a Unix socket can send unasked; returns whether there were any.
bool read_info(const msghdr& header, MessageInfo& info) noexcept;

/// Whether receive_messages reports the original size of a truncated datagram.
extern const bool reports_whole_sizes [[gnu::visibility("hidden")]];
/// Whether several datagrams can be sent as one message of segments.
extern const bool has_segments [[gnu::visibility("hidden")]];

/// Appends control messages to a buffer.
class ControlWriter {
 public:
  explicit ControlWriter(MutableBytes room) noexcept : room_(room) {}
  void add(int level, int type, const void* value, std::size_t size) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return used_; }

 private:
  MutableBytes room_;
  std::size_t used_ = 0;
};

// The system-specific part. The write functions append their control messages.
void write_segment_size(std::size_t size, ControlWriter& writer) noexcept;
void read_segment_size(const cmsghdr& part, MessageInfo& info) noexcept;
void write_ipv4_info(const MessageInfo& info, ControlWriter& writer) noexcept;
/// Returns false if `part` is not packet information of IPv4.
bool read_ipv4_info(const cmsghdr& part, MessageInfo& info) noexcept;

inline const unsigned char* data_of(const cmsghdr& part) noexcept {
  return CMSG_DATA(const_cast<cmsghdr*>(&part));  // the macros of some systems need it
}
template <typename Value>
Value value_of(const cmsghdr& part) noexcept {
  Value value{};
  std::memcpy(&value, data_of(part), sizeof(value));
  return value;
}
Endpoint endpoint_of_ipv4(const in_addr& address) noexcept;
/// Whether the address is neither a multicast group nor the broadcast address.
bool is_unicast(const in_addr& address) noexcept;

}  // namespace rondo::backends
