// SPDX-License-Identifier: MIT
// Guards for callbacks. A callback may destroy the object that calls it, throw, or install another
// callback in its slot.
#pragma once

#include <cstddef>
#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {

/// The base of an object that retire() deletes, but not while it is held. So a callback of the
/// object may retire it: a Call on the stack holds the object until the callback has returned or
/// thrown. `Derived` has `void close() noexcept`, after which it calls nothing.
template <typename Derived>
class Retirable {
 public:
  Retirable(const Retirable&) = delete;  // NOLINT(bugprone-crtp-constructor-accessibility): deleted
  Retirable& operator=(const Retirable&) = delete;

  /// Closes the object. It is deleted now, or when the last hold of it ends.
  void retire() noexcept {
    const Call call{self()};
    retired_ = true;
    self().close();
  }

 protected:
  /// Holds the object. Calls nest, where a callback runs the host of a hosted reactor.
  class Call {
   public:
    explicit Call(Derived& object) noexcept : object_(&object) { object.hold(); }
    /// A Call that ends a hold() made before.
    static Call of_hold(Derived& object) noexcept {
      Call call{object};
      --object.holds_;
      return call;
    }
    Call(Call&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Call& operator=(Call&&) = delete;
    ~Call() {
      // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): an inner Call does not delete it
      if (object_ != nullptr) object_->release();
    }
    Derived& operator*() const noexcept { return *object_; }

   private:
    Derived* object_;
  };

  [[nodiscard]] bool is_retired() const noexcept { return retired_; }
  void hold() noexcept { ++holds_; }
  /// Ends a hold while a Call holds the object.
  void end_hold() noexcept {
    RONDO_ASSERT(holds_ > 1);
    --holds_;
  }
  /// May delete the object.
  void release() noexcept {
    if (--holds_ == 0 && retired_) delete &self();
  }

 private:
  friend Derived;
  Retirable() = default;
  ~Retirable() = default;

  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  std::size_t holds_ = 0;
  bool retired_ = false;
};

/// A callback that is moved out of its slot while it runs, because it may install another one
/// there. It is put back if it did not.
template <typename F>
class Lent {
 public:
  explicit Lent(F& slot) noexcept : slot_(slot), function_(std::move(slot)) {}
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  ~Lent() {
    if (!slot_) slot_ = std::move(function_);
  }

  template <typename... Arguments>
  decltype(auto) operator()(Arguments&&... arguments) {
    return function_(std::forward<Arguments>(arguments)...);
  }

 private:
  F& slot_;
  F function_;
};

/// Calls the callback of `entry` outside of it, because the callback may destroy its entry. That
/// sets `calling` to null; otherwise the callback is put back.
template <typename Entry>
void call_entry(Entry*& calling, Entry& entry) {
  struct Call {
    Entry*& calling;
    decltype(entry.callback) callback;
    ~Call() {
      if (calling != nullptr) calling->callback = std::move(callback);
      calling = nullptr;
    }
  } call{calling, std::move(entry.callback)};
  calling = &entry;
  call.callback();
}

}  // namespace rondo::detail
