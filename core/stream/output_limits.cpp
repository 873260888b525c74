// The limits of what is queued.
//
// Of one stream: above the high-water mark a writer should stop; beyond the hard limit the stream
// ends. Of all streams of a server: above its budget those end that have queued the most, until no
// more than three quarters of it are queued. Streams that have queued little are spared, so that
// one client that does not read costs others nothing, and so that the sum is bounded by the
// budget or by `connections * spared`, whichever is more.
//
// Before a stream is ended, all that it has queued is offered to the system once more: a peer that
// reads is not to be harmed because much was written in one turn.
#include <algorithm>

#include "stream_impl.h"

namespace rondo::detail {
namespace {

constexpr std::size_t descriptors_spared = 1;

std::size_t descriptors_high(const StreamOptions& limits) noexcept {
  return limits.write_descriptors_max / 4;
}

std::size_t descriptors_low(const StreamOptions& limits) noexcept {
  return limits.write_descriptors_max / 16;
}

}  // namespace

// --- one stream ---------------------------------------------------------------------------------

OutputSize StreamImpl::queued() const noexcept {
  if (extra_ == nullptr) return {};
  const OutputQueue& output = extra_->output;
  return {output.memory(), output.descriptors_waiting() + output.files_waiting()};
}

StreamImpl::Limit StreamImpl::exceeded_limit() const noexcept {
  const OutputSize size = queued();
  if (size.bytes > options().write_buffer_max) return Limit::buffer;
  if (size.descriptors > options().write_descriptors_max) return Limit::descriptors;
  return Limit::none;
}

bool StreamImpl::is_above_high_water() const noexcept {
  const OutputSize size = queued();
  const StreamOptions& limits = options();
  return size.bytes > limits.write_high_water || size.descriptors > descriptors_high(limits);
}

bool StreamImpl::is_above_low_water() const noexcept {
  const OutputSize size = queued();
  const StreamOptions& limits = options();
  const std::size_t low = limits.write_low_water.value_or(limits.write_high_water / 4);
  return size.bytes > std::min(low, limits.write_high_water) ||
         size.descriptors > descriptors_low(limits);
}

/// Something was queued. False: the output is over.
bool StreamImpl::keeps_limits() noexcept {
  if (exceeded_limit() != Limit::none) {
    offer_all();
    if (!state_.output_is_open()) return false;
    if (const Limit limit = exceeded_limit(); limit != Limit::none) {
      end(CloseReason::overflow, 0, limit);
      return false;
    }
  }
  count_output();
  if (!group_->is_over_budget()) return true;
  const OutputSize size = queued();
  const bool is_spared =
      size.bytes <= group_->options.write_high_water && size.descriptors <= descriptors_spared;
  if (!is_spared) context().keep_budget(*group_);
  return state_.output_is_open();
}

/// Transmits from the queue what the system takes, without regard to what it took before.
void StreamImpl::offer_all() noexcept {
  if (state_.connecting() || state_.is_over()) return;
  state_.clear(StreamState::blocked);
  do {
    drain();
  } while (may_transmit() && exceeded_limit() != Limit::none && extra_->source == nullptr);
  context().run_at_end_of_turn(*this);  // it may be below the low-water mark now
}

/// Keeps the sum of the group, after a change of the queue.
void StreamImpl::count_output() noexcept {
  if (extra_ == nullptr || group_->owner == nullptr) return;
  const OutputSize size = queued();
  group_->queued.bytes += size.bytes - extra_->counted.bytes;
  group_->queued.descriptors += size.descriptors - extra_->counted.descriptors;
  extra_->counted = size;
}

// --- all streams of a server --------------------------------------------------------------------

/// Those that an end moves within the heap may be left out.
template <typename Visit>
void StreamContext::visit(const StreamGroup& group, Visit visitor) noexcept {
  for (std::size_t left = deadlines_.size(); left > 0;
       left = std::min(left - 1, deadlines_.size())) {
    StreamImpl& stream = *deadlines_[left - 1].item;
    if (stream.group_ == &group) visitor(stream);
  }
}

void StreamContext::keep_budget(StreamGroup& group) noexcept {
  visit(group, [](StreamImpl& stream) {
    if (stream.may_transmit()) stream.drain();
  });
  end_largest(group, &OutputSize::bytes, group.options.write_high_water,
              StreamState::Limit::server_buffers);
  end_largest(group, &OutputSize::descriptors, descriptors_spared,
              StreamState::Limit::server_descriptors);
}

/// Each pass ends those that have more than half of what the first has, so there are few passes.
void StreamContext::end_largest(StreamGroup& group, std::size_t OutputSize::* size,
                                std::size_t spared, StreamState::Limit limit) noexcept {
  const std::size_t max = group.queued_max.*size;
  while (group.queued.*size > max) {
    std::size_t largest = 0;
    visit(group, [&](const StreamImpl& one) { largest = std::max(largest, one.queued().*size); });
    if (largest <= spared) return;
    const std::size_t bound = std::max(largest / 2, spared);
    visit(group, [&](StreamImpl& one) {
      if (one.queued().*size <= bound || group.queued.*size <= max - max / 4) return;
      one.offer_all();
      if (one.queued().*size > bound) one.end(CloseReason::overflow, 0, limit);
    });
  }
}

}  // namespace rondo::detail
