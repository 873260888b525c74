// SPDX-License-Identifier: MIT
// rondo: what Connection::try_read() and try_send() return. connection.h includes it.
#pragma once

#include <cstddef>
#include <utility>

#include <rondo/disconnected.h>
#include <rondo/export.h>
#include <rondo/lent_bytes.h>

namespace rondo {

class Connection;

/// The input, or nothing at its end. Then it tells whether the connection was lost: whether read()
/// would have thrown. It costs no more than LentBytes.
///
///     while (const auto data = co_await client.try_read()) client.write(data);
class [[nodiscard]] ReadResult : public LentBytes {
 public:
  /// Nothing, at the end of the input.
  ReadResult() noexcept = default;
  /// `bytes` are not empty.
  explicit ReadResult(LentBytes bytes) noexcept : LentBytes(bytes) {}
  /// Nothing, because that connection was lost.
  explicit ReadResult(const Connection& lost) noexcept : LentBytes(&lost) {}

  /// Whether it is empty because the connection was lost, and not by a clean end.
  [[nodiscard]] bool is_lost() const noexcept { return empty() && in_place_of_data() != nullptr; }
  /// What read() would have thrown, if the connection was lost. It is made here, so the connection
  /// must still exist.
  [[nodiscard]] RONDO_EXPORT Disconnected error() const;
  /// Throws error().
  [[noreturn, gnu::cold]] RONDO_EXPORT void throw_error() const;
};

/// Whether data was taken to be sent. If it was not, send() would have thrown.
class [[nodiscard]] SendResult {
 public:
  /// It was taken.
  SendResult() noexcept = default;
  /// It was refused.
  explicit SendResult(const Connection& refused) noexcept : refused_(&refused) {}

  /// Whether it was taken.
  explicit operator bool() const noexcept { return refused_ == nullptr; }
  /// What send() would have thrown, if it was refused. It is made here, so the connection must
  /// still exist.
  [[nodiscard]] RONDO_EXPORT Disconnected error() const;

 private:
  const Connection* refused_ = nullptr;
};

template <>
inline constexpr bool detail::is_lent<ReadResult> = true;

}  // namespace rondo
