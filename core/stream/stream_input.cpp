// SPDX-License-Identifier: MIT
// Input: from the poller to the handler. Each message takes the fast path through take_input(), in
// which the answer is gathered in the cork:
//
//   on_ready  ->  receive  ->  on_data  ->  write: into the cork  ->  transmit
//
// What is rare is out of line, so that it costs nothing there.
#include <cerrno>
#include <memory>
#include <utility>

#include "stream_impl.h"

namespace rondo::detail {
namespace {

constexpr std::size_t layer_piece = std::size_t{16} << 10U;  // a record of TLS

}  // namespace

void StreamImpl::on_ready(Ready ready) {
  if (ready != Ready::read) [[unlikely]] {
    if (!wants_input_after(ready)) return;
  }
  if (take_input()) [[unlikely]]
    take_more_input();
}

/// Whether the buffer was filled, so that there may be more, and it is wanted.
inline bool StreamImpl::take_input() {
  StreamContext& shared = context();
  Cork& cork = shared.cork();
  if (!cork.is_free() || !state_.takes_fast_path()) [[unlikely]]
    return take_input_uncorked();
  const std::ptrdiff_t received = receive(shared.buffer());
  if (received <= 0) [[unlikely]]
    return input_stopped(received);
  active_at_ = shared.tick();
  if (received == StreamContext::buffer_size) [[unlikely]]
    return deliver_full_buffer();
  (void)deliver_corked<false>(static_cast<std::size_t>(received));  // there is no more to take
  return false;
}

/// The first `size` bytes of the buffer. False: the stream may be gone.
template <bool IsLayered>
inline bool StreamImpl::deliver_corked(std::size_t size) {
  StreamContext& shared = context();
  Cork& cork = shared.cork();
  cork.hold(*this);
  try {
    handler_->on_data(*this, shared.buffer().first(size));
  } catch (...) {
    return corked_call_threw(shared, *this);
  }
  if (!cork.is_held_by(*this)) [[unlikely]]
    return shared.end_corked_call() && send_answer(size);
  if (const Bytes answer = cork.gathered(); !answer.empty()) [[likely]] {
    const std::ptrdiff_t sent = IsLayered ? transmit(answer) : shared.net().write(answer, fd_);
    if (sent != std::ssize(answer)) [[unlikely]]
      return cork_refused(sent);
    cork.clear();
  }
  cork.release();
  return true;
}

/// Whether there may be more, and it is wanted.
bool StreamImpl::deliver_full_buffer() {
  return deliver_corked<false>(StreamContext::buffer_size) &&
         wants_more(StreamContext::buffer_size);
}

inline bool StreamImpl::wants_more(std::size_t received) const noexcept {
  return received == StreamContext::buffer_size && state_.reads() &&
         !state_.has(StreamState::above_high_water);
}

/// The same without the cork: output is queued or over, the input is no socket's, descriptors may
/// come, or another call is running, which may still read what is in the buffer.
bool StreamImpl::take_input_uncorked() {
  StreamContext& shared = context();
  // Readiness is reported again in the next turn.
  if (state_.has(StreamState::securing)) {
    extra_->handshake.has_input = true;
    shared.run_at_end_of_turn(*this);
    return false;
  }
  if (state_.life() == Life::opening || shared.is_in_call(*this)) return false;
  if (state_.paused() && !state_.closing()) {  // by hold_input(), which has told no poller
    update_interest();
    return false;
  }
  MutableBytes buffer = shared.buffer();
  std::unique_ptr<std::byte[]> own_buffer;
  if (!shared.cork().is_free()) {
    own_buffer = std::make_unique_for_overwrite<std::byte[]>(buffer.size());
    buffer = {own_buffer.get(), buffer.size()};
  }
  ReceivedDescriptors with;
  const std::ptrdiff_t received = receive(buffer, with);
  if (received <= 0) return input_stopped(received);
  active_at_ = shared.tick();
  const auto size = static_cast<std::size_t>(received);
  if (state_.closing()) return drop_input(size);
  if (state_.has(StreamState::reads_timed)) extra_->read_at = shared.now();
  if (state_.has(StreamState::layered)) return deliver_layered(buffer.first(size));
  return deliver(buffer.first(size), std::move(with)) && send_answer(size);
}

/// False: the stream is gone.
bool StreamImpl::deliver(Bytes data, ReceivedDescriptors with) {
  if (with.lost || !with.descriptors.empty())
    return call([&] { handler_->on_descriptors(*this, data, std::move(with)); });
  return call([&] { handler_->on_data(*this, data); });
}

/// What a layer has read. Whether there is more of it, and it is wanted.
bool StreamImpl::deliver_layered(Bytes data) {
  const StreamObserver observer{context(), *this};
  if (context().cork().is_free() && state_.gathers_answer()) {
    (void)deliver_corked<true>(data.size());  // `observer` tells the same
  } else if (deliver(data, {})) {
    (void)send_answer(data.size());  // likewise: a layer's input is not the size of the buffer
  }
  if (observer.stream_is_gone() || state_.is_over() || !layer_has_input()) return false;
  if (!state_.has(StreamState::above_high_water)) return true;
  context().run_at_end_of_turn(*this);
  return false;
}

/// After a call that was not corked, or did not stay so.
bool StreamImpl::send_answer(std::size_t received) {
  if (may_transmit()) drain();
  return wants_more(received);
}

/// Inside a catch. The stream may be gone.
bool StreamImpl::corked_call_threw(StreamContext& context, StreamImpl& stream) {
  context.withdraw_cork(stream);
  struct End {  // the session whose call this is may own the exception
    StreamContext& context;
    ~End() { (void)context.end_corked_call(); }  // it is known already whether it is gone
  } end{context};
  if (context.corked_stream_is_gone()) throw;
  handler_threw(stream);
  return false;
}

/// Each turn does what a poller would have reported. The stream may be gone afterwards.
void StreamImpl::take_from_file() {
  context().run_at_end_of_turn(*this);
  (void)take_input();  // the rest comes in the next turn
}

void StreamImpl::take_more_input() {
  if (!state_.is_socket()) return;  // it may block
  const bool is_layered = state_.has(StreamState::layered);
  const std::size_t piece = is_layered ? layer_piece : StreamContext::buffer_size;
  const std::size_t budget = options().input_per_turn_max;
  for (std::size_t taken = piece; taken < budget; taken += piece)
    if (!take_input()) return;
  if (is_layered) context().run_at_end_of_turn(*this);  // no poller reports what a layer has
}

/// Notes that there is room for output again. Returns whether to read. Where nothing is queued, it
/// was the layer that waited for room, maybe in a read.
bool StreamImpl::wants_input_after(Ready ready) {
  if (state_.has(StreamState::securing)) {
    extra_->handshake.has_input = true;  // or room for output: its next step can be taken
    if (extra_->handshake.turn == HandshakeTurn::waits) {
      if (has_peer_closed(ready)) end_for_layer(ECONNRESET);
      return false;
    }
  }
  const bool layer_has_waited = can_write(ready) && state_.has(StreamState::blocked) &&
                                state_.has(StreamState::layered) && !output_waits();
  if (can_write(ready)) {
    if (extra_ != nullptr) extra_->layer_reads_later = false;
    state_.clear(StreamState::blocked);
    context().run_at_end_of_turn(*this);
  }
  if (state_.paused() || layer_has_waited) update_interest();
  return (can_read(ready) || layer_has_waited) &&
         (state_.has(StreamState::securing) || drops_input() || state_.reads());
}

/// It has nothing to read now: it may wait to write, or look again at what it has read ahead.
void StreamImpl::wait_for_layer() noexcept {
  update_interest();
  if (layer_has_input() && !state_.has(StreamState::blocked)) context().run_at_end_of_turn(*this);
}

/// The end of the input, or an error. False, for take_input().
bool StreamImpl::input_stopped(std::ptrdiff_t received) {
  const int error = errno;
  if (received < 0 && !means_end(error)) {
    if (is_transient(error)) {
      if (state_.has(StreamState::layered)) wait_for_layer();
      return false;
    }
    if (state_.has(StreamState::layered) && !state_.closing()) {
      end_for_layer(error);
      return false;
    }
    // A lingering stream has sent everything: how the peer leaves does not matter.
    state_.lingering() ? end(CloseReason::closed) : end_for(error);
  } else if (state_.lingering()) {
    end(CloseReason::closed);
  } else if (state_.output() == Output::failed) {
    end_for(extra_->error);
  } else {
    if (state_.kind() == StreamState::Kind::unpollable) context().loop().remove_work_guard();
    state_.end_input();
    update_interest();
    if (state_.closing()) return false;  // no callback but on_close follows
    if (call([this] { handler_->on_end(*this); })) context().run_at_end_of_turn(*this);
  }
  return false;
}

/// While it closes or lingers. False, for take_input().
bool StreamImpl::drop_input(std::size_t size) {
  constexpr std::uint64_t lingering_input_max = std::uint64_t{16} << 20U;
  extra().dropped += size;
  if (state_.lingering() && extra_->dropped > lingering_input_max) end(CloseReason::closed);
  return false;
}

/// A stream that closes reads on while its output waits: a peer that does not take it before it has
/// sent all of its own output would otherwise wait for this side for ever, and this side for it.
bool StreamImpl::drops_input() const noexcept {
  if (state_.lingering()) return true;
  if (state_.has(StreamState::securing)) return false;
  return state_.closing() && !state_.input_ended() && !state_.is_over() && state_.is_socket() &&
         output_waits() && options().lingering_close != LingeringClose::off;
}

void StreamImpl::pause() noexcept {
  check("Stream::pause");
  if (state_.paused()) return;
  state_.pause();
  if (fd_ >= 0) update_interest();
}

void StreamImpl::resume() noexcept {
  check("Stream::resume");
  if (!state_.paused() || state_.is_over()) return;
  state_.resume();
  context().run_at_end_of_turn(*this);
  begin_to_read();
}

void StreamImpl::read_again() noexcept {
  state_.resume();
  state_.resumed();
  begin_to_read();
  if (!state_.is_over() && state_.has(StreamState::layered))
    context().run_at_end_of_turn(*this);  // no poller reports what a layer has
}

void StreamImpl::begin_to_read() noexcept {
  if (fd_ < 0) return;
  if (state_.has(StreamState::reads_timed)) {
    extra_->read_at = context().now();
    deadlines_changed();
  }
  update_interest();
}

/// Whether it does not read because its output is full.
bool StreamImpl::is_held() const noexcept {
  return state_.has(StreamState::above_high_water) &&
         options().pause_reading_when_full.value_or(group_->pauses_when_full);
}

void StreamImpl::update_interest() noexcept {
  if (state_.is_over() || state_.kind() == StreamState::Kind::unpollable || fd_ < 0) return;
  if (state_.has(StreamState::securing) && extra_->handshake.turn == HandshakeTurn::waits) {
    // What a server has to say to a client that has left is still of interest.
    const Ready left = own_layer().speaks_first() ? Ready::none : Ready::peer_closed;
    return context().loop().set(context().loop().token_of(fd_), left);
  }
  const bool blocked = state_.has(StreamState::blocked);
  const bool waits = blocked && extra_ != nullptr && extra_->layer_reads_later;
  const bool reads = state_.has(StreamState::securing)
                         ? !blocked
                         : !waits && (drops_input() || (state_.reads() && !is_held()));
  const bool writes = blocked && (output_waits() || state_.has(StreamState::layered));
  const Ready interest =
      (reads ? Ready::read : Ready::none) | (writes ? Ready::write : Ready::none);
  Loop& loop = context().loop();
  const Token token = loop.token_of(fd_);
  if (loop.interest(token) == interest) return;
  loop.set(token, interest);
  if (state_.has(StreamState::waits_for_output))
    loop.set_referenced(token, interest != Ready::none);
}

}  // namespace rondo::detail
