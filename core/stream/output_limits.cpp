// SPDX-License-Identifier: MIT
// The limits of what is queued.
//
// Of one stream: above the high-water mark a writer should stop; beyond the hard limit the stream
// ends. Of all streams of a server: while the sum is above its budget, one stream after the other
// ends. The largest queue is not counted for the budget of bytes: it is within the limit of its own
// stream, so that one large answer does not need a large budget. Streams that have queued little
// are spared, so that one client that does not read costs others nothing.
//
// The stream that ends first is the one whose queue costs the most: its size times the time since
// the system took some of it. A client that reads makes the system take more every now and then;
// one that does not soon costs more than all that do.
//
// Before a stream is ended, all that it has queued is offered to the system once more: a peer that
// reads is not to be harmed because much was written in one turn.
//
// All of this looks at each stream. If none could be ended, since those that are left have queued
// little, it is not done again for each write.
#include <algorithm>
#include <chrono>

#include "stream_impl.h"

namespace rondo::detail {
namespace {

constexpr std::size_t descriptors_spared = 1;

double microseconds(Duration time) noexcept {
  return std::chrono::duration<double, std::micro>{time}.count();
}

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

/// The same as the server counts it: with what the queue needs to keep it.
OutputSize StreamImpl::counted() const noexcept {
  OutputSize size = queued();
  if (extra_ != nullptr) size.bytes = extra_->output.cost();
  return size;
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
  const OutputSize size = counted();
  group_->queued.bytes += size.bytes - extra_->counted.bytes;
  group_->queued.descriptors += size.descriptors - extra_->counted.descriptors;
  extra_->counted = size;
  const OutputSize*& large = group_->large;
  if (large == nullptr || size.bytes > large->bytes) large = &extra_->counted;
  if (large->bytes == 0) large = nullptr;
}

/// What the queue costs the group, for a comparison with others. What was queued in this turn costs
/// as much as its size.
double StreamImpl::cost(std::size_t OutputSize::* size) const noexcept {
  const TimePoint since = extra_->progress_at;
  const TimePoint now = context().now();
  const double waits = since < now ? microseconds(now - since) : 0;
  return static_cast<double>(counted().*size) * (1 + waits);
}

/// Ends it, unless the system takes some of what is queued. Whether it has ended.
bool StreamImpl::offer_or_end(Limit limit) noexcept {
  const OutputSize before = queued();
  offer_all();
  const OutputSize size = queued();
  if (size.bytes < before.bytes || size.descriptors < before.descriptors) return false;
  end(CloseReason::overflow, 0, limit);
  return true;
}

// --- all streams of a server --------------------------------------------------------------------

template <typename Visit>
void StreamContext::visit(const StreamGroup& group, Visit visitor) noexcept {
  for (std::size_t i = 0; i < deadlines_.size(); ++i) {
    StreamImpl& stream = *deadlines_[i].item;
    if (stream.group_ == &group) visitor(stream);
  }
}

/// Those that have queued more than `spared`.
StreamContext::Queues StreamContext::compare(const StreamGroup& group,
                                             std::size_t OutputSize::* size,
                                             std::size_t spared) noexcept {
  Queues found;
  std::size_t largest = 0;
  double highest = 0;
  visit(group, [&](StreamImpl& stream) {
    if (stream.queued().*size <= spared) return;
    const std::size_t here = stream.counted().*size;
    ++found.count;
    if (here > largest) {
      largest = here;
      found.largest = &stream;
    }
    if (const double cost = stream.cost(size); cost > highest) {
      highest = cost;
      found.costliest = &stream;
    }
  });
  return found;
}

void StreamContext::keep_budget(StreamGroup& group) noexcept {
  if (!group.may_look(turn_)) return;
  ++budget_looks_;
  std::size_t waiting = deadlines_.size();
  // An end moves others within the heap: those that this leaves out are offered below.
  for (; waiting > 0; waiting = std::min(waiting - 1, deadlines_.size())) {
    StreamImpl& stream = *deadlines_[waiting - 1].item;
    if (stream.group_ == &group && stream.may_transmit()) stream.drain();
  }
  if (end_costliest(group)) return;
  group.vain_turn = vain_turn_ = turn_;
  group.vain = group.queued;
  loop_.request_end_of_turn();
}

/// Until the budget is kept. Whether any has ended.
bool StreamContext::end_costliest(StreamGroup& group) noexcept {
  bool has_ended = false;
  while (group.has_too_many_bytes()) {
    const Queues found = compare(group, &OutputSize::bytes, group.options.write_high_water);
    if (found.largest != nullptr) group.large = &found.largest->extra_->counted;
    // If there is no other than the largest, its end would save nothing.
    if (!group.has_too_many_bytes() || found.costliest == nullptr || found.count == 1) break;
    if (found.costliest->offer_or_end(StreamState::Limit::server_buffers)) has_ended = true;
  }
  while (group.has_too_many_descriptors()) {
    const Queues found = compare(group, &OutputSize::descriptors, descriptors_spared);
    if (found.costliest == nullptr) break;
    if (found.costliest->offer_or_end(StreamState::Limit::server_descriptors)) has_ended = true;
  }
  return has_ended;
}

}  // namespace rondo::detail
