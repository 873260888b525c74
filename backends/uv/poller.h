// SPDX-License-Identifier: MIT
// What both libuv backends share: a uv_poll_t for each watched descriptor, and the clock of libuv.
#pragma once

#include <uv.h>

#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/backend.h>
#include <rondo/result.h>

namespace rondo::backends {

inline std::error_code uv_error(int status) noexcept {
  return status < 0 ? system_error(-status) : std::error_code{};
}

/// The first whole millisecond of libuv's clock that is not before `deadline`.
std::uint64_t uv_time_reaching(TimePoint deadline) noexcept;

class UvPoller {
 public:
  explicit UvPoller(uv_loop_t& loop) noexcept : loop_(loop) {}
  UvPoller(const UvPoller&) = delete;
  UvPoller& operator=(const UvPoller&) = delete;
  /// Closes the remaining handles. They are freed when the loop runs their close callbacks.
  ~UvPoller();

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept {
    return watch(fd, from, to, token, false);
  }
  [[nodiscard]] std::error_code watch_own(int fd, Ready to, Token token) noexcept {
    return watch(fd, Ready::none, to, token, true);
  }
  void unwatch(int fd) noexcept;
  /// Call it before each wait. Starts the handles that wait for it, and those that libuv stopped
  /// because of an error, and stops those with a descriptor that was closed since, for which libuv
  /// would abort.
  void prepare() noexcept;
  void forget_interests() noexcept;
  /// From now on, code of others may run between a change of interest and the wait.
  void runs_others() noexcept { runs_others_ = true; }
  /// The same. Moreover, libuv learns of a new or larger interest only in prepare(), since some of
  /// that code may run between prepare() and the wait.
  void starts_late() noexcept { runs_others_ = starts_late_ = true; }

  /// From now on events are delivered to `sink`. Null: between two waits, when there are none.
  void deliver_to(Sink* sink) noexcept;
  /// The number of events that were delivered to this sink.
  [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }
  /// What the sink threw, or null: an exception cannot pass through the frames of libuv. Events
  /// that follow an exception are not delivered until it has been taken.
  [[nodiscard]] std::exception_ptr take_exception() noexcept {
    return std::exchange(exception_, nullptr);
  }

  [[nodiscard]] uv_loop_t& loop() const noexcept { return loop_; }

 private:
  struct Node;
  using Notes = std::uint8_t;  // a set of bits

  static void on_poll(uv_poll_t* handle, int status, int events);
  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token,
                                      bool is_own) noexcept;
  [[nodiscard]] std::error_code add_node(int fd, bool is_own) noexcept;
  [[nodiscard]] std::error_code start(int fd, Ready interest) noexcept;
  /// Returns an error if libuv would abort: the descriptor is closed or cannot be polled.
  [[nodiscard]] std::error_code check(int fd) noexcept;
  void note(int fd, Notes what) noexcept;
  void prepare(int fd) noexcept;
  static void close(Node& node) noexcept;
  void stopped_by_error(const uv_poll_t& handle) noexcept;
  void deliver(Token token, Ready ready) noexcept;

  uv_loop_t& loop_;
  Sink* sink_ = nullptr;
  std::uint64_t delivered_ = 0;
  std::exception_ptr exception_;
  bool runs_others_ = false;
  bool starts_late_ = false;
  // These are indexed by descriptor. The bytes are separate: there they cost a byte, not a word.
  std::vector<Node*> nodes_;
  std::vector<Ready> interests_;
  std::vector<Notes> notes_;  // what prepare() and unwatch() do with it
  std::vector<int> noted_;    // the descriptors that have a note, each once
};

}  // namespace rondo::backends
