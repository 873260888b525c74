// SPDX-License-Identifier: MIT
// A counted reference to an object of the simulated kernel, which descriptors, connections and
// messages in flight share on one thread.
#pragma once

#include <cstdint>
#include <utility>

namespace rondo::sim {

class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 protected:
  virtual ~Counted() = default;

 private:
  template <typename T>
  friend class Ref;
  /// Drops one reference; the last one destroys the object. Out of line, so that code that only
  /// passes references does not include the destructor.
  void close_detached() noexcept;

  std::uint32_t references_ = 0;
};

template <typename T>
class Ref {
 public:
  Ref() noexcept = default;
  explicit Ref(T* object) noexcept : object_(object) {
    if (object_ != nullptr) ++counted()->references_;
  }
  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <typename Derived>
  Ref(const Ref<Derived>& other) noexcept : Ref(other.get()) {}  // NOLINT: as pointers convert
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) counted()->close_detached();
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  [[nodiscard]] Counted* counted() const noexcept { return object_; }
  T* object_ = nullptr;
};

}  // namespace rondo::sim
