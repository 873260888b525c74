// SPDX-License-Identifier: MIT
// rondo: input that a task may use until it is suspended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <rondo/assert.h>
#include <rondo/export.h>
#include <rondo/net.h>

namespace rondo {
namespace detail {
/// A number that changes when a task is suspended, which ends what was lent. It is checked in code
/// that is compiled with assertions.
[[nodiscard]] RONDO_EXPORT std::uint32_t lending() noexcept;
RONDO_EXPORT void end_lending_now() noexcept;
/// A task is suspended: what was lent is not valid any more.
inline void end_lending() noexcept {
#ifndef NDEBUG
  end_lending_now();
#endif
}
}  // namespace detail

/// Bytes in the reactor's buffer, or in a connection's: valid until the task that has read them is
/// suspended, which any co_await may do. Builds with assertions check it. Copy what is needed
/// longer, for example `std::string{data.text()}`.
///
///     while (const auto data = co_await client.read()) client.write(data);
class LentBytes {
 public:
  LentBytes() noexcept = default;
  /// Fewer than 4 GiB.
  explicit LentBytes(Bytes bytes) noexcept : data_(bytes.data()), size_(bytes.size()) {
#ifndef NDEBUG
    size_ |= std::uint64_t{detail::lending()} << 32U;
#endif
  }

  /// Whether there are any; a read returns none at the end of the input.
  [[nodiscard]] explicit operator bool() const noexcept {
    if (size() != 0) [[likely]]
      return true;
    return false;
  }
  /// Whether there are none. It may also be asked when they are not valid any more.
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  /// The number of bytes.
  [[nodiscard]] std::size_t size() const noexcept {
#ifndef NDEBUG
    return static_cast<std::uint32_t>(size_);
#else
    return size_;
#endif
  }
  /// The first of them, valid until the task is suspended.
  [[nodiscard]] const std::byte* data() const noexcept {
    RONDO_REQUIRE(size_ >> 32U == 0 || size_ >> 32U == detail::lending(), "LentBytes",
                  " were used after the task that read them was suspended. Copy what is needed "
                  "after a co_await.");
    return data_;
  }
  /// The bytes, valid until the task is suspended.
  // NOLINTNEXTLINE(google-explicit-constructor): they are bytes
  operator Bytes() const noexcept { return {data(), size()}; }
  /// The bytes as text, in whatever encoding they are.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data()), size()};
  }

 protected:
  /// Empty; `other` stands in the place of the bytes.
  explicit LentBytes(const void* other) noexcept : data_(static_cast<const std::byte*>(other)) {}
  /// What the constructor got instead of bytes.
  [[nodiscard]] const void* in_place_of_data() const noexcept { return data_; }

 private:
  const std::byte* data_ = nullptr;
  std::uint64_t size_ = 0;  // with assertions: above 32 bits lending(), or 0 if it is not checked
};

namespace detail {

/// Whether a result is lost when the task that reads is suspended.
template <typename T>
inline constexpr bool is_lent = false;
template <>
inline constexpr bool is_lent<LentBytes> = true;

}  // namespace detail
}  // namespace rondo
