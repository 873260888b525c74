// SPDX-License-Identifier: MIT
#include "rights.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rondo::sim {
namespace {

constexpr std::size_t rights_max = 253;  // SCM_MAX_FD

msghdr header_of(Bytes control) noexcept {
  msghdr header{};
  header.msg_control = const_cast<std::byte*>(control.data());  // only read
  header.msg_controllen = static_cast<decltype(header.msg_controllen)>(control.size());
  return header;
}

}  // namespace

int take_rights(const DescriptorTable& table, Bytes control, Rights& rights) {
  if (control.empty()) return 0;
  msghdr header = header_of(control);
  Rights found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) return -EINVAL;
    const unsigned char* at = CMSG_DATA(part);
    const auto* const end = reinterpret_cast<const unsigned char*>(part) + part->cmsg_len;
    for (; at + sizeof(int) <= end; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, at, sizeof(fd));
      Object* const object = table.at(fd);
      if (object == nullptr) return -EBADF;
      found.emplace_back(object);
    }
  }
  if (found.size() > rights_max) return -EINVAL;
  for (const Ref<Object>& right : found) right->opened();
  rights = std::move(found);
  return 0;
}

void give_rights(DescriptorTable& table, Rights rights, Message& message) {
  message.control_size = 0;
  if (rights.empty()) return;
  const std::size_t room = message.control.size() < CMSG_LEN(0)
                               ? 0
                               : (message.control.size() - CMSG_LEN(0)) / sizeof(int);
  std::vector<int> fds;
  while (fds.size() < std::min(room, rights.size())) {
    const int fd = table.add(rights[fds.size()]);
    if (fd < 0) break;
    fds.push_back(fd);
  }
  message.control_truncated = fds.size() < rights.size();
  if (!fds.empty()) {
    const std::size_t size = fds.size() * sizeof(int);
    cmsghdr head{};
    head.cmsg_level = SOL_SOCKET;
    head.cmsg_type = SCM_RIGHTS;
    head.cmsg_len = static_cast<decltype(head.cmsg_len)>(CMSG_LEN(size));
    std::memcpy(message.control.data(), &head, sizeof(head));
    std::memcpy(message.control.data() + CMSG_LEN(0), fds.data(), size);
    message.control_size = std::min<std::size_t>(CMSG_SPACE(size), message.control.size());
  }
  release(rights);  // each delivered descriptor has its own reference now
}

void release(const Rights& rights) {
  for (const Ref<Object>& right : rights) right->released();
}

}  // namespace rondo::sim
