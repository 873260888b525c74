// SPDX-License-Identifier: MIT
// rondo: an open file, owned, for Stream::send_file.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <rondo/export.h>
#include <rondo/result.h>

namespace rondo {

/// The size of a part of a file that is to be sent to its end, whatever the file's size is then.
constexpr std::uint64_t to_end_of_file = UINT64_MAX;

/// Owns the descriptor of a regular file and closes it. It can be moved, not copied.
///
///     auto file = rondo::File::open("index.html");
///     if (!file) return rondo::print_error(file.error());
///     stream.send_file(std::move(*file), 0, rondo::to_end_of_file);
class RONDO_EXPORT File {
 public:
  File() noexcept = default;
  /// Adopts an open descriptor.
  explicit File(int fd) noexcept : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();

  /// Opens a file for reading, close-on-exec. Errors: those of open(2), as `open PATH: ...`.
  [[nodiscard]] static Result<File> open(const std::string& path);

  /// The current size in bytes. Errors: those of fstat(2), as `file size: ...`.
  [[nodiscard]] Result<std::uint64_t> size() const noexcept;

  /// The descriptor, or -1 if it is empty. It stays owned.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// Releases the descriptor, which the caller must close.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Whether it has a descriptor.
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace rondo
