// SPDX-License-Identifier: MIT
// rondo: a callable that can be moved but not copied. Small callables are stored without
// allocation.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <rondo/assert.h>

namespace rondo {

template <typename Signature>
/// Only Function<R(Args...)> is defined.
class Function;

/// Holds any callable, also one that cannot be copied. A callable of up to `inline_size` bytes
/// whose move cannot throw is stored inside; another one is allocated once, when the Function is
/// made.
///
///     rondo::Function<void()> work = [socket = std::move(socket)]() mutable { socket.close(); };
template <typename R, typename... Args>
class Function<R(Args...)> {
 public:
  /// A callable of so many bytes needs no allocation.
  static constexpr std::size_t inline_size = 48;

  Function() noexcept = default;
  /// An empty one.
  Function(std::nullptr_t) noexcept {}  // NOLINT: the empty function

  /// Moves or copies `callable` to itself. Throws std::bad_alloc if it must be allocated, and what
  /// its constructor throws.
  template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  Function(F&& callable) {  // NOLINT: a lambda is converted wherever a Function is expected
    using Callable = std::decay_t<F>;
    if constexpr (fits<Callable>) {
      std::construct_at(reinterpret_cast<Callable*>(storage_), std::forward<F>(callable));
      operations_ = &inline_operations<Callable>;
    } else {
      std::construct_at(reinterpret_cast<Callable**>(storage_),
                        new Callable(std::forward<F>(callable)));
      operations_ = &heap_operations<Callable>;
    }
  }

  Function(Function&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_ != nullptr) operations_->move(storage_, other.storage_);
  }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      reset();
      operations_ = std::exchange(other.operations_, nullptr);
      if (operations_ != nullptr) operations_->move(storage_, other.storage_);
    }
    return *this;
  }
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  ~Function() { reset(); }

  /// Whether it can be called.
  explicit operator bool() const noexcept { return operations_ != nullptr; }

  /// Calling an empty Function is a programmer error.
  R operator()(Args... args) {
    RONDO_REQUIRE(operations_ != nullptr,
                  "an empty Function was called. Give it a function first.");
    return operations_->call(storage_, std::forward<Args>(args)...);
  }

 private:
  struct Operations {
    R (*call)(void* storage, Args&&... args);
    void (*move)(void* to, void* from) noexcept;  // leaves `from` without an object
    void (*destroy)(void* storage) noexcept;
  };

  template <typename F>
  static constexpr bool fits =
      sizeof(F) <= inline_size && alignof(F) <= alignof(std::max_align_t) &&
      std::is_nothrow_move_constructible_v<F>;

  template <typename F>
  static constexpr Operations inline_operations{
      [](void* storage, Args&&... args) -> R {
        return static_cast<R>((*static_cast<F*>(storage))(std::forward<Args>(args)...));
      },
      [](void* to, void* from) noexcept {
        std::construct_at(static_cast<F*>(to), std::move(*static_cast<F*>(from)));
        std::destroy_at(static_cast<F*>(from));
      },
      [](void* storage) noexcept { std::destroy_at(static_cast<F*>(storage)); }};

  template <typename F>
  static constexpr Operations heap_operations{
      [](void* storage, Args&&... args) -> R {
        return static_cast<R>((**static_cast<F**>(storage))(std::forward<Args>(args)...));
      },
      [](void* to, void* from) noexcept { *static_cast<F**>(to) = *static_cast<F**>(from); },
      [](void* storage) noexcept { delete *static_cast<F**>(storage); }};

  void reset() noexcept {
    if (operations_ != nullptr) std::exchange(operations_, nullptr)->destroy(storage_);
  }

  const Operations* operations_ = nullptr;
  alignas(std::max_align_t) std::byte storage_[inline_size];
};

}  // namespace rondo
