// SPDX-License-Identifier: MIT
// Linux supports generic segmentation offload (4.18) and receive offload (5.0) for UDP (udp(7)),
// and reports the whole size of a truncated datagram.
#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstdint>

#include "info.h"

namespace rondo::backends {

const bool reports_whole_sizes = true;
const bool has_segments = true;

void write_segment_size(std::size_t size, ControlWriter& writer) noexcept {
  // A size that does not fit becomes 0: the kernel then makes no segments and returns EMSGSIZE.
  const auto value = static_cast<std::uint16_t>(size > UINT16_MAX ? 0 : size);
  writer.add(IPPROTO_UDP, UDP_SEGMENT, &value, sizeof(value));
}

void read_segment_size(const cmsghdr& part, MessageInfo& info) noexcept {
  if (part.cmsg_level != IPPROTO_UDP || part.cmsg_type != UDP_GRO) return;
  const int value = value_of<int>(part);
  if (value > 0) info.segment_size = static_cast<std::size_t>(value);
}

}  // namespace rondo::backends
