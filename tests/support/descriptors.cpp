// SPDX-License-Identifier: MIT
#include "support/descriptors.h"

#include <poll.h>

#include <cerrno>
#include <span>
#include <stdexcept>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/options.h>

namespace rondo::test {
namespace {

/// For calls that return a negative errno.
int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
  return result;
}

Net& net() { return kernel().net(); }

Fd inet_socket(SocketType type) {
  return Fd{checked(net().socket(AddressFamily::ipv4, type), "socket")};
}

Endpoint bind_any(int fd) {
  checked(net().bind(fd, Endpoint::loopback(0)), "bind");
  Endpoint local;
  checked(net().local_endpoint(fd, local), "getsockname");
  return local;
}

}  // namespace

void Fd::close() noexcept {
  // Nothing a test could do about it.
  if (fd_ >= 0) (void)kernel_->net().close(std::exchange(fd_, -1));
}

Pair unix_pair() {
  int fds[2];
  checked(net().pair(SocketType::stream, fds), "socketpair");
  return {Fd{fds[0]}, Fd{fds[1]}};
}

Pair tcp_pair() {
  const Listener listener = tcp_listener();
  Fd ours = tcp_connecting(listener.port);
  kernel().await(listener.fd.get(), POLLIN);
  Fd theirs{checked(net().accept(listener.fd.get(), nullptr), "accept")};
  return {std::move(ours), std::move(theirs)};
}

Pair udp_pair() {
  Pair pair{inet_socket(SocketType::datagram), inet_socket(SocketType::datagram)};
  const Endpoint ours = bind_any(pair.ours.get());
  const Endpoint theirs = bind_any(pair.theirs.get());
  checked(net().connect(pair.ours.get(), theirs), "connect");
  checked(net().connect(pair.theirs.get(), ours), "connect");
  return pair;
}

Pipe make_pipe() {
  int fds[2];
  checked(kernel().pipe(fds), "pipe");
  return {Fd{fds[0]}, Fd{fds[1]}};
}

Listener tcp_listener() {
  Listener listener{inet_socket(SocketType::stream)};
  listener.port = bind_any(listener.fd.get()).port();
  checked(net().listen(listener.fd.get(), 128), "listen");
  return listener;
}

Fd tcp_connecting(unsigned short port) {
  Fd fd = inet_socket(SocketType::stream);
  const int result = net().connect(fd.get(), Endpoint::loopback(port));
  if (result != -EINPROGRESS) checked(result, "connect");
  return fd;
}

unsigned short deserted_port() {
  const Fd fd = inet_socket(SocketType::stream);
  return bind_any(fd.get()).port();
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const long count = write_some(fd, text);
    checked(static_cast<int>(count), "write");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::size_t fill_until_full(int fd) {
  static const std::string block(65536, 'x');
  std::size_t taken = 0;
  std::size_t size = block.size();
  while (size > 0) {  // ever smaller pieces, so that no room is left
    const long count = write_some(fd, std::string_view{block}.substr(0, size));
    if (count > 0) {
      taken += static_cast<std::size_t>(count);
    } else {
      size /= 2;
    }
  }
  return taken;
}

std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const long count = read_some(fd, buffer, sizeof buffer);
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

long read_some(int fd, char* into, std::size_t size) {
  const std::ptrdiff_t count = net().read(std::as_writable_bytes(std::span{into, size}), fd);
  return count < 0 ? -errno : static_cast<long>(count);
}

long write_some(int fd, std::string_view text) {
  const Bytes data = std::as_bytes(std::span{text});
  std::ptrdiff_t count = net().write(data, fd);
  if (count < 0 && errno == ENOTSOCK) count = net().write_file({&data, 1}, fd);
  return count < 0 ? -errno : static_cast<long>(count);
}

long read_result(int fd) {
  char byte;
  return read_some(fd, &byte, 1);
}
long write_result(int fd) { return write_some(fd, "x"); }

void finish_writing(const Fd& fd) {
  checked(net().shutdown(fd.get(), Direction::write), "shutdown");
}

void close_with_reset(Fd& fd) {
  checked(net().set(fd.get(), SocketOption::linger, 0), "SO_LINGER");
  fd.close();
}

bool is_close_on_exec(int fd) { return kernel().is_close_on_exec(fd); }
bool is_nonblocking(int fd) { return kernel().is_nonblocking(fd); }

Fd duplicate(int fd) { return Fd{checked(kernel().duplicate(fd), "dup")}; }

Fd moved_to(int number, Fd fd) {
  if (fd.get() == number) return fd;
  std::vector<Fd> below;  // the lowest that is free is given out
  for (;;) {
    Fd copy = duplicate(fd.get());
    if (copy.get() == number) return copy;
    if (copy.get() > number) throw std::runtime_error("the number is not free");
    below.push_back(std::move(copy));
  }
}

bool allow_descriptors(std::size_t count) { return kernel().allow_descriptors(count); }

DescriptorFamine::DescriptorFamine(std::size_t spare) { kernel().limit_descriptors(spare); }
DescriptorFamine::~DescriptorFamine() { kernel().unlimit_descriptors(); }

}  // namespace rondo::test
