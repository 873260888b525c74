// SPDX-License-Identifier: MIT
// A batch of messages in the system's form.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include <rondo/endpoint.h>
#include <rondo/net.h>

#include "calls.h"
#include "info.h"
#include "parts.h"

namespace rondo::backends {

/// Room for any address that the system writes.
struct Address {
  sockaddr_storage storage;
  socklen_t size = sizeof(storage);

  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }

  /// An address of size 0 is that of an unnamed Unix socket. An address of a family that Endpoint
  /// does not support leaves `endpoint` as it was.
  int copy_to(Endpoint& endpoint) noexcept {
    if (size == 0) {
      storage.ss_family = AF_UNIX;
      size = offsetof(sockaddr_un, sun_path);
    }
    const auto known = Endpoint::from_system(get(), size);
    if (!known) return -known.error().value();
    endpoint = *known;
    return 0;
  }
};

inline bool lacks_segments(const Message& message) noexcept {
  return !has_segments && message.info != nullptr && message.info->segment_size != 0;
}

/// The system's form of a batch of messages.
class Batch {
 public:
  enum class Purpose : bool { receive, send };
  /// Takes as many of `messages` as fit, in order. Takes none if the first one has too many parts,
  /// or needs segments, which the system lacks.
  Batch(std::span<Message> messages, Purpose purpose) noexcept {
    for (Message& message : messages.first(std::min(messages.size(), messages_max))) {
      const std::span<iovec> room = std::span{parts_}.subspan(parts_used_);
      if (message.parts.size() > room.size()) break;
      if (purpose == Purpose::send && lacks_segments(message)) break;
      msghdr& header = headers_[size_] = {};
      const auto parts = std::span<const MutableBytes>{message.parts};
      header.msg_iov = room.data();
      header.msg_iovlen = static_cast<decltype(header.msg_iovlen)>(copy_parts(parts, room));
      parts_used_ += parts.size();
      set_control(message, purpose);
      if (message.address != nullptr) set_address(*message.address, purpose);
      ++size_;
    }
  }

  [[nodiscard]] Sizes sizes_wanted() const noexcept { return sizes_wanted_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  std::span<msghdr> headers() noexcept { return std::span{headers_}.first(size_); }
  std::span<std::size_t> sizes() noexcept { return std::span{sizes_}.first(size_); }

  void received(Message& message, std::size_t index) noexcept {
    const msghdr& header = headers_[index];
    message.size = sizes_[index];
    message.truncated = (header.msg_flags & MSG_TRUNC) != 0;
    message.control_truncated = (header.msg_flags & MSG_CTRUNC) != 0;
    message.control_size = 0;
    if (message.info != nullptr) {
      read_info(message, index);
    } else {
      message.control_size = static_cast<std::size_t>(header.msg_controllen);
    }
    if (message.address == nullptr) return;
    addresses_[index].size = header.msg_namelen;
    // A datagram from an unsupported family is delivered with the address unchanged.
    (void)addresses_[index].copy_to(*message.address);
  }

 private:
  void set_address(Endpoint& endpoint, Purpose purpose) noexcept {
    msghdr& header = headers_[size_];
    if (purpose == Purpose::send) {
      header.msg_name = const_cast<sockaddr*>(endpoint.system());  // the kernel only reads it
      header.msg_namelen = static_cast<socklen_t>(endpoint.system_size());
    } else {
      header.msg_name = addresses_[size_].get();
      header.msg_namelen = sizeof(addresses_[size_].storage);
    }
  }

  void set_control(const Message& message, Purpose purpose) noexcept {
    MutableBytes control = message.control;
    if (message.info != nullptr) {
      control = infos_[size_].bytes;
      if (purpose == Purpose::send) {
        control = control.first(write_info(*message.info, control));
      } else if (size_ == 0) {
        sizes_wanted_ = Sizes::whole;
      }
    }
    msghdr& header = headers_[size_];
    header.msg_control = control.empty() ? nullptr : control.data();
    header.msg_controllen = static_cast<decltype(header.msg_controllen)>(control.size());
  }

  void read_info(Message& message, std::size_t index) noexcept {
    std::size_t room = 0;
    for (const MutableBytes part : message.parts) room += part.size();
    // The size after truncation is not the whole size.
    const bool is_whole =
        !message.truncated || (reports_whole_sizes && sizes_wanted_ == Sizes::whole);
    *message.info = MessageInfo{};
    message.info->whole_size = is_whole ? message.size : 0;
    message.size = std::min(message.size, room);
    // Received descriptors were closed: report them like those that did not fit.
    if (backends::read_info(headers_[index], *message.info)) message.control_truncated = true;
  }

  std::size_t size_ = 0;
  std::size_t parts_used_ = 0;
  Sizes sizes_wanted_ = Sizes::moved;
  std::array<msghdr, messages_max> headers_;
  std::array<std::size_t, messages_max> sizes_;
  std::array<Address, messages_max> addresses_;
  std::array<InfoControl, messages_max> infos_;
  std::array<iovec, parts_max> parts_;
};

}  // namespace rondo::backends
