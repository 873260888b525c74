// SPDX-License-Identifier: MIT
// Descriptors in control data: SCM_RIGHTS of unix(7), as cmsg(3) lays it out.
#pragma once

#include <rondo/net.h>

#include "object.h"
#include "table.h"

namespace rondo::sim {

/// Takes a reference to each descriptor in `control`. Returns 0; or -EBADF or -EINVAL, and takes
/// none.
int take_rights(const DescriptorTable& table, Bytes control, Rights& rights);

/// Opens descriptors for `rights` and writes their numbers. Those that do not fit are released.
void give_rights(DescriptorTable& table, Rights rights, Message& message);

void release(const Rights& rights);

}  // namespace rondo::sim
