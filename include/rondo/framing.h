// rondo: frames out of a byte stream: ended by a delimiter, preceded by their length, or of one
// size. Fed in chunks of any size, and asked for the next frame.
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

/// The answer of a framer. `data` lives until the framer's next call, and as long as its chunk.
struct Frame {
  ReadStatus state = ReadStatus::more;
  Bytes data{};  ///< without delimiter or prefix
  /// `too_long`, `incomplete`: the size of what `data` is the beginning of: of the frame, of what
  /// is left of it after `too_long`, or of its length prefix. 0: not known.
  std::uint64_t expected = 0;

  /// Whether it is a frame, or the last piece of one.
  explicit operator bool() const noexcept { return state == ReadStatus::ready; }
  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
};

/// What all framers share. A frame that lies within one chunk is not copied.
class RONDO_EXPORT Framer {
 public:
  static constexpr std::size_t limit_default = std::size_t{64} << 10U;

  /// Lends a chunk. It lives until next() has said `more`, or until keep(). Nothing is bounded by
  /// this call: who feeds and does not take sees it in buffered().
  void feed(Bytes chunk);
  /// Copies what was fed and not taken, so that the chunk may go.
  void keep() { input_.keep(); }
  /// The input has ended. No more is fed; next() says what was left: `incomplete`, then `end`.
  void finish() noexcept { ended_ = true; }
  /// After `too_long`: drops the rest of that frame, now and as it comes.
  void skip() noexcept { skipping_ = is_long_; }
  /// Bytes fed and not taken.
  [[nodiscard]] std::size_t buffered() const noexcept { return input_.size(); }

 protected:
  Framer() = default;
  /// The first `size` bytes, taken.
  Bytes take(std::size_t size);
  /// What to say when nothing whole is here; `data` has the rest, if the input has ended.
  Frame nothing(std::uint64_t expected);

  // NOLINTBEGIN(readability-identifier-naming): members of the framers below
  detail::InputBuffer input_;
  bool ended_ = false;
  bool is_long_ = false;   // inside a frame above the limit
  bool skipping_ = false;  // and the rest of it is not wanted
  // NOLINTEND(readability-identifier-naming)
};

/// Frames that end with `delimiter`, any bytes but none. What is left at the end is `incomplete`,
/// as of asyncio's readuntil.
class RONDO_EXPORT DelimiterFramer : public Framer {
 public:
  /// `limit`: bytes of a frame without its delimiter, at least 1; one of `limit` bytes is whole.
  explicit DelimiterFramer(std::string delimiter, std::size_t limit = limit_default);

  /// `too_long`: the first `limit` bytes of a longer frame; pieces follow, the last with `ready`,
  /// or skip(). `expected` is not known.
  [[nodiscard]] Frame next();

 private:
  void drop_long(bool found);

  detail::Delimiter delimiter_;
  std::size_t limit_;
  std::size_t scanned_ = 0;  // so many bytes hold no delimiter but, at their end,
  std::size_t matched_ = 0;  // so many bytes of one
};

/// A length before each frame, which does not count itself.
struct LengthFormat {
  std::uint8_t size = 4;  ///< bytes: 1 to 8
  std::endian order = std::endian::big;
};

/// Frames behind a length prefix. Memory follows what has arrived, not what was announced.
class RONDO_EXPORT LengthFramer : public Framer {
 public:
  /// `limit`: bytes of a frame without its prefix, at least 1; one of `limit` bytes is whole.
  explicit LengthFramer(LengthFormat format = {}, std::size_t limit = limit_default);

  /// `too_long`: a frame of `expected` bytes was announced; said at once, before any of them is
  /// there. Pieces of what is here follow, the last with `ready`, or skip().
  [[nodiscard]] Frame next();

 private:
  [[nodiscard]] Frame next_piece();
  [[nodiscard]] bool skipped() noexcept;

  std::uint64_t left_ = 0;  // of the frame, when its prefix was taken
  std::size_t limit_;
  LengthFormat format_;
  bool in_frame_ = false;
};

/// Frames of `size` bytes each, at least 1.
class RONDO_EXPORT FixedFramer : public Framer {
 public:
  explicit FixedFramer(std::size_t size);

  [[nodiscard]] Frame next();

 private:
  std::size_t size_;
};

/// The bytes that announce a frame.
class LengthPrefix {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): stream.write(*make_length_prefix(size))
  operator Bytes() const noexcept { return Bytes{bytes_}.first(size_); }

 private:
  friend RONDO_EXPORT Result<LengthPrefix> make_length_prefix(std::uint64_t length,
                                                              LengthFormat format) noexcept;

  std::array<std::byte, 8> bytes_{};
  std::size_t size_ = 0;
};

/// Error: value_too_large for a length that the format cannot hold.
[[nodiscard]] RONDO_EXPORT Result<LengthPrefix> make_length_prefix(
    std::uint64_t length, LengthFormat format = {}) noexcept;

/// Appends prefix and data. Errors, with `out` unchanged: value_too_large for data that the format
/// or a string cannot hold.
[[nodiscard]] RONDO_EXPORT std::error_code append_frame(std::string& out, Bytes data,
                                                        LengthFormat format = {});

}  // namespace rondo
