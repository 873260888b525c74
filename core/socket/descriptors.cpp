// SPDX-License-Identifier: MIT
// Descriptors in control messages: cmsg(3), SCM_RIGHTS in unix(7).
//
// Received descriptors are owned by Sockets on the stack before anything else can fail. There is
// room for more than can be sent at once, so control data is truncated only if the kernel could not
// install a descriptor: then it installs as many as it can (EMFILE) and flags the message. It does
// not report which ones are missing, so all are closed.
//
// A socket may come with a linger time, for which each close() of it would block. It is switched
// off.
//
// If descriptors are sent on a TCP or UDP socket, Linux sends the data without them and reports no
// error. So the family of the socket is checked first.
#include "adopted.h"
#include "rights.h"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <iterator>

#include <rondo/endpoint.h>

namespace rondo {
namespace {

constexpr std::size_t rights_size_max = descriptors_per_send_max * sizeof(int);
// Room for other control messages that may be enabled on the socket: credentials.
constexpr std::size_t other_size_max = 256;

constexpr int so_passrights = 83;  // Linux; the C library's headers may be older

template <std::size_t Size>
struct alignas(cmsghdr) Control {
  std::array<std::byte, Size> bytes{};
};

/// Owns the descriptors of a message, and closes those that are not moved out.
class Rights {
 public:
  Rights(Net& net, MutableBytes control) noexcept {
    msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = static_cast<decltype(header.msg_controllen)>(control.size());
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) adopt(net, *part);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void move_to(std::vector<Socket>& into) {
    const auto from = std::make_move_iterator(sockets_.begin());
    into.assign(from, from + static_cast<std::ptrdiff_t>(size_));
  }

 private:
  static constexpr std::size_t size_max = (rights_size_max + other_size_max) / sizeof(int);

  void adopt(Net& net, cmsghdr& part) noexcept {
    const unsigned char* at = CMSG_DATA(&part);
    const auto* const end = reinterpret_cast<const unsigned char*>(&part) + part.cmsg_len;
    for (; at + sizeof(int) <= end && size_ < size_max; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, at, sizeof(fd));
      sockets_[size_++] = Socket{net, fd};
      switch_off_linger_time(net, fd);
    }
  }

  /// The sender may have set it, so that close() would wait for a third party.
  static void switch_off_linger_time(Net& net, int fd) noexcept {
    int seconds = -1;
    if (net.get(fd, SocketOption::linger, seconds) < 0 || seconds <= 0) return;
    (void)net.set(fd, SocketOption::linger, -1);  // it was read before, so it can be set
  }

  std::array<Socket, size_max> sockets_;
  std::size_t size_ = 0;
};

std::error_code check_family(Net& net, int fd) noexcept {
  Endpoint local;
  if (const int result = net.local_endpoint(fd, local); result < 0) return system_error(-result);
  if (local.family() == AddressFamily::unix_domain) return {};
  return std::make_error_code(std::errc::operation_not_supported);
}

}  // namespace

namespace detail {

Result<std::size_t, std::error_code> send_descriptors(Net& net, int fd, Bytes data,
                                                      std::span<const int> descriptors) noexcept {
  if (data.empty() || descriptors.size() > descriptors_per_send_max) {
    return std::errc::invalid_argument;
  }
  if (const std::error_code error = check_family(net, fd)) return error;
  Control<CMSG_SPACE(rights_size_max)> control;
  // The kernel does not write to the data that it sends.
  MutableBytes part{const_cast<std::byte*>(data.data()), data.size()};
  Message message{.parts = {&part, 1}};
  if (!descriptors.empty()) {
    auto* header = reinterpret_cast<cmsghdr*>(control.bytes.data());
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = static_cast<decltype(header->cmsg_len)>(CMSG_LEN(descriptors.size_bytes()));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    message.control = MutableBytes{control.bytes}.first(CMSG_SPACE(descriptors.size_bytes()));
  }
  const int sent = net.send(fd, {&message, 1});
  if (sent < 0) return system_error(-sent);
  return message.size;
}

Result<ReceivedDescriptors, std::error_code> receive_with_descriptors(Net& net, int fd,
                                                                      MutableBytes into) {
  Control<CMSG_SPACE(rights_size_max) + other_size_max> control;
  Message message{.parts = {&into, 1}, .control = control.bytes};
  const int received = net.receive(fd, {&message, 1});
  if (received < 0) return system_error(-received);
  Rights rights{net, MutableBytes{control.bytes}.first(message.control_size)};
  ReceivedDescriptors result{
      .size = message.size, .lost = message.control_truncated, .truncated = message.truncated};
  if (!result.lost && rights.size() > 0) rights.move_to(result.descriptors);
  return result;
}

void accept_descriptors(Net& net, int fd, bool accepts) noexcept {
  const int value = accepts ? 1 : 0;
  // It is an additional protection where the system has it.
  (void)net.set_option(fd, SOL_SOCKET, so_passrights, std::as_bytes(std::span{&value, 1}));
}

}  // namespace detail

Result<std::size_t, std::error_code> send_descriptors(Socket& socket, Bytes data,
                                                      std::span<const int> descriptors) noexcept {
  detail::require_made(socket, "send_descriptors");
  return detail::send_descriptors(socket.net(), socket.fd(), data, descriptors);
}

Result<ReceivedDescriptors, std::error_code> receive_with_descriptors(Socket& socket,
                                                                      MutableBytes into) {
  detail::require_made(socket, "receive_with_descriptors");
  return detail::receive_with_descriptors(socket.net(), socket.fd(), into);
}

}  // namespace rondo
