// SPDX-License-Identifier: MIT
#include "parity/kernel.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <rondo/endpoint.h>

namespace rondo::test {
namespace {

/// A file without a name.
Fd make_sample_file() {
  std::string name = temporary_path("XXXXXX");
  Fd file{::mkstemp(name.data())};
  if (file.get() < 0) throw std::system_error(last_system_error(), name);
  ::unlink(name.c_str());
  std::string bytes(10'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 241);
  write_all(file.get(), bytes);
  return file;
}

}  // namespace

std::string temporary_path(const char* ending) {
  return (std::filesystem::temp_directory_path() / "rondo-parity-").string() + ending;
}

Kernel::Kernel() : file_(make_sample_file()) {}

SystemKernel::SystemKernel(const BackendUnderTest& backend)
    : backend_(stilled(backend.make())),
      folder_(temporary_path("XXXXXX")),
      tells_all_(backend.name == "epoll") {
  if (::mkdtemp(folder_.data()) == nullptr) throw std::system_error(last_system_error(), folder_);
}

SystemKernel::~SystemKernel() { ::rmdir(folder_.c_str()); }

int SystemKernel::pipe(int (&fds)[2]) noexcept try {
  Pipe made = make_pipe();
  fds[0] = made.reader.release();
  fds[1] = made.writer.release();
  return 0;
} catch (const std::system_error& error) {
  return -error.code().value();
}

void SystemKernel::remove(const std::string& path) noexcept { ::unlink(path.c_str()); }

bool SystemKernel::hangs(int fd) const noexcept {
  pollfd one{fd, 0, 0};
  return !tells_all_ && ::poll(&one, 1, 0) > 0;
}

void SystemKernel::pause() noexcept {
  // tidy: allow sleep: only while a real kernel has not yet done what is expected of it
  (void)::poll(nullptr, 0, 1);
}

bool has_ipv6_loopback() noexcept {
  Net& net = system_net();
  const int fd = net.socket(AddressFamily::ipv6, SocketType::stream);
  if (fd < 0) return false;
  const int result = net.bind(fd, Endpoint::loopback(0, AddressFamily::ipv6));
  (void)net.close(fd);  // it was only made to test the address
  return result == 0;
}

}  // namespace rondo::test
