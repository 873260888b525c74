// SPDX-License-Identifier: MIT
// Output. Where bytes are on their way out:
//
//   the cork    written inside the stream's own on_data, while nothing is queued: transmitted at
//               once when that returns
//   the queue   what the system did not take, and what was written elsewhere: transmitted at the
//               end of the turn. While the stream is `blocked`, the system takes no more, and the
//               poller reports when it does
//
// If the system reports a broken connection while the stream reads, only the output ends
// (`failed`): the input, which may hold what the peer sent before it went, is read to its end, and
// the error is reported there. Any other error ends the stream.
#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "stream_impl.h"

namespace rondo::detail {
namespace {

constexpr std::size_t direct_size_min = std::size_t{4} << 10U;  // a copy costs more than a call
constexpr std::size_t writes_per_turn_max = 16;

bool breaks_connection(int error) noexcept {
  return error == EPIPE || error == ECONNRESET || error == ECONNABORTED || error == ENOTCONN ||
         error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
}

}  // namespace

// --- what the user calls ------------------------------------------------------------------------

WriteStatus StreamImpl::write(Bytes data) {
  check("Stream::write");
  Cork& cork = context().cork();
  if (!cork.accepts(*this, data)) [[unlikely]]
    return write_uncorked(data);
  cork.append(data);
  return WriteStatus::accepted;
}

WriteStatus StreamImpl::write_uncorked(Bytes data) {
  const Bytes part[] = {data};
  return write_parts(part);
}

WriteStatus StreamImpl::write_parts(std::span<const Bytes> parts) {
  check("Stream::write_parts");
  if (!state_.output_is_open()) return WriteStatus::refused;
  std::size_t size = 0;
  for (const Bytes part : parts) size += part.size();
  if (size == 0) return write_status();
  Cork& cork = context().cork();
  if (cork.is_held_by(*this) && cork.has_room(size)) {
    for (const Bytes part : parts)
      if (!part.empty()) cork.append(part);
    return WriteStatus::accepted;
  }
  // What is large, and first in line, is offered to the system where it lies.
  std::size_t sent = 0;
  if (size >= direct_size_min && !output_waits() && state_.is_socket() && may_transmit() &&
      parts.size() < parts_per_write_max) {
    if (!send_directly(parts, size, sent)) return WriteStatus::refused;
    if (sent == size) return write_status();
  }
  cork_to_queue();
  return queue_parts(parts, sent) ? output_grew() : WriteStatus::refused;
}

WriteStatus StreamImpl::write_owned(OwnedBytes data) {
  check("Stream::write_owned");
  if (!state_.output_is_open()) return WriteStatus::refused;
  if (data.data().size() < direct_size_min) return write(data.data());
  const bool is_first = !output_waits();
  cork_to_queue();
  extra().output.push_owned(std::move(data));
  state_.set(StreamState::has_output);
  if (is_first && state_.is_socket() && may_transmit()) drain();
  if (!state_.output_is_open()) return WriteStatus::refused;
  return output_waits() ? output_grew() : write_status();
}

WriteStatus StreamImpl::send_file(File file, std::uint64_t offset, std::uint64_t size) {
  check("Stream::send_file");
  if (!state_.output_is_open()) return WriteStatus::refused;
  if (size == 0) return write_status();
  cork_to_queue();  // it may take memory, which keeps the order
  extra().output.push_file(std::move(file), offset, size);
  return output_grew();
}

WriteStatus StreamImpl::write(Bytes data, std::vector<Socket> descriptors) {
  check("Stream::write");
  if (descriptors.empty()) return write(data);
  if (!state_.output_is_open()) return WriteStatus::refused;
  const bool has_layer = state_.has(StreamState::layered);
  if (has_layer || data.empty() || descriptors.size() > descriptors_per_send_max) {
    end_for(has_layer ? EOPNOTSUPP : EINVAL);
    return WriteStatus::refused;
  }
  cork_to_queue();
  extra().output.push_with_descriptors(data, std::move(descriptors));
  return output_grew();
}

void StreamImpl::flush() {
  check("Stream::flush");
  const Cork& cork = context().cork();
  if (!cork.is_held_by(*this)) {
    if (output_waits() && may_transmit()) drain();
  } else if (!cork.empty()) {
    cork_transmitted(transmit(cork.gathered()));
  }
}

std::size_t StreamImpl::unsent_bytes() const noexcept {
  check("Stream::unsent_bytes");
  const Cork& cork = context().cork();
  const std::size_t corked = cork.is_held_by(*this) ? cork.gathered().size() : 0;
  const std::uint64_t queued = extra_ == nullptr ? 0 : extra_->output.size();
  return queued > SIZE_MAX - corked ? SIZE_MAX : corked + static_cast<std::size_t>(queued);
}

WriteStatus StreamImpl::write_status() const noexcept {
  return state_.has(StreamState::above_high_water) ? WriteStatus::above_high_water
                                                   : WriteStatus::accepted;
}

// --- the cork -----------------------------------------------------------------------------------

/// Moves what is corked to the queue, so that what is queued next comes after it. If there is no
/// memory for that, the stream keeps the cork, which is transmitted at the end of the call.
void StreamImpl::cork_to_queue() {
  StreamContext& shared = context();
  if (output_waits()) shared.loop().notice_fork();
  Cork& cork = shared.cork();
  if (!cork.is_held_by(*this)) return;
  if (!cork.empty()) {
    extra().output.push_copy(cork.gathered());
    state_.set(StreamState::has_output);
    shared.run_at_end_of_turn(*this);
  }
  shared.withdraw_cork(*this);
}

/// After a transmit of what is corked: what was not `sent` goes to the queue.
void StreamImpl::cork_transmitted(std::ptrdiff_t sent) noexcept {
  StreamContext& shared = context();
  Cork& cork = shared.cork();
  if (sent < 0) {
    if (!is_transient(errno)) return output_refused(errno);
    sent = 0;
  }
  const Bytes rest = cork.gathered().subspan(static_cast<std::size_t>(sent));
  cork.clear();
  if (rest.empty()) return;
  shared.withdraw_cork(*this);
  (void)queue_rest(rest);  // an ended stream is reported later
}

/// The same at the end of the corked call; what take_input() is to return.
bool StreamImpl::cork_refused(std::ptrdiff_t sent) noexcept {
  StreamContext& shared = context();
  cork_transmitted(sent);
  shared.withdraw_cork(*this);
  (void)shared.end_corked_call();  // it is there: this is one of its functions
  return false;
}

/// Offers the cork and `parts`, `size` bytes in all. Reports how much of `parts` was `sent`; what
/// of the cork was not is in the queue then. False: the output has failed.
bool StreamImpl::send_directly(std::span<const Bytes> parts, std::size_t size, std::size_t& sent) {
  StreamContext& shared = context();
  Cork& cork = shared.cork();
  const Bytes corked = cork.is_held_by(*this) ? cork.gathered() : Bytes{};
  std::array<Bytes, parts_per_write_max> all;
  std::size_t count = 0;
  if (!corked.empty()) all[count++] = corked;
  for (const Bytes part : parts) all[count++] = part;
  std::ptrdiff_t result = transmit(std::span{all}.first(count));
  if (result < 0) {
    if (!is_transient(errno)) {
      output_refused(errno);
      return false;
    }
    result = 0;
  }
  const auto taken = static_cast<std::size_t>(result);
  if (taken > 0) active_at_ = shared.tick();
  if (taken < corked.size() + size) state_.set(StreamState::blocked);
  if (taken >= corked.size()) {
    sent = taken - corked.size();
  } else if (!queue_rest(corked.subspan(taken))) {
    return false;
  }
  if (cork.is_held_by(*this)) {
    cork.clear();
    if (state_.has(StreamState::blocked)) shared.withdraw_cork(*this);
  }
  return true;
}

// --- the queue ----------------------------------------------------------------------------------

/// All but what was `sent`. False: the stream has ended, since there was no memory for the rest of
/// something whose beginning has left, and nothing can come after that.
bool StreamImpl::queue_parts(std::span<const Bytes> parts, std::size_t sent) {
  bool has_begun = sent > 0;
  try {
    for (const Bytes part : parts) {
      const std::size_t skipped = std::min(sent, part.size());
      sent -= skipped;
      extra().output.push_copy(part.subspan(skipped));
      has_begun = has_begun || skipped < part.size();
    }
    return true;
  } catch (const std::bad_alloc&) {
    if (!has_begun) throw;
    output_refused(ENOMEM);
    return false;
  }
}

/// What the system has not taken of the cork. False: the stream has ended, since there was no
/// memory, or too much output.
bool StreamImpl::queue_rest(Bytes rest) noexcept try {
  extra().output.push_copy(rest);
  state_.set(StreamState::blocked);
  (void)output_grew();  // no caller uses the result
  return state_.output_is_open();
} catch (const std::bad_alloc&) {
  output_refused(ENOMEM);
  return false;
}

/// Something was queued. What the write is to return.
WriteStatus StreamImpl::output_grew() noexcept {
  StreamContext& shared = context();
  state_.set(StreamState::has_output);
  if (!keeps_limits()) return WriteStatus::refused;
  const bool has_risen = is_above_high_water() && !state_.has(StreamState::above_high_water);
  if (has_risen) state_.set(StreamState::above_high_water);
  time_output();
  if (has_risen || state_.has(StreamState::blocked)) update_interest();
  if (may_transmit()) shared.run_at_end_of_turn(*this);
  return write_status();
}

bool StreamImpl::may_transmit() const noexcept {
  return !state_.has(StreamState::blocked | StreamState::securing) && !state_.connecting() &&
         !state_.is_over();
}

/// Transmits from the queue what the system takes. Calls no handler.
void StreamImpl::drain() noexcept {
  if (!output_waits()) return;
  context().loop().notice_fork();  // which may drop all that waits
  OutputQueue& output = extra_->output;
  for (std::size_t writes = 0; !output.empty() && may_transmit(); ++writes) {
    if (writes == writes_per_turn_max) {
      context().run_at_end_of_turn(*this);  // other streams have their turn
      break;
    }
    Offer offer = transmit_front(output);
    if (offer.waits) break;
    extra_->source.reset();  // what it waited for may have come before the poller reports it
    if (offer.taken < 0) {
      if (!is_transient(errno)) return output_refused(errno);
      offer.taken = 0;
    } else if (offer.taken == 0) {
      if (!end_file()) return;
      continue;
    }
    was_taken(static_cast<std::uint64_t>(offer.taken), offer.size);
  }
  time_output();
  count_output();
  update_interest();
}

/// The system has taken so many bytes of those that it was offered.
void StreamImpl::was_taken(std::uint64_t taken, std::uint64_t offered) noexcept {
  OutputQueue& output = extra_->output;
  output.drop(taken);
  if (output.empty()) state_.clear(StreamState::has_output);
  // A poller never reports that there is room in what it cannot poll: it is written to again.
  if (taken < offered && state_.kind() != StreamState::Kind::unpollable)
    state_.set(StreamState::blocked);
  if (taken == 0) return;
  active_at_ = context().tick();
  if (extra_->progress_at != never) extra_->progress_at = output.empty() ? never : context().now();
}

/// The file that is being sent has no more bytes. False: it is shorter than was said, and the
/// stream has ended.
bool StreamImpl::end_file() noexcept {
  if (!extra_->output.file().to_end) {
    end(CloseReason::error, ENODATA);
    return false;
  }
  extra_->output.end_file();
  if (!extra_->output.empty()) return true;
  state_.clear(StreamState::has_output);
  extra_->progress_at = never;
  return true;
}

/// All that is queued is lost.
void StreamImpl::drop_output() noexcept {
  extra_->source.reset();
  extra_->output.clear();
  extra_->progress_at = never;
  state_.clear(StreamState::has_output);
  count_output();
}

void StreamImpl::output_refused(int error) noexcept {
  context().withdraw_cork(*this);
  if (state_.has(StreamState::layered) && own_layer().failure() != nullptr)
    return end_for_layer(error);
  // Where the stream does not read it would never be reported; and only a broken connection is
  // certain to end the input too. Without memory there is no room to keep the error.
  if (!state_.reads() || !breaks_connection(error) || try_extra() == nullptr) {
    state_.set(StreamState::resets);  // what was refused is lost
    return end_for(error);
  }
  drop_output();
  extra_->error = error;
  state_.fail_output();
  update_interest();
}

StreamExtra& StreamImpl::extra() {
  if (try_extra() == nullptr) throw std::bad_alloc{};
  return *extra_;
}

StreamExtra* StreamImpl::try_extra() noexcept {
  if (extra_ == nullptr) extra_ = new (std::nothrow) StreamExtra;
  return extra_;
}

}  // namespace rondo::detail
