// A counted reference, for the objects of the simulated kernel: what descriptors, connections and
// messages under way share, on one thread.
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
  /// One reference less; the last one takes the object with it. Out of line: it is what ends an
  /// object, and who only passes references on need not look into it.
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
