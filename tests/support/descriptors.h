// SPDX-License-Identifier: MIT
// Descriptors for tests, of the kernel of the case.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "support/kernel.h"

namespace rondo::test {

/// Owns a descriptor.
class Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd, KernelAccess& owner = kernel()) noexcept : fd_(fd), kernel_(&owner) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)), kernel_(other.kernel_) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
      kernel_ = other.kernel_;
    }
    return *this;
  }
  ~Fd() { close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  void close() noexcept;
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
  KernelAccess* kernel_ = nullptr;
};

/// Two ends that talk to each other. Non-blocking and close-on-exec.
struct Pair {
  Fd ours;
  Fd theirs;
};
Pair unix_pair();
Pair tcp_pair();
/// UDP sockets of the loopback, connected to each other.
Pair udp_pair();

struct Pipe {
  Fd reader;
  Fd writer;
};
Pipe make_pipe();

/// A TCP socket of the loopback that listens on a port of the system's choice.
struct Listener {
  Fd fd;
  unsigned short port = 0;
};
Listener tcp_listener();
/// A TCP socket whose connect to the port of the loopback has begun.
Fd tcp_connecting(unsigned short port);
/// A port of the loopback interface without a listener.
unsigned short deserted_port();

/// Both throw if they cannot move everything.
void write_all(int fd, std::string_view text);
/// Writes until the descriptor takes no more; returns how much it took.
std::size_t fill_until_full(int fd);
/// Reads until the descriptor has no more.
std::string read_all(int fd);

/// read(2), write(2): the result, or the negative errno. Without SIGPIPE.
long read_some(int fd, char* into, std::size_t size);
long write_some(int fd, std::string_view text);
/// The same of one byte.
long read_result(int fd);
long write_result(int fd);

/// No more to write: the peer reads to the end.
void finish_writing(const Fd& fd);
/// Closes a TCP descriptor so that its peer gets a reset.
void close_with_reset(Fd& fd);

bool is_close_on_exec(int fd);
bool is_nonblocking(int fd);
/// Another descriptor for what `fd` refers to.
Fd duplicate(int fd);

/// The same descriptor under a number that is free.
Fd moved_to(int number, Fd fd);

/// Raises what limit there is; whether `count` descriptors may now be open.
bool allow_descriptors(std::size_t count);

/// While it lives, no more than `spare` descriptors can be opened.
class DescriptorFamine {
 public:
  explicit DescriptorFamine(std::size_t spare = 0);
  DescriptorFamine(const DescriptorFamine&) = delete;
  DescriptorFamine& operator=(const DescriptorFamine&) = delete;
  ~DescriptorFamine();
};

}  // namespace rondo::test
