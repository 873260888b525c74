// What both libuv backends share: a uv_poll_t for each watched descriptor, and libuv's clock.
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

/// When libuv's clock, in whole milliseconds, has certainly reached `deadline`.
std::uint64_t uv_time_reaching(TimePoint deadline) noexcept;

class UvPoller {
 public:
  explicit UvPoller(uv_loop_t& loop) noexcept : loop_(loop) {}
  UvPoller(const UvPoller&) = delete;
  UvPoller& operator=(const UvPoller&) = delete;
  /// Closes what is left; the handles are freed when the loop runs their close callbacks.
  ~UvPoller();

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept;
  void unwatch(int fd) noexcept;
  /// Starts again what libuv stopped because of an error, and stops what was started and closed
  /// since, which libuv would abort on. Before each wait.
  void prepare() noexcept;
  void forget_interests() noexcept;

  /// Events go to `sink` from now on. Null: nobody wants any.
  void deliver_to(Sink* sink) noexcept;
  /// How many events were delivered to this sink.
  [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }
  /// What the sink threw, which cannot pass through libuv's frames. From then on nothing was
  /// delivered; after this, it is again.
  [[nodiscard]] std::exception_ptr take_exception() noexcept {
    return std::exchange(exception_, nullptr);
  }

  [[nodiscard]] uv_loop_t& loop() const noexcept { return loop_; }

 private:
  struct Node;

  static void on_poll(uv_poll_t* handle, int status, int events);
  [[nodiscard]] std::error_code add_node(int fd) noexcept;
  [[nodiscard]] std::error_code start(int fd, Ready interest) noexcept;
  /// Whether libuv will not abort on it: an error for what is closed or cannot be polled.
  [[nodiscard]] std::error_code check(int fd) noexcept;
  void note_started(int fd) noexcept;
  static void close(Node& node) noexcept;
  void stopped_by_error(const uv_poll_t& handle) noexcept;
  void deliver(Token token, Ready ready) noexcept;

  uv_loop_t& loop_;
  Sink* sink_ = nullptr;
  std::uint64_t delivered_ = 0;
  std::exception_ptr exception_;
  // By descriptor. The interest stands apart, where it costs a byte and not a word.
  std::vector<Node*> nodes_;
  std::vector<Ready> interests_;
  std::vector<int> stopped_;
  std::vector<int> started_;  // since the last wait
};

}  // namespace rondo::backends
