// SPDX-License-Identifier: MIT
// rondo: what an await throws when its connection has ended.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include <rondo/export.h>
#include <rondo/stream.h>

namespace rondo {

/// The connection has ended, and not by a clean end of its input: it was reset, a deadline passed,
/// too much output was queued, it was aborted. If it leaves the coroutine that serves the
/// connection, that is no error.
class RONDO_EXPORT Disconnected : public std::system_error {
 public:
  /// Its what() is `operation`, and the message of `close`. The code is that of `close`.
  Disconnected(const Stream& stream, const Close& close, const std::string& operation);
  Disconnected(const Disconnected&) = default;
  Disconnected& operator=(const Disconnected&) = default;
  ~Disconnected() override;

  /// `read: Connection reset by peer`: what was awaited, and why the connection has ended.
  [[nodiscard]] const char* what() const noexcept override;
  /// Why the stream has ended.
  [[nodiscard]] CloseReason reason() const noexcept { return reason_; }
  /// Whether it was this one that has ended.
  [[nodiscard]] bool is_of(const Stream& stream) const noexcept { return stream_ == &stream; }

 private:
  const Stream* stream_;
  CloseReason reason_;
  std::string reason_of_layer_;  // such as TLS, which is the whole of what(); or empty
};

/// The input has ended within what was to be read. reason() is `eof` if it has ended cleanly.
class RONDO_EXPORT IncompleteRead : public Disconnected {
 public:
  /// As Disconnected, with a copy of what had arrived.
  IncompleteRead(const Stream& stream, const Close& close, const std::string& operation,
                 std::string_view part);
  IncompleteRead(const IncompleteRead&) = default;
  IncompleteRead& operator=(const IncompleteRead&) = default;
  ~IncompleteRead() override;

  /// What had arrived.
  [[nodiscard]] const std::string& part() const noexcept { return part_; }

 private:
  std::string part_;
};

}  // namespace rondo
