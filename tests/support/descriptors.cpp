#include "support/descriptors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "support/descriptor_census.h"

namespace rondo::test {
namespace {

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

Fd prepared(int fd) {
  Fd owned{fd};
  checked(::fcntl(fd, F_SETFL, checked(::fcntl(fd, F_GETFL), "F_GETFL") | O_NONBLOCK), "F_SETFL");
  checked(::fcntl(fd, F_SETFD, FD_CLOEXEC), "F_SETFD");
  return owned;
}

Fd inet_socket(int type) { return prepared(checked(::socket(AF_INET, type, 0), "socket")); }

sockaddr_in loopback(unsigned short port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

unsigned short bind_any(int fd) {
  sockaddr_in address = loopback(0);
  checked(::bind(fd, generic(address), sizeof address), "bind");
  socklen_t size = sizeof address;
  checked(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return ntohs(address.sin_port);
}

}  // namespace

void Fd::close() noexcept {
  if (fd_ >= 0) (void)::close(std::exchange(fd_, -1));  // nothing a test could do about it
}

Pair unix_pair() {
  int fds[2];
  checked(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
  return {prepared(fds[0]), prepared(fds[1])};
}

Pair tcp_pair() {
  const Listener listener = tcp_listener();
  checked(::fcntl(listener.fd.get(), F_SETFL, 0), "F_SETFL");  // so that accept waits
  Fd ours = tcp_connecting(listener.port);
  Fd theirs = prepared(checked(::accept(listener.fd.get(), nullptr, nullptr), "accept"));
  return {std::move(ours), std::move(theirs)};
}

Pair udp_pair() {
  Pair pair{inet_socket(SOCK_DGRAM), inet_socket(SOCK_DGRAM)};
  const sockaddr_in ours = loopback(bind_any(pair.ours.get()));
  const sockaddr_in theirs = loopback(bind_any(pair.theirs.get()));
  checked(::connect(pair.ours.get(), generic(theirs), sizeof theirs), "connect");
  checked(::connect(pair.theirs.get(), generic(ours), sizeof ours), "connect");
  return pair;
}

Pipe make_pipe() {
  int fds[2];
  checked(::pipe(fds), "pipe");
  return {prepared(fds[0]), prepared(fds[1])};
}

Listener tcp_listener() {
  Listener listener{inet_socket(SOCK_STREAM)};
  listener.port = bind_any(listener.fd.get());
  checked(::listen(listener.fd.get(), 128), "listen");
  return listener;
}

Fd tcp_connecting(unsigned short port) {
  Fd fd = inet_socket(SOCK_STREAM);
  const sockaddr_in address = loopback(port);
  if (::connect(fd.get(), generic(address), sizeof address) < 0 && errno != EINPROGRESS) {
    checked(-1, "connect");
  }
  return fd;
}

unsigned short deserted_port() {
  const Fd fd = inet_socket(SOCK_STREAM);
  return bind_any(fd.get());
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    checked(count < 0 ? -1 : 0, "write");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::size_t fill_until_full(int fd) {
  static const std::string block(65536, 'x');
  std::size_t taken = 0;
  std::size_t size = block.size();
  while (size > 0) {  // ever smaller pieces, so that no room is left
    const ssize_t count = ::write(fd, block.data(), size);
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
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

long read_result(int fd) {
  char byte;
  const ssize_t count = ::read(fd, &byte, 1);
  return count < 0 ? -errno : count;
}

long write_result(int fd) {
  const char byte = 'x';
  struct sigaction ignore{};
  struct sigaction before{};
  ignore.sa_handler = SIG_IGN;
  checked(::sigaction(SIGPIPE, &ignore, &before), "sigaction");
  const ssize_t count = ::write(fd, &byte, 1);
  const long result = count < 0 ? -errno : count;
  checked(::sigaction(SIGPIPE, &before, nullptr), "sigaction");
  return result;
}

void close_with_reset(Fd& fd) {
  const linger at_once{1, 0};
  checked(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
  fd.close();
}

bool is_close_on_exec(int fd) {
  return (checked(::fcntl(fd, F_GETFD), "F_GETFD") & FD_CLOEXEC) != 0;
}

bool is_nonblocking(int fd) { return (checked(::fcntl(fd, F_GETFL), "F_GETFL") & O_NONBLOCK) != 0; }

Fd duplicate(int fd) { return Fd{checked(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "F_DUPFD_CLOEXEC")}; }

Fd moved_to(int number, Fd fd) {
  if (fd.get() == number) return fd;
  Fd moved{checked(::fcntl(fd.get(), F_DUPFD_CLOEXEC, number), "F_DUPFD_CLOEXEC")};
  if (moved.get() != number) throw std::runtime_error("the number is not free");
  return moved;
}

bool allow_descriptors(std::size_t count) {
  rlimit limit{};
  checked(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit.rlim_cur = limit.rlim_max;
  checked(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  return limit.rlim_cur >= count;
}

DescriptorFamine::DescriptorFamine(std::size_t spare) {
  rlimit limit{};
  checked(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  limit_ = limit.rlim_cur;
  // Numbers are given out from below, so holes count as room too.
  const std::map<int, std::string> open = open_descriptors();
  int next = 0;
  for (std::size_t room = 0;; ++next) {
    if (open.contains(next)) continue;
    if (room == spare) break;
    ++room;
  }
  limit.rlim_cur = static_cast<rlim_t>(next);
  checked(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

DescriptorFamine::~DescriptorFamine() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit_;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // it stood there before
}

}  // namespace rondo::test
