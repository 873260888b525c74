// SPDX-License-Identifier: MIT
// rondo: a queue between tasks of one reactor.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <type_traits>
#include <utility>

#include <rondo/assert.h>
#include <rondo/sync.h>
#include <rondo/task.h>

namespace rondo {

/// Values from tasks to tasks, in order, and no more than a number of them at a time.
///
///     co_await jobs.push(job);                        // waits for room
///     while (auto job = co_await jobs.pop()) ...      // until close(), and it is empty
template <typename T>
class Queue {
 public:
  class Pushing;
  class Push;
  class Pop;

  /// `capacity`: at least 1. Throws std::bad_alloc, if a std::deque takes memory while it is empty.
  explicit Queue(std::size_t capacity) : room_(capacity, "Queue::push"), items_(0, "Queue::pop") {
    RONDO_REQUIRE(capacity > 0, "Queue", " needs a capacity of at least 1.");
  }

  /// Waits for room, then appends `value`: true. False: the queue is closed, and `value` was
  /// dropped. A push that is cancelled has appended nothing.
  [[nodiscard]] Pushing push(T value) { return Pushing{*this, std::move(value)}; }
  /// Waits for a value. Null: the queue is closed, and all values were taken. A pop that is
  /// cancelled has taken nothing.
  detail::Awaitable<Pop, Queue*> pop() noexcept { return detail::Awaitable<Pop, Queue*>{this}; }
  /// The same without waiting. False: there is no room, or it is closed; `value` was not moved.
  [[nodiscard]] bool try_push(T&& value) {
    if (room_.is_closed() || !room_.try_take()) return false;
    append(std::move(value));
    return true;
  }
  /// Takes a value without waiting. Null: there is none.
  [[nodiscard]] std::optional<T> try_pop() {
    if (!items_.try_take()) return std::nullopt;
    return take();
  }
  /// No value is appended any more; those that are in it can be taken. Those that wait continue.
  void close() noexcept {
    room_.close();
    items_.close();
  }

  /// Values that were pushed and not taken.
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  /// Whether close() was called.
  [[nodiscard]] bool is_closed() const noexcept { return room_.is_closed(); }

 private:
  void append(T value) {
    try {
      values_.push_back(std::move(value));
    } catch (...) {
      room_.give();
      throw;
    }
    items_.give();
  }
  [[nodiscard]] std::optional<T> take() {
    std::optional<T> value{std::move(values_.front())};
    values_.pop_front();
    room_.give();
    return value;
  }

  std::deque<T> values_;
  detail::Permits room_;
  detail::Permits items_;
};

/// What push() returns: `co_await` it.
template <typename T>
class [[nodiscard("nothing happens until it is awaited")]] Queue<T>::Pushing {
 public:
  Pushing(Queue& queue, T value) : queue_(&queue), value_(std::move(value)) {}
  [[nodiscard]] Push operator co_await() && { return Push{*queue_, std::move(value_)}; }

 private:
  Queue* queue_;
  T value_;
};

template <typename T>
class Queue<T>::Push final : public detail::Permits::Waiter {
 public:
  Push(Queue& queue, T value)
      : detail::Permits::Waiter(queue.room_), queue_(queue), value_(std::move(value)) {}
  [[nodiscard]] bool await_ready() noexcept {
    return queue_.is_closed() || detail::Permits::Waiter::await_ready();
  }
  bool await_resume() {
    if (!take_permit()) return false;
    if (queue_.is_closed()) return false;
    queue_.append(std::move(value_));
    return true;
  }

 private:
  Queue& queue_;
  T value_;
};

template <typename T>
class Queue<T>::Pop final : public detail::Permits::Waiter {
 public:
  explicit Pop(Queue* queue) noexcept : detail::Permits::Waiter(queue->items_), queue_(*queue) {}
  [[nodiscard]] std::optional<T> await_resume() {
    if (!take_permit()) return std::nullopt;
    return queue_.take();
  }

 private:
  Queue& queue_;
};

}  // namespace rondo
