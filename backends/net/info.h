// MessageInfo in the system's control messages: packet information (IPv4's by the system's own
// means, IPv6's by RFC 3542) and, where the system has it, the size of segments (udp(7)).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>

#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::backends {

/// Room for all that read_info knows and write_info writes.
struct alignas(cmsghdr) InfoControl {
  std::array<std::byte, 128> bytes;
};

/// Returns how much of `control`, the bytes of an InfoControl, it has filled.
std::size_t write_info(const MessageInfo& info, MutableBytes control) noexcept;
/// Fills what the received control messages tell. Descriptors, which a Unix socket is sent whether
/// it wants them or not, are closed. Whether there were any.
bool read_info(const msghdr& header, MessageInfo& info) noexcept;

/// Whether receive_messages can tell the size of a datagram that was truncated.
extern const bool tells_whole_sizes [[gnu::visibility("hidden")]];
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

// What a system does in its own way: it appends at the end, and knows what is its own.
void write_segment_size(std::size_t size, ControlWriter& writer) noexcept;
void read_segment_size(const cmsghdr& part, MessageInfo& info) noexcept;
void write_ipv4_info(const MessageInfo& info, ControlWriter& writer) noexcept;
/// False: it tells something else.
bool read_ipv4_info(const cmsghdr& part, MessageInfo& info) noexcept;

inline const unsigned char* data_of(const cmsghdr& part) noexcept {
  return CMSG_DATA(const_cast<cmsghdr*>(&part));  // as the macros of some systems want it
}
template <typename Value>
Value value_of(const cmsghdr& part) noexcept {
  Value value{};
  std::memcpy(&value, data_of(part), sizeof(value));
  return value;
}
Endpoint endpoint_of_ipv4(const in_addr& address) noexcept;
/// Neither a group's nor everybody's.
bool is_no_group(const in_addr& address) noexcept;

}  // namespace rondo::backends
