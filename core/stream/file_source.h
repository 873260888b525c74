// SPDX-License-Identifier: MIT
// Files that are sent, but are no regular files: pipes, terminals. They are read when they have
// something to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

#include <rondo/handler.h>
#include <rondo/net.h>
#include <rondo/ready.h>

#include "loop/loop.h"

namespace rondo::detail {

class StreamImpl;

/// Waits until there is something to read, or the end, and then runs the stream at the end of the
/// turn. Destroying it ends the wait.
class FileSource final : private Handler {
 public:
  explicit FileSource(StreamImpl& stream) noexcept : stream_(stream) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource();

  /// Errors: those of Reactor::watch. Call it once.
  [[nodiscard]] std::error_code wait(int fd) noexcept;

  /// What can be read now; 0 at the end. Never blocks, whatever the flags of `fd` are. -1 and
  /// errno: EAGAIN if there is nothing now, ESPIPE for a regular file, which is to be read by
  /// offset.
  [[nodiscard]] static std::ptrdiff_t read(int fd, MutableBytes into) noexcept;
  /// What a regular file has from `offset` on: pread(2).
  [[nodiscard]] static std::ptrdiff_t read_at(int fd, std::uint64_t offset,
                                              MutableBytes into) noexcept;

 private:
  void on_ready(Ready ready) override;

  StreamImpl& stream_;
  Token token_{};
  bool is_waiting_ = false;
};

}  // namespace rondo::detail
