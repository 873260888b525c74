// Descriptors in control data: SCM_RIGHTS of unix(7), as cmsg(3) lays it out.
#pragma once

#include <rondo/net.h>

#include "object.h"
#include "table.h"

namespace rondo::sim {

/// What `control` names. Each counts as open from now on. 0; -EBADF, -EINVAL: nothing is taken.
int take_rights(const DescriptorTable& table, Bytes control, Rights& rights);

/// Gives them numbers, and tells these. Those for which there is no room are released.
void give_rights(DescriptorTable& table, Rights rights, Message& message);

void release(const Rights& rights);

}  // namespace rondo::sim
