// SPDX-License-Identifier: MIT
// A file for Stream::send_file, with only what that needs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rondo/file.h>

namespace rondo {

Result<File> File::open(const std::string& path) {
  // Non-blocking: a FIFO of that name does not wait for its writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{last_system_error(), "open " + path};
  return File{fd};
}

File::~File() {
  if (fd_ >= 0) (void)::close(fd_);  // nothing was written: there is nothing to lose
}

Result<std::uint64_t> File::size() const noexcept {
  struct stat state{};
  if (::fstat(fd_, &state) != 0) return Error{last_system_error(), "file size"};
  return static_cast<std::uint64_t>(state.st_size);
}

}  // namespace rondo
