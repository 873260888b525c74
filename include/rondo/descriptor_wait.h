// SPDX-License-Identifier: MIT
// rondo: a task that waits until a descriptor is ready, for descriptors that rondo does not read or
// write itself.
//
//     co_await rondo::readable(inotify);
//     const ssize_t size = ::read(inotify, buffer, sizeof buffer);
#pragma once

#include <rondo/export.h>

#include <coroutine>

#include <rondo/ready.h>
#include <rondo/shared_watch.h>
#include <rondo/task.h>

namespace rondo {

class RONDO_EXPORT DescriptorWait {
 public:
  DescriptorWait(int fd, Ready interest) noexcept : fd_(fd), interest_(interest) {}
  DescriptorWait(const DescriptorWait&) = delete;
  DescriptorWait& operator=(const DescriptorWait&) = delete;
  ~DescriptorWait() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }
  void await_resume() const noexcept {}

 private:
  void suspend(detail::TaskPromise& task);

  int fd_;
  Ready interest_;
  SharedWatch watch_;
  detail::Wait wait_;
};

/// Waits until a read from `fd` would probably not block, in a later turn. It is a hint: the read
/// may still return operation_would_block. Several tasks may wait for the same descriptor, in the
/// same direction or in both; none of them may have a Watch of it. Throws a std::system_error with
/// the error of Reactor::watch(). While no task waits, the descriptor is not watched, so it may be
/// closed then.
[[nodiscard]] inline detail::Awaitable<DescriptorWait, int, Ready> readable(int fd) noexcept {
  return detail::Awaitable<DescriptorWait, int, Ready>{fd, Ready::read};
}
/// The same for a write.
[[nodiscard]] inline detail::Awaitable<DescriptorWait, int, Ready> writable(int fd) noexcept {
  return detail::Awaitable<DescriptorWait, int, Ready>{fd, Ready::write};
}

}  // namespace rondo
