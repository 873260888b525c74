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
// holds.
#include <cstring>
#include <utility>

#include <rondo/assert.h>
#include <rondo/input_buffer.h>

namespace rondo::detail {

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

void InputBuffer::lend(std::string_view chunk) {
  keep();
  lent_ = chunk;
}

void InputBuffer::keep() {
  if (lent_.empty()) return;
  if (begin_ >= kept_.size() - begin_) {
    kept_.erase(0, begin_);
    begin_ = 0;
  }
  kept_.append(lent_);
  lent_ = {};
}

void InputBuffer::clear() noexcept {
  kept_.clear();
  begin_ = 0;
  lent_ = {};
}

std::string_view InputBuffer::front(std::size_t size) {
  RONDO_ASSERT(size <= this->size());
  const std::string_view first = kept();
  if (size <= first.size()) return first.substr(0, size);
  if (first.empty()) return lent_.substr(0, size);
  const std::size_t missing = size - first.size();
  kept_.append(lent_.substr(0, missing));
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

bool InputBuffer::find(const Delimiter& needle, std::size_t& at,
                       std::size_t& matched) const noexcept {
  const std::string_view first = kept();
  if (at < first.size() && needle.find(first, at, matched)) return true;
  std::size_t behind = at - first.size();
  const bool found = needle.find(lent_, behind, matched);
  at = first.size() + behind;
  return found;
}

}  // namespace rondo::detail
