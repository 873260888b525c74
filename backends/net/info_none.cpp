// Systems that know no segments, and do not tell how large a truncated datagram was.
#include "info.h"

namespace rondo::backends {

const bool tells_whole_sizes = false;
const bool has_segments = false;

void write_segment_size(std::size_t, ControlWriter&) noexcept {}
void read_segment_size(const cmsghdr&, MessageInfo&) noexcept {}

}  // namespace rondo::backends
