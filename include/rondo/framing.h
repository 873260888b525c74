// SPDX-License-Identifier: MIT
// rondo: splits a byte stream into frames: ended by a delimiter, preceded by their length, or of a
// fixed size. You feed chunks of any size, and read frames:
//
//     rondo::DelimiterFramer heads{"\r\n\r\n", 8192};  // or LengthFramer, or FixedFramer{512}
//     heads.feed(chunk);
//     while (const rondo::Frame head = heads.next()) handle(head.text());
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <rondo/export.h>
#include <rondo/input_buffer.h>
#include <rondo/net.h>
#include <rondo/result.h>

namespace rondo {

/// The result of a framer. `data` is valid until the framer's next call, and as long as its chunk.
struct Frame {
  ReadStatus status = ReadStatus::more;  ///< what `data` is
  Bytes data{};                          ///< without delimiter or prefix
  /// With `too_long` and `incomplete`, the size of what `data` is the beginning of: the frame, the
  /// rest of it after `too_long`, or its length prefix. 0: not known.
  std::uint64_t expected = 0;

  /// Whether it is a frame, or the last piece of one.
  explicit operator bool() const noexcept { return status == ReadStatus::ready; }
  /// `data` as text, in whatever encoding it is.
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
};

/// What all framers share. A frame within one chunk is not copied.
class RONDO_EXPORT Framer {
 public:
  /// The limit of a frame, if the caller gives none: 64 KiB.
  static constexpr std::size_t limit_default = std::size_t{64} << 10U;

  /// Lends a chunk, which must live until next() has returned `more`, or until keep(). This call
  /// has no limit: the caller feeds no more when buffered() is too large.
  void feed(Bytes chunk);
  /// Copies what was fed and not read, so that the chunk is not needed any more.
  void keep() { input_.keep(); }
  /// The input has ended. Do not feed any more; next() returns what is left: `incomplete`, then
  /// `end`.
  void finish() noexcept { ended_ = true; }
  /// After `too_long`: drops the rest of that frame, also the part that is fed later.
  void skip() noexcept { skipping_ = is_long_; }
  /// Bytes that were fed and not read.
  [[nodiscard]] std::size_t buffered() const noexcept { return input_.size(); }

 protected:
  Framer() = default;
  /// Removes the first `size` bytes and returns them.
  Bytes take(std::size_t size);
  /// The result if no whole frame has arrived; `data` is the rest if the input has ended.
  Frame nothing(std::uint64_t expected);

  // NOLINTBEGIN(readability-identifier-naming): members of the framers below
  InputBuffer input_;      ///< what was fed and not read
  bool ended_ = false;     ///< finish() was called
  bool is_long_ = false;   ///< inside a frame above the limit
  bool skipping_ = false;  ///< the rest of the frame is dropped
  // NOLINTEND(readability-identifier-naming)
};

/// Frames that end with `delimiter`, which is at least one byte. What is left at the end of the
/// input is `incomplete`, as with asyncio's readuntil.
class RONDO_EXPORT DelimiterFramer : public Framer {
 public:
  /// `limit`: bytes of a frame without its delimiter, at least 1. A frame of `limit` bytes is
  /// whole.
  explicit DelimiterFramer(std::string delimiter, std::size_t limit = limit_default);

  /// `too_long`: the first `limit` bytes of a longer frame. The next calls return the following
  /// pieces, and the last with `ready`, unless skip() is called. `expected` is not known.
  [[nodiscard]] Frame next();

 private:
  void drop_long(bool found);

  detail::Delimiter delimiter_;
  std::size_t limit_;
  std::size_t scanned_ = 0;  // bytes at the front that were searched for the delimiter
  std::size_t matched_ = 0;  // bytes of a delimiter at the end of these
};

/// The length before each frame. It does not include its own size. Two bytes, little-endian:
/// `{.size = 2, .order = std::endian::little}`.
struct LengthFormat {
  std::uint8_t size = 4;                 ///< bytes: 1 to 8
  std::endian order = std::endian::big;  ///< big: the network's order
};

/// Frames after a length prefix. Memory grows with what has arrived, not with what was announced.
class RONDO_EXPORT LengthFramer : public Framer {
 public:
  /// `limit`: bytes of a frame without its prefix, at least 1. A frame of `limit` bytes is whole.
  explicit LengthFramer(LengthFormat format = {}, std::size_t limit = limit_default);

  /// `too_long`: a frame of `expected` bytes was announced. This is reported at once, before any of
  /// them has arrived. The next calls return pieces as they arrive, and the last with `ready`,
  /// unless skip() is called.
  [[nodiscard]] Frame next();

 private:
  [[nodiscard]] Frame next_piece();
  [[nodiscard]] bool skipped() noexcept;

  std::uint64_t left_ = 0;  // bytes of the frame whose prefix was read
  std::size_t limit_;
  LengthFormat format_;
  bool in_frame_ = false;
};

/// Frames of `size` bytes each, at least 1.
class RONDO_EXPORT FixedFramer : public Framer {
 public:
  /// `size`: bytes of each frame.
  explicit FixedFramer(std::size_t size);

  /// The next frame; never `too_long`.
  [[nodiscard]] Frame next();

 private:
  std::size_t size_;
};

/// The length prefix of a frame, as bytes.
class LengthPrefix {
 public:
  /// The bytes to send before the frame. They live as long as this object.
  // NOLINTNEXTLINE(google-explicit-constructor): stream.write(*make_length_prefix(size))
  operator Bytes() const noexcept { return Bytes{bytes_}.first(size_); }

 private:
  friend RONDO_EXPORT Result<LengthPrefix, std::error_code> make_length_prefix(
      std::uint64_t length, LengthFormat format) noexcept;

  std::array<std::byte, 8> bytes_{};
  std::size_t size_ = 0;
};

/// Error: value_too_large for a length that the format cannot hold.
[[nodiscard]] RONDO_EXPORT Result<LengthPrefix, std::error_code> make_length_prefix(
    std::uint64_t length, LengthFormat format = {}) noexcept;

/// Appends prefix and data. Errors, with `out` unchanged: value_too_large for data that the format
/// or a string cannot hold.
[[nodiscard]] RONDO_EXPORT std::error_code append_frame(std::string& out, Bytes data,
                                                        LengthFormat format = {});

}  // namespace rondo
