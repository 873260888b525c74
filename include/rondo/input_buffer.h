// SPDX-License-Identifier: MIT
// rondo: the buffer below the readers of lines and of frames, and for protocols of your own: bytes
// are fed in chunks, and only what lies across chunks is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/export.h>
#include <rondo/net.h>
#include <rondo/options.h>

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

}  // namespace detail

/// Gathers input until a message is complete, for a protocol of your own: a queue of bytes in two
/// parts, bytes that it owns, followed by a chunk that the caller has lent. Bytes are copied only
/// if they are still needed when their chunk ends.
///
///     void on_data(rondo::Stream& client, rondo::Bytes data) override {
///       input.feed(data);
///       while (const std::size_t size = message_size(input)) {  // 0: not complete
///         answer(client, input.front(size));
///         input.drop(size);
///       }
///       input.keep();                                // `data` is gone after this call
///       if (input.is_over_limit()) client.abort();   // a message that never ends
///     }
class RONDO_EXPORT InputBuffer {
 public:
  /// `limit`: bytes of an incomplete message, for is_over_limit(). While no more are kept, memory
  /// does not grow beyond it.
  explicit InputBuffer(std::size_t limit = unlimited) noexcept : limit_(limit) {}

  /// Adds a chunk at the end, without a copy. It must live until all of it was dropped, or until
  /// keep(). Keeps what is left of the chunk before. Throws std::bad_alloc.
  void feed(Bytes chunk) { lend(as_text(chunk)); }
  /// The same for bytes that are at hand as a string.
  void lend(std::string_view chunk);
  /// Copies what is left of the lent chunk. A byte is copied a bounded number of times, whatever
  /// the chunks. Throws std::bad_alloc; nothing has changed then.
  void keep();
  /// Drops everything.
  void clear() noexcept;
  /// Gives memory back that is not needed now. Call it when a connection becomes idle.
  void release_memory() noexcept;

  /// Bytes that were fed and not dropped, owned and lent.
  [[nodiscard]] std::size_t size() const noexcept { return kept().size() + lent_.size(); }
  /// Whether it holds more than the limit: then end the connection, or drop something.
  [[nodiscard]] bool is_over_limit() const noexcept { return size() > limit_; }
  /// The part that it owns, which comes first.
  [[nodiscard]] std::string_view kept() const noexcept {
    return std::string_view{kept_.data(), kept_.size()}.substr(begin_);
  }
  /// The part that is still the caller's, which comes last.
  [[nodiscard]] std::string_view lent() const noexcept { return lent_; }
  /// `at` is less than size().
  [[nodiscard]] char operator[](std::size_t at) const noexcept {
    const std::string_view first = kept();
    return at < first.size() ? first[at] : lent_[at - first.size()];
  }

  /// The first `size` bytes, in one piece; `size` is at most size(). Valid until the next call of a
  /// function that is not const, except drop(). Throws std::bad_alloc; nothing has changed then.
  [[nodiscard]] std::string_view front(std::size_t size);
  /// Removes the first `size` bytes. What front() returned stays valid.
  void drop(std::size_t size) noexcept;
  /// Where `text` begins, at `from` or later, or std::string_view::npos.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from = 0) const noexcept;
  /// As Delimiter::find() over all bytes; `at` counts from the front.
  [[nodiscard]] bool find(const detail::Delimiter& needle, std::size_t& at,
                          std::size_t& matched) const noexcept;

 private:
  void append(std::string_view bytes);

  std::vector<char> kept_;
  std::size_t begin_ = 0;  // bytes at the front of kept_ that were dropped
  std::string_view lent_;
  std::size_t limit_;
};

}  // namespace rondo
