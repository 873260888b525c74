// The model. A stream with something left to do that must not be done inside a call of its user
// (telling that it has ended, that it is writable again, sending what was written elsewhere) stands
// on a queue, once, and is settled at the end of the turn. Those queued while others are settled
// wait for the next turn, with a look at the descriptors in between.
//
// Deadlines. Each stream has one entry in a heap, which is never later than the first of its
// deadlines. A message only writes down when it came; an entry that comes to the top too early goes
// back with the deadline of then. So a timeout that is touched by every message costs a store.
#include "streams.h"

#include <algorithm>
#include <utility>

#include <rondo/reactor.h>

#include "stream_call.h"

namespace rondo::detail {

Streams& Streams::of(Reactor& reactor) {
  Loop& loop = *reactor.loop_;
  return loop.per_reactor<Streams>(reactor, loop);
}

Streams::Streams(Reactor& reactor, Loop& loop)
    : loop_(loop), net_(loop.backend().net()), timer_(reactor, [this] { look_at_deadlines(); }) {
  timer_.unref();  // the watches of the streams keep the reactor running
}

Stream& Streams::no_stream() noexcept {
  alignas(Stream) static std::byte placeholder[sizeof(Stream)];
  return *reinterpret_cast<Stream*>(placeholder);
}

Streams::~Streams() {
  release_all(alone_);
  RONDO_ASSERT(deadlines_.empty() && queue_.empty() && frame_ == nullptr);
}

TimePoint Streams::end_of(std::uint32_t tick, TimePoint now) noexcept {
  const std::int64_t ticks_now = now.time_since_epoch().count() >> tick_shift;
  const std::uint32_t ago = static_cast<std::uint32_t>(ticks_now) - tick;
  return TimePoint{Duration{(ticks_now - ago + 1) << tick_shift}};
}

void Streams::Alone::ended(Stream& stream) noexcept {
  stream.group_->streams.release(stream, *this);
}

Resolver& Streams::resolver(Reactor& reactor) {
  if (resolver_ == nullptr) resolver_ = std::make_unique<Resolver>(reactor);
  return *resolver_;
}

void Streams::forget(Stream& stream) noexcept {
  for (Frame* frame = frame_; frame != nullptr; frame = frame->outer_)
    if (frame->stream_ == &stream) frame->stream_ = nullptr;
  uncork(stream);
  if (uncorked_call_.stream == &stream) uncorked_call_.stream = nullptr;
  if (!stream.is(Stream::is_queued)) return;
  // From the back, where one stands that has just ended.
  const auto queued = std::find(queue_.rbegin(), queue_.rend(), &stream);
  if (queued != queue_.rend()) queue_.erase(std::next(queued).base());
  std::replace(settling_.begin(), settling_.end(), &stream, static_cast<Stream*>(nullptr));
}

void Streams::release(Stream& stream, StreamOwner& owner) noexcept {
  Frame* outermost = nullptr;
  for (Frame* frame = frame_; frame != nullptr; frame = frame->outer_)
    if (frame->stream_ == &stream) outermost = frame;
  uncork(stream);
  const bool began_corked = uncorked_call_.stream == &stream;
  forget(stream);
  stream.detach();  // it may live until its call has returned, but unheard
  stream.flags_ |= Stream::ended;
  stream.close_descriptor();
  if (began_corked) {
    uncorked_call_.orphan = &stream;
    uncorked_call_.orphans_owner = &owner;
    return;
  }
  if (outermost == nullptr) return owner.destroy(stream);
  outermost->orphan_ = &stream;
  outermost->orphans_owner_ = &owner;
}

void Streams::uncork(Stream& stream) noexcept {
  if (corked != &stream) return;
  uncorked_call_ = {.stream = &stream};
  corked = &no_stream();
  cork_used = 0;
}

bool Streams::is_in_call(const Stream& stream) const noexcept {
  if (corked == &stream || uncorked_call_.stream == &stream) return true;
  for (const Frame* frame = frame_; frame != nullptr; frame = frame->outer_)
    if (frame->is_call_ && frame->stream_ == &stream) return true;
  return false;
}

bool Streams::end_corked_call() noexcept {
  corked = nullptr;
  const UncorkedCall call = std::exchange(uncorked_call_, {});
  if (call.orphan != nullptr) call.orphans_owner->destroy(*call.orphan);
  return call.stream == nullptr;
}

void Streams::settle_later(Stream& stream) noexcept {
  if (stream.is(Stream::is_queued)) return;
  stream.flags_ |= Stream::is_queued;
  queue_.push_back(&stream);  // within what make_room() reserved
  loop_.request_end_of_turn();
}

/// If a step throws bad_alloc, aborts the stream and rethrows.
void Streams::settle(Stream& stream) {
  const Frame witness{*this, stream, Frame::Kind::witness};
  try {
    stream.settle();
  } catch (...) {
    if (!witness.stream_is_gone()) stream.abort();
    throw;
  }
}

void Streams::end_turn() {
  RONDO_ASSERT(settling_.empty());
  settling_.swap(queue_);
  struct Rest {  // what an exception leaves undone is done in the next turn
    Streams& streams;
    ~Rest() {
      for (Stream* const stream : streams.settling_)
        if (stream != nullptr) streams.queue_.push_back(stream);
      streams.settling_.clear();
      if (!streams.queue_.empty()) streams.loop_.request_end_of_turn();
    }
  } rest{*this};
  for (std::size_t i = 0; i < settling_.size(); ++i) {
    Stream* const stream = std::exchange(settling_[i], nullptr);
    if (stream == nullptr) continue;
    if (corked != nullptr && is_in_call(*stream)) {
      queue_.push_back(stream);
      continue;
    }
    stream->flags_ &= ~std::uint32_t{Stream::is_queued};
    settle(*stream);
  }
}

void Streams::make_room() {
  const std::size_t needed = count_ + 1;
  for (auto* const list : {&queue_, &settling_}) {
    if (list->capacity() < needed) list->reserve(needed * 2);
  }
}

void Streams::add(Stream& stream, TimePoint when) {
  deadlines_.push(when, stream);
  arm();
}

void Streams::remove(Stream& stream) noexcept { deadlines_.erase(stream.place_); }

void Streams::sooner(Stream& stream, TimePoint when) noexcept {
  if (when >= deadlines_[stream.place_].when) return;
  deadlines_.move(stream.place_, when);
  arm();
}

/// `end` takes a stream out of the heap, which moves others: those that a pass has missed are found
/// by the next one. It may call users, who take out more.
template <typename End>
void Streams::end_each(const StreamOwner& owner, End end) noexcept {
  for (bool found = true; found;) {
    found = false;
    for (std::size_t left = deadlines_.size(); left > 0;
         left = std::min(left - 1, deadlines_.size())) {
      Stream& stream = *deadlines_[left - 1].item;
      if (!is_made(stream, owner)) continue;
      end(stream);
      found = true;
    }
  }
}

void Streams::abort_all(const StreamOwner& owner) noexcept {
  end_each(owner, [](Stream& stream) { stream.abort(); });
}

/// Here their place is known: forget() would look each of them up.
void Streams::release_queued(StreamOwner& owner) noexcept {
  for (auto* const list : {&queue_, &settling_}) {
    for (std::size_t left = list->size(); left > 0; left = std::min(left - 1, list->size())) {
      const auto place = list->begin() + static_cast<std::ptrdiff_t>(left - 1);
      Stream* const stream = *place;
      if (stream == nullptr || !is_made(*stream, owner)) continue;
      stream->flags_ &= ~std::uint32_t{Stream::is_queued};
      if (list == &queue_) {
        queue_.erase(place);
      } else {
        *place = nullptr;
      }
      release(*stream, owner);
    }
  }
}

void Streams::release_all(StreamOwner& owner) noexcept {
  release_queued(owner);
  end_each(owner, [&](Stream& stream) { release(stream, owner); });
  // Whom a session that went has ended: they stand there until they have told.
  release_queued(owner);
}

void Streams::drain_all(const StreamOwner& owner) noexcept {
  for (std::size_t i = 0; i < deadlines_.size(); ++i) {
    Stream& stream = *deadlines_[i].item;
    if (!is_made(stream, owner)) continue;
    stream.flags_ |= Stream::is_to_drain;
    settle_later(stream);
  }
}

void Streams::say_open(Stream& stream) {
  stream.flags_ &= ~std::uint32_t{Stream::is_opening};
  if (stream.is(Stream::closing | Stream::ended)) return;
  // Nothing is done with it afterwards, there or not.
  (void)stream.call([&stream] { stream.handler_->on_open(stream); });
}

void Streams::look_at_deadlines() {
  const TimePoint time = now();
  while (!deadlines_.empty() && deadlines_.front().when <= time) {
    Stream& stream = *deadlines_.front().item;
    const TimePoint next = stream.look_at_deadlines(time);
    if (!stream.is(Stream::ended)) deadlines_.move(stream.place_, next);
  }
  arm();
}

void Streams::arm() noexcept {
  const TimePoint first = deadlines_.empty() ? never : deadlines_.front().when;
  if (first != never && (!timer_.armed() || first < timer_.deadline())) timer_.arm_at(first);
}

}  // namespace rondo::detail
