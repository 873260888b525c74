// rondo: the buffer below the readers of lines and of frames: bytes are fed in chunks, and only
// what lies across chunks is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/export.h>

namespace rondo {

/// The result of reading the next line or frame.
enum class ReadStatus : std::uint8_t {
  ready,       ///< a line or frame, or its last piece after `too_long`
  more,        ///< no whole one has arrived: feed more
  too_long,    ///< a piece of one above the limit; read on for the next piece, or skip the rest
  incomplete,  ///< the input has ended within one; this is the part that has arrived
  end,         ///< the input has ended, and everything was read
};

namespace detail {

/// A byte string to be searched for in text that arrives in pieces, in linear time (Knuth, Morris
/// and Pratt). It is not empty; a release build searches for one NUL instead.
class RONDO_EXPORT Delimiter {
 public:
  explicit Delimiter(std::string bytes);

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  /// Searches on in `text` at `at`, where the first `matched` bytes of the delimiter stand directly
  /// before `at`. True: `at` is the end of a delimiter, and `matched` is size(). False: `at` is
  /// text.size().
  [[nodiscard]] bool find(std::string_view text, std::size_t& at,
                          std::size_t& matched) const noexcept;

 private:
  std::string bytes_;
  std::vector<std::size_t> shorter_;  // for each prefix: its longest suffix that is a prefix too
};

/// A queue of bytes in two parts: bytes that it owns, followed by a chunk that the caller has lent.
/// Bytes are copied only if they are still needed when their chunk ends. lend() and keep(), front()
/// and drop() are all that a parser of one's own needs.
class RONDO_EXPORT InputBuffer {
 public:
  /// Adds a chunk at the end, without a copy. It must live until all of it was dropped, or until
  /// keep(). Keeps what is left of the chunk before.
  void lend(std::string_view chunk);
  /// Copies what is left of the lent chunk. A byte is copied at most twice, whatever the chunks.
  void keep();
  /// Drops everything.
  void clear() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return kept().size() + lent_.size(); }
  [[nodiscard]] std::string_view kept() const noexcept {
    return std::string_view{kept_}.substr(begin_);
  }
  [[nodiscard]] std::string_view lent() const noexcept { return lent_; }
  [[nodiscard]] char operator[](std::size_t at) const noexcept {
    const std::string_view first = kept();
    return at < first.size() ? first[at] : lent_[at - first.size()];
  }

  /// The first `size` bytes, in one piece; `size` is at most size(). Valid until the next call of a
  /// function that is not const, except drop().
  [[nodiscard]] std::string_view front(std::size_t size);
  /// Removes the first `size` bytes. What front() returned stays valid.
  void drop(std::size_t size) noexcept;
  /// As Delimiter::find() over all bytes; `at` counts from the front.
  [[nodiscard]] bool find(const Delimiter& needle, std::size_t& at,
                          std::size_t& matched) const noexcept;

 private:
  std::string kept_;
  std::size_t begin_ = 0;  // bytes at the front of kept_ that were dropped
  std::string_view lent_;
};

}  // namespace detail
}  // namespace rondo
