// SPDX-License-Identifier: MIT
// InputBuffer: a queue of bytes that copies only what it must.
//
//   kept_   [ dropped | kept ... ]     begin_ is where the kept part begins
//   lent_                         [ lent ... ]
//
// A frame within one of the two parts is returned where it is. For a frame that lies across them,
// front() appends the missing bytes of the lent part to the kept part. So in a stream of small
// frames in large chunks one frame for each chunk is copied, and the memory in use is that of the
// largest such frame.
//
// The dropped bytes are removed from kept_ only when a chunk is kept, and only when they are half
// of kept_ or more. So each byte is moved a bounded number of times, however many frames kept_
// holds. kept_ grows by half, and not beyond the limit as long as that is enough: a buffer with a
// limit does not take twice as much memory.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <rondo/assert.h>
#include <rondo/input_buffer.h>

namespace rondo {
namespace {

constexpr std::size_t spare_max = 1024;  // memory that an idle buffer keeps

}  // namespace

namespace detail {

Delimiter::Delimiter(std::string bytes) : bytes_(std::move(bytes)) {
  RONDO_ASSERT(!bytes_.empty());
  if (bytes_.empty()) bytes_.push_back('\0');
  if (bytes_.size() == 1) return;
  shorter_.resize(bytes_.size());
  for (std::size_t i = 1, length = 0; i < bytes_.size(); ++i) {
    while (length > 0 && bytes_[i] != bytes_[length]) length = shorter_[length - 1];
    if (bytes_[i] == bytes_[length]) ++length;
    shorter_[i] = length;
  }
}

bool Delimiter::find(std::string_view text, std::size_t& at, std::size_t& matched) const noexcept {
  while (matched < bytes_.size()) {
    if (at >= text.size()) return false;
    if (matched == 0) {
      const void* const hit = std::memchr(text.data() + at, bytes_.front(), text.size() - at);
      if (hit == nullptr) {
        at = text.size();
        return false;
      }
      at = static_cast<std::size_t>(static_cast<const char*>(hit) - text.data()) + 1;
      matched = 1;
      continue;
    }
    if (text[at] == bytes_[matched]) {
      ++matched;
      ++at;
    } else {
      matched = shorter_[matched - 1];
    }
  }
  return true;
}

}  // namespace detail

void InputBuffer::lend(std::string_view chunk) {
  keep();
  lent_ = chunk;
}

void InputBuffer::keep() {
  if (lent_.empty()) return;
  if (begin_ >= kept_.size() - begin_) {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  append(lent_);
  lent_ = {};
}

void InputBuffer::append(std::string_view bytes) {
  const std::size_t needed = kept_.size() + bytes.size();
  const std::size_t capacity = kept_.capacity();
  if (needed > capacity) kept_.reserve(std::max(needed, std::min(capacity + capacity / 2, limit_)));
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
}

void InputBuffer::clear() noexcept {
  kept_.clear();
  begin_ = 0;
  lent_ = {};
}

void InputBuffer::release_memory() noexcept try {
  const std::string_view used = kept();
  if (kept_.capacity() <= std::max(spare_max, 4 * used.size())) return;
  std::vector<char> exact{used.begin(), used.end()};
  kept_.swap(exact);
  begin_ = 0;
} catch (const std::bad_alloc&) {
  return;  // it keeps what it has
}

std::string_view InputBuffer::front(std::size_t size) {
  RONDO_ASSERT(size <= this->size());
  const std::string_view first = kept();
  if (size <= first.size()) return first.substr(0, size);
  if (first.empty()) return lent_.substr(0, size);
  const std::size_t missing = size - first.size();
  append(lent_.substr(0, missing));
  lent_.remove_prefix(missing);
  return kept();
}

void InputBuffer::drop(std::size_t size) noexcept {
  RONDO_ASSERT(size <= this->size());
  const std::size_t have = kept_.size() - begin_;
  if (size < have) {
    begin_ += size;
    return;
  }
  begin_ = kept_.size();
  lent_.remove_prefix(size - have < lent_.size() ? size - have : lent_.size());
}

std::size_t InputBuffer::find(std::string_view text, std::size_t from) const noexcept {
  const std::string_view first = kept();
  if (const std::size_t found = first.find(text, from); found != std::string_view::npos)
    return found;
  const auto is_at = [&](std::size_t at) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if ((*this)[at + i] != text[i]) return false;
    return true;
  };
  const std::size_t before = text.empty() ? 0 : text.size() - 1;
  std::size_t at = std::max(from, first.size() - std::min(first.size(), before));
  for (; at < first.size() && at + text.size() <= size(); ++at)
    if (is_at(at)) return at;
  const std::size_t behind = lent_.find(text, at - std::min(at, first.size()));
  return behind == std::string_view::npos ? behind : first.size() + behind;
}

bool InputBuffer::find(const detail::Delimiter& needle, std::size_t& at,
                       std::size_t& matched) const noexcept {
  const std::string_view first = kept();
  if (at < first.size() && needle.find(first, at, matched)) return true;
  std::size_t behind = at - first.size();
  const bool found = needle.find(lent_, behind, matched);
  at = first.size() + behind;
  return found;
}

}  // namespace rondo
