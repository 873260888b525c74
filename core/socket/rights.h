// SPDX-License-Identifier: MIT
// Descriptors in control messages, for a descriptor that the caller owns. <rondo/descriptors.h>
// documents these calls.
#pragma once

#include <cstddef>
#include <span>

#include <rondo/descriptors.h>
#include <rondo/net.h>
#include <rondo/result.h>

namespace rondo::detail {

[[nodiscard]] Result<std::size_t, std::error_code> send_descriptors(
    Net& net, int fd, Bytes data, std::span<const int> descriptors) noexcept;
[[nodiscard]] Result<ReceivedDescriptors, std::error_code> receive_with_descriptors(
    Net& net, int fd, MutableBytes into);

/// Whether descriptors can be sent to a Unix socket, or to those that will be accepted from it. If
/// not, sending them fails with EPERM. Only Linux has it, from 6.16 on; elsewhere it does nothing.
void accept_descriptors(Net& net, int fd, bool accepts) noexcept;

}  // namespace rondo::detail
