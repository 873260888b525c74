// SPDX-License-Identifier: MIT
// Systems without segments, which do not report the original size of a truncated datagram.
#include "info.h"

namespace rondo::backends {

const bool reports_whole_sizes = false;
const bool has_segments = false;

void write_segment_size(std::size_t, ControlWriter&) noexcept {}
void read_segment_size(const cmsghdr&, MessageInfo&) noexcept {}

}  // namespace rondo::backends
