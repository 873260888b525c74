// What the datagram sockets of a reactor share: they receive and send one after the other, so one
// set of buffers serves them all. A borrower gives back; whoever comes meanwhile, where a callback
// runs the host of a hosted reactor, or where output has to wait, gets another.
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

#include "datagram_output.h"
#include "loop/per_reactor.h"

namespace rondo::detail {

/// Room for one batch of datagrams of up to `size_max` bytes. Pages that nothing was received into
/// are never touched.
class DatagramInput {
 public:
  static constexpr std::size_t batch_max = 32;

  explicit DatagramInput(std::size_t size_max)
      : size_max_(size_max),
        bytes_(std::make_unique_for_overwrite<std::byte[]>(batch_max * (size_max + gap))) {
    datagrams.reserve(batch_max);
  }

  [[nodiscard]] std::size_t size_max() const noexcept { return size_max_; }

  /// For receive(): `count` messages, with room for `size` bytes each.
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
  // So that the beginnings of 64 KiB buffers do not all want the same lines of a cache.
  static constexpr std::size_t gap = 193;

  std::size_t size_max_;
  std::unique_ptr<std::byte[]> bytes_;
  std::array<Message, batch_max> messages_;
  std::array<MutableBytes, batch_max> parts_;
  std::array<Endpoint, batch_max> addresses_;
  std::array<MessageInfo, batch_max> infos_;
};

class DatagramBuffers final : public PerReactor {
 public:
  static constexpr Room room = Room::datagram;

  std::unique_ptr<DatagramInput> borrow_input(std::size_t size_max) {
    if (input_ && input_->size_max() >= size_max) return std::move(input_);
    return std::make_unique<DatagramInput>(size_max);
  }
  void give_back(std::unique_ptr<DatagramInput> input) noexcept {
    if (!input_ || input_->size_max() < input->size_max()) input_ = std::move(input);
  }

  std::unique_ptr<DatagramOutput> borrow_output() {
    if (output_) return std::move(output_);
    return std::make_unique<DatagramOutput>();
  }
  /// What has grown beyond the usual is not kept.
  void give_back(std::unique_ptr<DatagramOutput> output) noexcept {
    if (output->capacity() <= capacity_kept_max) output_ = std::move(output);
  }

 private:
  static constexpr std::size_t capacity_kept_max = std::size_t{2} << 20;

  std::unique_ptr<DatagramInput> input_;
  std::unique_ptr<DatagramOutput> output_;
};

}  // namespace rondo::detail
