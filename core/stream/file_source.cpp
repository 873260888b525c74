// SPDX-License-Identifier: MIT
// A descriptor that others may share keeps its flags, so it may block. But read(2) of a pipe or a
// terminal that poll(2) reports as readable returns what there is.
#include "file_source.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "stream_impl.h"

namespace rondo::detail {

FileSource::~FileSource() {
  if (is_waiting_) stream_.context().loop().unwatch(token_);
}

std::error_code FileSource::wait(int fd) noexcept try {
  const auto token = stream_.context().loop().watch(fd, Ready::read, *this);
  if (!token) return token.error();
  token_ = *token;
  is_waiting_ = true;
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

void FileSource::on_ready(Ready) { stream_.file_is_ready(); }

std::ptrdiff_t FileSource::read(int fd, MutableBytes into) noexcept {
  if (::lseek(fd, 0, SEEK_CUR) >= 0) {
    errno = ESPIPE;
    return -1;
  }
  pollfd state{.fd = fd, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&state, 1, 0);
  if (ready == 0) errno = EAGAIN;
  return ready <= 0 ? -1 : ::read(fd, into.data(), into.size());
}

std::ptrdiff_t FileSource::read_at(int fd, std::uint64_t offset, MutableBytes into) noexcept {
  return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
}

}  // namespace rondo::detail
