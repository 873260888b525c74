// SPDX-License-Identifier: MIT
#include "stream_context.h"

#include <algorithm>
#include <utility>

#include <rondo/reactor.h>

#include "stream_impl.h"

namespace rondo::detail {

StreamContext& StreamContext::of(Reactor& reactor) {
  Loop& loop = *reactor.loop_;
  return loop.per_reactor<StreamContext>(reactor, loop);
}

StreamContext::StreamContext(Reactor& reactor, Loop& loop)
    : reactor_(reactor),
      loop_(loop),
      net_(loop.backend().net()),
      timer_(reactor, [this] { check_deadlines(); }) {
  timer_.unref();  // the watches of the streams keep the reactor running
}

StreamContext::~StreamContext() {
  retire_all(detached_);
  RONDO_REQUIRE(
      count_ == 0,
      "a Reactor was destroyed before a Stream of it, or a Server, TextStream or Reconnector "
      "with one. Destroy it first: declare it after the reactor.");
  RONDO_ASSERT(deadlines_.empty() && run_queue_.empty() && innermost_ == &corked_call_);
}

Resolver& StreamContext::resolver(Reactor& reactor) {
  if (resolver_ == nullptr) resolver_ = std::make_unique<Resolver>(reactor);
  return *resolver_;
}

// --- calls of handlers --------------------------------------------------------------------------

void StreamContext::withdraw_cork(StreamImpl& stream) noexcept {
  if (!cork_.is_held_by(stream)) return;
  corked_call_.stream = &stream;
  cork_.block();
}

bool StreamContext::end_corked_call() noexcept {
  cork_.release();
  const Record call = std::exchange(corked_call_, {});
  if (call.retired != nullptr) call.owner->destroy(*call.retired);
  return call.stream != nullptr;
}

bool StreamContext::is_in_call(const StreamImpl& stream) const noexcept {
  if (cork_.is_held_by(stream)) return true;
  for (const Record* record = innermost_; record != nullptr; record = record->outer)
    if (record->is_call && record->stream == &stream) return true;
  return false;
}

void StreamContext::forget(StreamImpl& stream) noexcept {
  withdraw_cork(stream);
  for (Record* record = innermost_; record != nullptr; record = record->outer)
    if (record->stream == &stream) record->stream = nullptr;
  if (!stream.state_.has(StreamState::queued)) return;
  if (!run_queue_.remove(stream)) running_.remove(stream);
}

void StreamContext::keep(StreamImpl& stream) noexcept {
  stream.keep();
  add(stream, never);
}

void StreamContext::retire(StreamImpl& stream, StreamOwner& owner) noexcept {
  withdraw_cork(stream);
  Record* outermost = nullptr;
  for (Record* record = innermost_; record != nullptr; record = record->outer) {
    if (record->retired == &stream) return;  // its coroutine has ended after its server
    if (record->stream == &stream) outermost = record;
  }
  forget(stream);
  stream.silence();
  if (outermost == nullptr) return owner.destroy(stream);
  outermost->retired = &stream;
  outermost->owner = &owner;
}

// --- what an owner does with its streams --------------------------------------------------------

bool StreamContext::is_with(const StreamOwner& owner, const StreamImpl& stream) noexcept {
  return stream.owner() == &owner && !stream.state_.has(StreamState::being_made);
}

void StreamContext::make_room() {
  const std::size_t needed = count_ + 1;
  for (RunQueue* const queue : {&run_queue_, &running_})
    if (queue->capacity() < needed) queue->reserve(needed * 2);
  if (deadlines_.capacity() < needed) deadlines_.reserve(needed * 2);
}

void StreamContext::drain_all(const StreamOwner& owner) noexcept {
  for (std::size_t i = 0; i < deadlines_.size(); ++i) {
    StreamImpl& stream = *deadlines_[i].item;
    if (is_with(owner, stream)) stream.request_drain();
  }
}

/// `end` removes a stream from the heap, which moves others: those that a pass has missed are found
/// by the next one. It may call users, who end more of them.
template <typename End>
void StreamContext::end_each(const StreamOwner& owner, End end) noexcept {
  for (bool found = true; found;) {
    found = false;
    for (std::size_t left = deadlines_.size(); left > 0;
         left = std::min(left - 1, deadlines_.size())) {
      StreamImpl& stream = *deadlines_[left - 1].item;
      if (!is_with(owner, stream)) continue;
      end(stream);
      found = true;
    }
  }
}

void StreamContext::abort_all(StreamOwner& owner) noexcept {
  end_each(owner, [&](StreamImpl& stream) {
    stream.has_ended() ? retire(stream, owner) : stream.abort();
  });
}

/// Here the position of each stream in its queue is known; forget() would search for it.
void StreamContext::retire_queued(StreamOwner& owner) noexcept {
  for (RunQueue* const queue : {&run_queue_, &running_}) {
    for (std::size_t left = queue->size(); left > 0; left = std::min(left - 1, queue->size())) {
      StreamImpl* const stream = (*queue)[left - 1];
      if (stream == nullptr || !is_with(owner, *stream)) continue;
      queue->take(left - 1);
      stream->state_.clear(StreamState::queued);
      retire(*stream, owner);
    }
  }
}

void StreamContext::retire_all(StreamOwner& owner) noexcept {
  retire_queued(owner);
  end_each(owner, [&](StreamImpl& stream) { retire(stream, owner); });
  // A session that is destroyed may end others, which are then in the queue.
  retire_queued(owner);
}

void StreamContext::Detached::ended(StreamImpl& stream) noexcept {
  stream.context().retire(stream, *this);
}

void StreamContext::Detached::destroy(StreamImpl& stream) noexcept { delete &stream; }

// --- the end of the turn ------------------------------------------------------------------------

void StreamContext::run_at_end_of_turn(StreamImpl& stream) noexcept {
  if (stream.state_.has(StreamState::queued)) return;
  stream.state_.set(StreamState::queued);
  run_queue_.push(stream);  // within what make_room() reserved
  loop_.request_end_of_turn();
}

/// If a step throws bad_alloc, aborts the stream and rethrows.
inline void StreamContext::run(StreamImpl& stream) {
  stream.state_.clear(StreamState::queued);
  const StreamObserver observer{*this, stream};
  try {
    stream.run_end_of_turn();
  } catch (...) {
    if (!observer.stream_is_gone()) stream.abort();
    throw;
  }
}

void StreamContext::forked() noexcept {
  for (std::size_t i = 0; i < deadlines_.size(); ++i) deadlines_[i].item->inherit();
  has_inherited_ = !deadlines_.empty();
  if (has_inherited_) loop_.request_end_of_turn();
}

/// Those that were about to end have nothing left to send.
inline void StreamContext::run_inherited() noexcept {
  if (!std::exchange(has_inherited_, false)) return;
  for (std::size_t i = 0; i < deadlines_.size(); ++i) run_at_end_of_turn(*deadlines_[i].item);
}

void StreamContext::end_turn() {
  RONDO_ASSERT(running_.empty());
  run_inherited();
  admit_handshakes();
  ++turn_;
  running_.swap(run_queue_);
  struct Rest {  // what an exception leaves undone is done in the next turn
    StreamContext& context;
    ~Rest() {
      for (std::size_t i = 0; i < context.running_.size(); ++i)
        if (StreamImpl* const stream = context.running_[i]) context.run_queue_.push(*stream);
      context.running_.clear();
      if (context.pending()) context.loop_.request_end_of_turn();
    }
  } rest{*this};
  for (std::size_t i = 0; i < running_.size(); ++i) {
    StreamImpl* const stream = running_.take(i);
    if (stream == nullptr) continue;
    if (is_in_call(*stream)) {  // a callback runs the host of a hosted reactor
      run_queue_.push(*stream);
    } else {
      run(*stream);
    }
  }
}

/// They run after the streams that have output and calls to make.
inline void StreamContext::admit_handshakes() noexcept {
  handshakes_.begin_turn();
  while (StreamImpl* const stream = handshakes_.next()) {
    stream->extra_->handshake.turn = HandshakeTurn::granted;
    run_at_end_of_turn(*stream);
  }
}

// --- deadlines ----------------------------------------------------------------------------------

TimePoint StreamContext::end_of(std::uint32_t tick, TimePoint now) noexcept {
  const std::int64_t ticks_now = now.time_since_epoch().count() >> tick_shift;
  const std::uint32_t ago = static_cast<std::uint32_t>(ticks_now) - tick;
  return TimePoint{Duration{(ticks_now - ago + 1) << tick_shift}};
}

void StreamContext::DeadlineItems::put(StreamImpl& stream, std::uint32_t index) noexcept {
  stream.deadline_index_ = index;
}

void StreamContext::add(StreamImpl& stream, TimePoint deadline) noexcept {
  deadlines_.push(deadline, stream);
  if (deadline != never) arm();
}

void StreamContext::remove(StreamImpl& stream) noexcept {
  deadlines_.erase(stream.deadline_index_);
}

void StreamContext::not_later_than(StreamImpl& stream, TimePoint when) noexcept {
  if (when >= deadlines_[stream.deadline_index_].when) return;
  deadlines_.move(stream.deadline_index_, when);
  arm();
}

void StreamContext::check_deadlines() {
  const TimePoint time = now();
  while (!deadlines_.empty() && deadlines_.front().when <= time) {
    StreamImpl& stream = *deadlines_.front().item;
    const TimePoint next = stream.check_deadlines(time);
    if (!stream.state_.is_over()) deadlines_.move(stream.deadline_index_, next);
  }
  arm();
}

void StreamContext::arm() noexcept {
  const TimePoint first = deadlines_.empty() ? never : deadlines_.front().when;
  if (first != never && (!timer_.armed() || first < timer_.deadline())) timer_.arm_at(first);
}

}  // namespace rondo::detail
