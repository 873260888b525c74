// rondo: what the readers of lines and of frames stand on: bytes that were fed in chunks, of which
// only what lies across chunks is copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/export.h>

namespace rondo {

/// What a reader of lines or frames has to say when it is asked for the next one.
enum class ReadStatus : std::uint8_t {
  ready,       ///< here it is, or its last piece after `too_long`
  more,        ///< nothing whole is here: feed
  too_long,    ///< a piece of one above the limit; the next call goes on with it, or skip the rest
  incomplete,  ///< the input has ended in the middle; this is what there was of it
  end,         ///< the input has ended, and everything was taken
};

namespace detail {

/// A needle that is looked for in a haystack that comes in pieces, in linear time (Knuth, Morris
/// and Pratt). Not empty: a release build looks for one NUL instead.
class RONDO_EXPORT Delimiter {
 public:
  explicit Delimiter(std::string bytes);

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  /// Goes on in `text` at `at`, with the first `matched` bytes of the needle seen right before.
  /// True: `at` is right behind a needle, and `matched` is size(). False: `at` is text.size().
  [[nodiscard]] bool find(std::string_view text, std::size_t& at,
                          std::size_t& matched) const noexcept;

 private:
  std::string bytes_;
  std::vector<std::size_t> shorter_;  // of a prefix: its longest end that is a prefix as well
};

/// A queue of bytes in two parts: what it keeps, and behind it what its user has lent.
class RONDO_EXPORT InputBuffer {
 public:
  /// `chunk` lives until everything of it was dropped or keep() was called. Keeps what was lent
  /// before.
  void lend(std::string_view chunk);
  /// Copies what is lent still. Bytes are copied at most twice, whatever the chunks.
  void keep();
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

  /// The first `size` bytes, which are here, in one piece: until the next call that is not drop.
  [[nodiscard]] std::string_view gather(std::size_t size);
  /// Leaves what gather() returned where it is.
  void drop(std::size_t size) noexcept;
  /// Delimiter::find over both parts; `at` counts from the front.
  [[nodiscard]] bool find(const Delimiter& needle, std::size_t& at,
                          std::size_t& matched) const noexcept;

 private:
  std::string kept_;
  std::size_t begin_ = 0;  // what stands before it in kept_ was dropped
  std::string_view lent_;
};

}  // namespace detail
}  // namespace rondo
