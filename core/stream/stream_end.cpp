// SPDX-License-Identifier: MIT
// What is due at the end of a turn, and how streams end. Each ends once, by end(): it leaves the
// poller, drops what is queued, and calls on_close at the end of the turn. The ways there are
// listed in rondo/stream.h; besides them the system's errors, deadlines, and too much output end a
// stream.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "stream_impl.h"

namespace rondo {
namespace {

constexpr std::string_view reason_names[] = {"eof",           "closed",   "reset",
                                             "timed out",     "overflow", "aborted",
                                             "not connected", "error",    "truncated"};

}  // namespace

std::string Close::message() const {
  std::string text{what.empty() ? reason_names[static_cast<std::size_t>(reason)] : what};
  if (reason == CloseReason::overflow && !what.empty()) text.insert(0, "overflow: ");
  if (error && !detail::has_reason_of_layer(*this)) text += ": " + error.message();
  return text;
}

}  // namespace rondo

namespace rondo::detail {
namespace {

constexpr std::string_view limit_names[] = {"",
                                            "idle timeout",
                                            "read timeout",
                                            "write timeout",
                                            "lifetime",
                                            "handshake timeout",
                                            "close timeout",
                                            "write_buffer_max",
                                            "write_descriptors_max",
                                            "the server's write_buffers_max",
                                            "the server's write_descriptors_max",
                                            "handshake"};

CloseReason reason_of(int error) noexcept {
  switch (error) {
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
      return CloseReason::reset;
    case ETIMEDOUT:
      return CloseReason::timed_out;
    default:
      return CloseReason::error;
  }
}

}  // namespace

bool has_reason_of_layer(const Close& close) noexcept {
  constexpr auto handshake = static_cast<std::size_t>(StreamState::Limit::layer_handshake);
  const bool failed =
      close.error == std::errc::protocol_error && close.what != limit_names[handshake];
  return !close.what.empty() && (failed || close.reason == CloseReason::truncated);
}

StreamHandler& silent_handler() noexcept {
  struct Silent final : StreamHandler {
    void on_data(Stream&, Bytes) override {}
  };
  static Silent silent;
  return silent;
}

void handler_threw(StreamImpl& stream) {
  StreamOwner* const owner = stream.owner();
  stream.abort();
  if (owner == nullptr || !owner->threw(stream, std::current_exception())) throw;
}

// --- what the user calls ------------------------------------------------------------------------

void StreamImpl::shutdown_output() {
  check("Stream::shutdown_output");
  if (!state_.output_is_open()) return;
  flush();
  if (!state_.output_is_open()) return;  // it failed
  context().withdraw_cork(*this);        // it was flushed
  state_.finish_output();
  context().run_at_end_of_turn(*this);
}

void StreamImpl::close() {
  check("Stream::close");
  close(options().close_timeout);
}

void StreamImpl::close(Duration timeout) {
  check("Stream::close");
  if (state_.closing() || state_.is_over()) return;
  flush();
  if (state_.is_over()) return;
  const bool has_deadline = output_waits() || timeout != options().close_timeout;
  if (has_deadline) (void)extra();  // before anything changes, since it takes memory
  context().withdraw_cork(*this);   // it was flushed
  state_.close();
  if (state_.connecting() && !output_waits()) return end(CloseReason::closed);
  if (has_deadline) {
    extra_->close_deadline = after(context().now(), timeout);
    deadlines_changed();
  }
  update_interest();
  context().run_at_end_of_turn(*this);
}

void StreamImpl::abort() noexcept {
  check("Stream::abort");
  if (state_.is_over()) return;
  state_.set(StreamState::resets);
  end(CloseReason::aborted);
}

/// Closes, and belongs to the context from now on. False: it is done already.
bool StreamImpl::detach() {
  check("Stream::close_detached");
  set_handler(silent_handler());
  close();
  if (state_.life() == Life::done) return false;
  group_->owner = &context().detached();
  return true;
}

Result<Socket, std::error_code> StreamImpl::release() noexcept {
  check("Stream::release");
  if (state_.connecting() || unsent_bytes() > 0) return std::errc::device_or_resource_busy;
  if (state_.is_over() || fd_ < 0) return std::errc::not_connected;
  if (state_.has(StreamState::lent | StreamState::layered))
    return std::errc::operation_not_supported;
  leave_reactor(Descriptor::stays_open);
  state_.silence();
  Socket socket{net(), std::exchange(fd_, -1)};
  owner() == nullptr ? context().forget(*this) : owner()->ended(*this);
  return socket;
}

// --- the end of a turn --------------------------------------------------------------------------

/// Each call of the handler may destroy the stream.
void StreamImpl::run_end_of_turn() {
  if (state_.connecting()) return;  // connected() queues it again
  if (!state_.is_over() && state_.has(StreamState::securing)) {
    if (state_.has(StreamState::drain_due) && !report_drain()) return;
    if (!run_handshake()) return;
  }
  if (!report_open()) return;
  if (state_.flow() == StreamState::Flow::resuming && !report_resume()) return;
  if (state_.kind() == StreamState::Kind::unpollable && state_.reads()) return take_from_file();
  if (state_.has(StreamState::drain_due) && !report_drain()) return;
  if (!state_.is_over() && !run_output()) return;
  if (!state_.is_over() && state_.has(StreamState::layered) && !take_layer_input()) return;
  if (state_.life() == Life::ended) report_close();
}

bool StreamImpl::report_open() {
  if (state_.life() != Life::opening) return true;
  if (state_.has(StreamState::securing) && !state_.closing()) return true;
  state_.opened();
  return state_.closing() || call([this] { handler_->on_open(*this); });
}

bool StreamImpl::report_resume() {
  state_.resumed();
  return is_closing() || call([this] { handler_->on_resume(*this); });
}

bool StreamImpl::report_drain() {
  state_.clear(StreamState::drain_due);
  return is_closing() || call([this] { owner()->drain(*this); });
}

bool StreamImpl::run_output() {
  if (may_transmit()) drain();
  if (state_.has(StreamState::above_high_water) && !report_writable()) return false;
  if (!output_waits() && extra_ != nullptr && extra_->awaits_flush && !report_flush()) return false;
  if (!state_.is_over() && !output_waits()) output_has_left();
  // An idle stream holds nothing but itself.
  if (extra_ != nullptr && extra_->is_spare()) delete std::exchange(extra_, nullptr);
  return true;
}

bool StreamImpl::report_flush() {
  extra_->awaits_flush = false;
  return call([this] { handler_->on_writable(*this); });
}

/// If the output has fallen to the low-water mark.
bool StreamImpl::report_writable() {
  if (state_.is_over()) return true;
  if (output_waits() && is_above_low_water()) return true;
  const bool was_held = is_held();
  state_.clear(StreamState::above_high_water);
  if (was_held && state_.has(StreamState::reads_timed)) {
    extra_->read_at = context().now();
    deadlines_changed();
  }
  update_interest();
  return !state_.output_is_open() || call([this] { handler_->on_writable(*this); });
}

/// Nothing is queued any more: takes the next step towards the end.
void StreamImpl::output_has_left() {
  const bool is_layered = state_.has(StreamState::layered);
  const bool finishes = state_.closing() || state_.output() == Output::finishing;
  if (is_layered && finishes && !state_.lingering() && !finish_layer()) return;
  if (state_.closing()) {
    if (!state_.lingering()) close_or_linger();
    return;
  }
  if (state_.output() == Output::finishing) {
    if (!is_layered) transmit_end();
    state_.output_finished();
  }
  if (state_.output() == Output::finished && state_.input_ended()) end(CloseReason::eof);
}

/// Whether one read decides. After a TCP socket was closed, its peer still loses what it has not
/// read if it sends anything; that of a Unix socket does not.
bool StreamImpl::lingers_if_unread(LingeringClose lingering) const noexcept {
  if (lingering != LingeringClose::as_needed) return lingering == LingeringClose::if_unread;
  Endpoint local;
  return net().local_endpoint(fd_, local) < 0 || local.family() == AddressFamily::unix_domain;
}

void StreamImpl::close_or_linger() {
  const LingeringClose lingering = options().lingering_close;
  // NOLINTNEXTLINE(*.NullDereference): output that has failed has an Extra
  if (state_.output() == Output::failed) return end_for(extra_->error);
  if (state_.input_ended()) return end(CloseReason::eof);
  if (!state_.is_socket() || lingering == LingeringClose::off || is_inherited())
    return end(CloseReason::closed);
  const bool has_dropped = extra_ != nullptr && extra_->dropped > 0;  // so there may be more
  if (!has_dropped && lingers_if_unread(lingering)) {
    std::byte unread_input[256];  // a callback that runs a host's loop may still read the buffer
    const std::ptrdiff_t unread = receive(unread_input);
    if (unread == 0) return end(CloseReason::eof);
    if (unread < 0) return is_transient(errno) ? end(CloseReason::closed) : end_for(errno);
  }
  // Lingering is optional, and takes memory.
  if (try_extra() == nullptr) return end(CloseReason::closed);
  if (state_.output() != Output::finished) transmit_end();
  state_.linger();
  update_interest();
  if (extra_->close_deadline == never)
    extra_->close_deadline = after(context().now(), options().close_timeout);
  deadlines_changed();
}

// --- the end ------------------------------------------------------------------------------------

void StreamImpl::end_for(int error, Limit limit) noexcept { end(reason_of(error), error, limit); }

void StreamImpl::end(CloseReason reason, int error, Limit limit) noexcept {
  if (state_.is_over()) return;
  const bool has_begun = !state_.has(StreamState::securing);  // nothing was sent before
  leave_reactor();
  state_.end(reason, limit);
  active_at_ = static_cast<std::uint32_t>(error);
  const Cork& cork = context().cork();
  const bool has_corked = cork.is_held_by(*this) && !cork.empty();
  // The peer must not take a part of the output for the whole.
  if (reason == CloseReason::overflow || (has_begun && (has_corked || output_waits())))
    state_.set(StreamState::resets);
  context().withdraw_cork(*this);
  if (extra_ != nullptr) {
    drop_output();
    extra_->connector.reset();
  }
  context().run_at_end_of_turn(*this);
}

/// Leaves the poller and the deadlines. The descriptor is open still; `next` says for how long.
void StreamImpl::leave_reactor(Descriptor next) noexcept {
  if (extra_ != nullptr) extra_->source.reset();
  if (state_.is_over()) return;
  leave_handshake();
  if (state_.connecting()) return context().remove(*this);
  if (fd_ < 0) return;
  end_watch(next);
  context().remove(*this);
}

Close StreamImpl::close_info() const noexcept {
  Close close{state_.reason(), {}, limit_names[static_cast<std::size_t>(state_.limit())]};
  if (active_at_ != 0) close.error = system_error(static_cast<int>(active_at_));
  if (extra_ != nullptr && close.reason == CloseReason::not_connected) close.what = extra_->what;
  if (extra_ != nullptr && extra_->close_error) close.error = extra_->close_error;
  if (extra_ != nullptr && extra_->layer != nullptr && close.what.empty())
    if (const StreamLayer::Failure* const failure = extra_->layer->failure())
      close.what = failure->what;
  return close;
}

inline void StreamImpl::report_close() {
  state_.reported();
  const Close close = close_info();
  StreamOwner* const owner = this->owner();
  struct AfterClose {  // also after an exception
    StreamImpl& stream;
    StreamOwner* owner;
    const StreamObserver observer{stream.context(), stream};
    ~AfterClose() {
      if (observer.stream_is_gone()) return;
      stream.close_descriptor();
      if (owner != nullptr) owner->ended(stream);
    }
  } const after_close{*this, owner};
  const auto report = [&] { handler_->on_close(*this, close); };
  (void)call(report);  // `after_close` checks whether the stream is gone
}

void StreamImpl::silence() noexcept {
  if (state_.life() == Life::kept) context().remove(*this);
  leave_reactor();  // it may live until its call has returned
  state_.silence();
  close_descriptor();
}

void StreamImpl::close_descriptor() noexcept {
  if (fd_ < 0 || state_.has(StreamState::lent)) return;
  Socket socket{net(), std::exchange(fd_, -1)};
  const bool resets = state_.has(StreamState::resets) && state_.is_socket();
  if (resets && !is_inherited()) socket.reset();
}

// A child closes its descriptor, and changes nothing that it shares with its parent: a shutdown or
// the option of a reset would end the parent's connection.

void StreamImpl::inherit() noexcept {
  if (fd_ < 0) return;
  if (try_extra() != nullptr) extra_->is_inherited = true;  // without memory it is as before
  if (output_waits()) drop_output();
}

bool StreamImpl::is_inherited() const noexcept {
  return (extra_ != nullptr && extra_->is_inherited) || context().loop().forked();
}

void StreamImpl::request_drain() noexcept {
  state_.set(StreamState::drain_due);
  context().run_at_end_of_turn(*this);
}

}  // namespace rondo::detail
