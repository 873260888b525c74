// What macOS tells and takes beside the packet information: nothing. Its sendmsg refuses a control
// message that it does not know (EINVAL), so a message of segments is one of level -1.
#include "net_info.h"

namespace rondo::backends {

const bool tells_whole_sizes = false;

void write_segment_size(std::size_t, ControlWriter& writer) noexcept {
  const int nothing = 0;
  writer.add(-1, -1, &nothing, sizeof(nothing));
}

void read_segment_size(const cmsghdr&, MessageInfo&) noexcept {}

}  // namespace rondo::backends
