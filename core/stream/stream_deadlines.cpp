// SPDX-License-Identifier: MIT
// The timeouts of a stream. Their starting points are stored, and the deadlines computed from them:
// when an option is set, and when the stream's entry in the heap of deadlines is due.
#include <algorithm>
#include <cerrno>
#include <chrono>

#include "stream_impl.h"

namespace rondo::detail {
namespace {

constexpr Duration idle_timeout_max = std::chrono::hours{24 * 50};  // ticks differ for 52 days

}  // namespace

/// Without that of the layer's rest.
StreamImpl::Deadline StreamImpl::first_deadline(TimePoint now) const noexcept {
  const StreamOptions& limits = options();
  Deadline first;
  const auto consider = [&](TimePoint deadline, Limit kind) {
    if (deadline < first.when) first = {deadline, kind};
  };
  if (limits.idle_timeout != forever && !state_.connecting()) {
    const Duration idle = std::min(limits.idle_timeout, idle_timeout_max);
    consider(after(StreamContext::end_of(active_at_, now), idle), Limit::idle);
  }
  if (extra_ != nullptr && waits_to_close()) consider(extra_->close_deadline, Limit::close);
  if (extra_ != nullptr && !state_.connecting()) {
    const StreamExtra& extra = *extra_;
    if (extra.read_at != never && state_.reads() && !is_held())
      consider(after(extra.read_at, limits.read_timeout), Limit::read);
    if (extra.progress_at != never && limits.write_timeout != forever)
      consider(after(extra.progress_at, limits.write_timeout), Limit::write);
    if (extra.opened_at != never)
      consider(after(extra.opened_at, limits.lifetime), Limit::lifetime);
    if (extra.handshake_from != never && !state_.closing())
      consider(after(extra.handshake_from, handshake_timeout()), Limit::handshake);
  }
  return first;
}

/// Ends the stream if one of its deadlines has passed. Returns the first deadline to come.
TimePoint StreamImpl::check_deadlines(TimePoint now) noexcept {
  auto [first, limit] = first_deadline(now);
  if (extra_ != nullptr && state_.has(StreamState::layered) && !state_.has(StreamState::securing))
    first = std::min(first, rest_layer(now));
  if (first > now) return first;
  // A lingering stream has sent all of its output.
  if (state_.lingering()) {
    end(CloseReason::closed);
  } else {
    end(CloseReason::timed_out, ETIMEDOUT, limit);
  }
  return never;
}

/// Whether close_timeout counts, if it closes. A layer has an end of its own, which may not fit.
bool StreamImpl::waits_to_close() const noexcept {
  if (output_waits() || state_.lingering()) return true;
  return state_.has(StreamState::layered) && state_.closing() && !extra_->layer_is_finished;
}

/// Returns when it is to rest, if that is to come.
TimePoint StreamImpl::rest_layer(TimePoint now) noexcept {
  if (extra_->layer_rests) return never;
  const TimePoint when = after(StreamContext::end_of(active_at_, now), layer_rests_after);
  if (when > now) return when;
  extra_->layer_rests = true;
  own_layer().rest();
  return never;
}

Duration StreamImpl::handshake_timeout() const noexcept {
  const Duration timeout = options().handshake_timeout;
  return state_.has(StreamState::securing) ? std::min(timeout, own_layer().handshake_timeout())
                                           : timeout;
}

/// From now on the peer has write_timeout to take some of the output, unless that is so already. It
/// cannot take anything while the stream waits for a pipe that it is to send.
void StreamImpl::time_output() noexcept {
  StreamExtra& extra = *extra_;
  if (extra.source != nullptr) extra.progress_at = never;
  if (extra.progress_at != never || extra.source != nullptr || !output_waits()) return;
  extra.progress_at = context().now();
  if (const Duration timeout = options().write_timeout; timeout != forever)
    context().not_later_than(*this, after(extra.progress_at, timeout));
}

void StreamImpl::handshake_done() noexcept {
  check("Stream::handshake_done");
  state_.handshake_done();
  if (extra_ == nullptr || extra_->handshake_from == never) return;
  if (state_.has(StreamState::securing)) return;  // that is another one
  extra_->handshake_from = never;
  context().run_at_end_of_turn(*this);  // an idle stream holds nothing but itself
}

void StreamImpl::deadlines_changed() noexcept {
  const TimePoint next = check_deadlines(context().now());
  if (!state_.is_over()) context().not_later_than(*this, next);
}

}  // namespace rondo::detail
