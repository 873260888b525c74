// SPDX-License-Identifier: MIT
// What the datagram sockets of one reactor share. They receive and send one after the other, so one
// batch and one queue serve all of them. A borrower gives its buffer back when it is done. While
// the buffer is borrowed, because a callback runs the host's loop or because output has to wait,
// the next borrower gets a new one.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/endpoint.h>
#include <rondo/net.h>

#include "datagram_queue.h"
#include "loop/per_reactor.h"

namespace rondo::detail {

/// Memory for one batch of datagrams of up to `size_max` bytes each. The system provides only the
/// pages into which something is received.
class DatagramBatch {
 public:
  static constexpr std::size_t messages_max = 32;

  explicit DatagramBatch(std::size_t size_max)
      : size_max_(size_max),
        bytes_(std::make_unique_for_overwrite<std::byte[]>(messages_max * (size_max + gap))) {
    datagrams.reserve(messages_max);
  }

  [[nodiscard]] std::size_t size_max() const noexcept { return size_max_; }

  /// For Net::receive(): `count` messages with room for `size` bytes each.
  std::span<Message> messages(std::size_t count, std::size_t size) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      parts_[i] = {bytes_.get() + i * (size_max_ + gap), size};
      messages_[i] = {.address = &addresses_[i], .parts = {&parts_[i], 1}, .info = &infos_[i]};
    }
    return std::span{messages_}.first(count);
  }
  [[nodiscard]] Bytes bytes(std::size_t message) const noexcept {
    return parts_[message].first(messages_[message].size);
  }

  std::vector<Datagram> datagrams;

 private:
  // Without it all 64 KiB buffers would begin in the same lines of the cache.
  static constexpr std::size_t gap = 193;

  std::size_t size_max_;
  std::unique_ptr<std::byte[]> bytes_;
  std::array<Message, messages_max> messages_;
  std::array<MutableBytes, messages_max> parts_;
  std::array<Endpoint, messages_max> addresses_;
  std::array<MessageInfo, messages_max> infos_;
};

class DatagramBuffers final : public PerReactor {
 public:
  static constexpr Room room = Room::datagram;

  /// A batch until the end of a scope.
  class BorrowedBatch {
   public:
    BorrowedBatch(DatagramBuffers& owner, std::unique_ptr<DatagramBatch> batch) noexcept
        : owner_(owner), batch_(std::move(batch)) {}
    BorrowedBatch(const BorrowedBatch&) = delete;
    BorrowedBatch& operator=(const BorrowedBatch&) = delete;
    ~BorrowedBatch() { owner_.give_back(std::move(batch_)); }
    DatagramBatch& operator*() const noexcept { return *batch_; }
    DatagramBatch* operator->() const noexcept { return batch_.get(); }

   private:
    DatagramBuffers& owner_;
    std::unique_ptr<DatagramBatch> batch_;
  };

  BorrowedBatch borrow_batch(std::size_t size_max) {
    const bool fits = batch_ && batch_->size_max() >= size_max;
    return {*this, fits ? std::move(batch_) : std::make_unique<DatagramBatch>(size_max)};
  }

  std::unique_ptr<DatagramQueue> borrow_queue() {
    return queue_ ? std::move(queue_) : std::make_unique<DatagramQueue>();
  }
  /// A queue that has grown beyond the usual size is not kept.
  void give_back(std::unique_ptr<DatagramQueue> queue) noexcept {
    if (queue->capacity() <= capacity_kept_max) queue_ = std::move(queue);
  }

 private:
  static constexpr std::size_t capacity_kept_max = std::size_t{2} << 20;

  void give_back(std::unique_ptr<DatagramBatch> batch) noexcept {
    if (!batch_ || batch_->size_max() < batch->size_max()) batch_ = std::move(batch);
  }

  std::unique_ptr<DatagramBatch> batch_;
  std::unique_ptr<DatagramQueue> queue_;
};

}  // namespace rondo::detail
