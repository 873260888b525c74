// MessageInfo in the system's control messages: packet information (ip(7), ipv6(7), RFC 3542) and,
// where the system has it, the size of segments (udp(7)).
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>

#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::backends {

/// Room for all that read_info knows and write_info writes.
struct alignas(cmsghdr) InfoControl {
  std::array<std::byte, 128> bytes;
};

/// Returns how much of `control`, the bytes of an InfoControl, it has filled.
std::size_t write_info(const MessageInfo& info, MutableBytes control) noexcept;
/// Fills what the received control messages tell.
void read_info(const msghdr& header, MessageInfo& info) noexcept;

/// Whether receive_messages can tell the size of a datagram that was truncated.
extern const bool tells_whole_sizes [[gnu::visibility("hidden")]];

/// The system's own part: what else it may be told, appended at the end, and what it tells.
class ControlWriter;
void write_segment_size(std::size_t size, ControlWriter& writer) noexcept;
void read_segment_size(const cmsghdr& part, MessageInfo& info) noexcept;

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

}  // namespace rondo::backends
