// How streams end. Each ends once, by end(): its descriptor leaves the poller, what waits is
// dropped, and on_close is called when the stream is settled. The ways there:
//
//   shutdown_output()   the queue empties, shutdown; with the peer's end too: eof
//   close()    the queue empties, and the input, if any is unread, is dropped until the peer
//              finishes, so that no reset destroys what was sent last: closed, or eof
//   abort()    at once: aborted
//   the system's errors: reset or error; deadlines: timed_out; too much output: overflow
//
// When a stream has ended, heard_at_ holds the errno, and the top of the flags the reason.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <rondo/stream.h>

#include "stream_call.h"
#include "streams.h"

namespace rondo {

using detail::Streams;

namespace {

// Ticks are told apart for 52 days.
constexpr Duration idle_timeout_max = std::chrono::hours{24 * 50};
constexpr std::uint64_t lingering_input_max = std::uint64_t{16} << 20U;

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

constexpr std::string_view reason_names[] = {"eof",      "closed",  "reset",         "timed out",
                                             "overflow", "aborted", "not connected", "error"};
constexpr std::string_view deadline_names[] = {
    "", "idle timeout", "read timeout", "write timeout", "lifetime", "close timeout"};

}  // namespace

std::string Close::message() const {
  std::string text{what.empty() ? reason_names[static_cast<std::size_t>(reason)] : what};
  if (error) text += ": " + error.message();
  return text;
}

void detail::stream_threw(Stream& stream) {
  detail::StreamOwner* const owner = Streams::owner_of(stream);
  stream.abort();
  if (owner == nullptr || !owner->threw(std::current_exception())) throw;
}

void Stream::shutdown_output() {
  if (is(output_over)) return;
  flush();
  group_->streams.uncork(*this);  // it was flushed
  flags_ |= finishing;
  group_->streams.settle_later(*this);
}

void Stream::close() { close(options().close_timeout); }

void Stream::close(Duration timeout) {
  if (is(closing | ended)) return;
  flush();
  if (is(ended)) return;
  const bool has_deadline = output_waits() || timeout != options().close_timeout;
  if (has_deadline) (void)extra();  // before anything changes: it takes memory
  group_->streams.uncork(*this);    // it was flushed
  flags_ |= closing | finishing;
  if (is(is_connecting) && !output_waits()) return end(CloseReason::closed);  // nothing to wait for
  if (has_deadline) {
    extra_->close_deadline =
        timeout > Duration::zero() ? after(group_->streams.now(), timeout) : never;
    if (fd_ >= 0) deadlines_changed();
  }
  if (fd_ >= 0) update_interest();
  group_->streams.settle_later(*this);
}

void Stream::abort() noexcept {
  if (is(ended)) return;
  flags_ |= resets;
  end(CloseReason::aborted);
}

void Stream::close_detached(std::unique_ptr<Stream> stream) {
  struct Silent final : StreamHandler {
    void on_data(Stream&, Bytes) override {}  // none comes after close()
  };
  static Silent silent;
  stream->set_handler(silent);
  stream->close();
  if (stream->is(has_told)) return;
  Streams& streams = stream->group_->streams;
  // At the end of the reactor streams are found in the heap or the queue. One that connects is in
  // neither yet; one that has ended is in the queue.
  if (stream->is(is_connecting) && !stream->is(ended)) streams.add(*stream, never);
  Stream& close_detached = *stream.release();
  close_detached.flags_ &= ~std::uint32_t{is_opening};
  close_detached.group_->owner = &streams.alone();
}

bool Stream::is_connecting_alone() const noexcept {
  return is(is_connecting) && group_->owner == &group_->streams.alone();
}

void Stream::end_for(int error) noexcept { end(reason_of(error), error); }

void Stream::end(CloseReason reason, int error, Deadline deadline) noexcept {
  if (is(ended)) return;
  detach();
  flags_ |= ended | static_cast<std::uint32_t>(reason) << reason_shift |
            static_cast<std::uint32_t>(deadline) << deadline_shift;
  heard_at_ = static_cast<std::uint32_t>(error);
  Streams& streams = group_->streams;
  const bool is_corked = streams.corked == this && streams.cork_used > 0;
  // The peer must not take a part of the output for the whole.
  if (reason == CloseReason::overflow || is_corked || is(has_output)) flags_ |= resets;
  streams.uncork(*this);
  if (extra_ != nullptr) {
    extra_->output.clear();
    flags_ &= ~std::uint32_t{has_output};
    extra_->connector.reset();
  }
  streams.settle_later(*this);
}

/// Leaves the poller and the deadlines. The descriptor stays open.
void Stream::detach() noexcept {
  if (is(ended)) return;
  Streams& streams = group_->streams;
  if (is_connecting_alone()) streams.remove(*this);
  if (fd_ < 0) return;
  if (!is(is_always_ready)) streams.loop().unwatch(streams.loop().token_of(fd_));
  streams.remove(*this);
}

/// What is to be done at the end of a turn. Each call of the handler may be the last thing here.
void Stream::settle() {
  if (is(is_opening) && !is(ended)) {
    flags_ &= ~std::uint32_t{is_opening};
    if (!is(closing) && !call([this] { handler_->on_open(*this); })) return;
  }
  if (is(was_resumed)) {
    flags_ &= ~std::uint32_t{was_resumed};
    if (!is(closing | ended | paused) && !call([this] { handler_->on_resume(*this); })) return;
  }
  if (is(is_always_ready) && !is(input_over | paused)) return take_from_file();
  if (is(is_to_drain) && !is(ended)) {
    flags_ &= ~std::uint32_t{is_to_drain};
    if (!is(closing) && !call([this] { group_->owner->drain(*this); })) return;
  }
  if (!is(ended | is_connecting) && !settle_output()) return;
  if (is(ended) && !is(has_told)) tell_close();
}

/// False: the stream is gone.
bool Stream::settle_output() {
  if (output_waits() && !is(blocked)) drain();
  if (!is(ended) && is(above_mark) && !tell_writable()) return false;
  if (!is(ended) && !output_waits()) output_has_left();
  // An idle stream holds nothing but itself.
  if (extra_ != nullptr && extra_->is_spare()) delete std::exchange(extra_, nullptr);
  return true;
}

/// Calls on_writable if the output has fallen far enough. False: the stream is gone.
bool Stream::tell_writable() {
  if (output_waits() && extra_->output.memory() > options().write_high_water) return true;
  flags_ &= ~std::uint32_t{above_mark};
  update_interest();
  return is(output_over) || call([this] { handler_->on_writable(*this); });
}

/// Nothing waits any more: takes the next step towards the end.
void Stream::output_has_left() {
  if (is(closing)) {
    if (!is(lingering)) close_or_linger();
    return;
  }
  if (is(finishing) && !is(finished)) {
    flags_ |= finished;
    // It fails where the connection has: the input will tell.
    if (!is(is_file)) (void)group_->streams.net().shutdown(fd_, Direction::write);
  }
  if (is(finished) && is(input_ended)) end(CloseReason::eof);
}

void Stream::close_or_linger() {
  Streams& streams = group_->streams;
  const LingeringClose linger = options().lingering_close;
  if (is(output_failed)) return end_for(extra_->error);
  if (is(input_ended)) return end(CloseReason::eof);
  if (is(is_file) || linger == LingeringClose::off) return end(CloseReason::closed);
  const bool has_dropped = extra_ != nullptr && extra_->dropped > 0;  // so there may be more
  if (linger == LingeringClose::if_unread && !has_dropped) {
    const std::ptrdiff_t unread = streams.net().read(streams.buffer(), fd_);
    if (unread == 0) return end(CloseReason::eof);
    if (unread < 0) {
      return detail::is_not_now(errno) ? end(CloseReason::closed) : end_for(errno);
    }
  }
  // To linger is a courtesy, and takes memory.
  if (try_extra() == nullptr) return end(CloseReason::closed);
  // It fails where the connection has: then there is no input either.
  if (!is(finished)) (void)streams.net().shutdown(fd_, Direction::write);
  flags_ |= lingering | finished;
  update_interest();
  const Duration timeout = options().close_timeout;
  if (extra_->close_deadline == never && timeout > Duration::zero()) {
    extra_->close_deadline = after(streams.now(), timeout);
  }
  deadlines_changed();
}

/// A stream that closes reads on while its output waits: a peer that does not take it before it has
/// sent all of its own output would otherwise wait for this side for ever, and this side for it.
bool Stream::drops_input() const noexcept {
  if (is(lingering)) return true;
  return is(closing) && !is(input_ended | ended | is_file) && output_waits() &&
         options().lingering_close != LingeringClose::off;
}

/// What came while closing or lingering. False, for take_input().
bool Stream::input_dropped(std::size_t size) {
  extra().dropped += size;
  if (is(lingering) && extra_->dropped > lingering_input_max) end(CloseReason::closed);
  return false;
}

void Stream::tell_close() {
  flags_ |= has_told;
  const auto reason = static_cast<CloseReason>(flags_ >> reason_shift & 0xfU);
  const std::uint32_t deadline = flags_ >> deadline_shift;
  Close close{reason, {}, deadline_names[deadline]};
  if (heard_at_ != 0) close.error = system_error(static_cast<int>(heard_at_));
  if (extra_ != nullptr && reason == CloseReason::not_connected) close.what = extra_->what;
  if (extra_ != nullptr && extra_->close_error) close.error = extra_->close_error;
  detail::StreamOwner* const owner = group_->owner;
  const auto told = [this, owner] {
    close_descriptor();
    if (owner != nullptr) owner->ended(*this);
  };
  // Knows it also after an exception.
  const Streams::Frame frame{group_->streams, *this, Streams::Frame::Kind::witness};
  try {
    (void)call([&] { handler_->on_close(*this, close); });  // the frame knows
  } catch (...) {
    if (!frame.stream_is_gone()) told();
    throw;
  }
  if (!frame.stream_is_gone()) told();
}

void Stream::close_descriptor() noexcept {
  if (fd_ < 0 || is(is_lent)) return;
  Socket socket{group_->streams.net(), std::exchange(fd_, -1)};
  if (is(resets) && !is(is_file)) socket.reset();
}

// --- deadlines ----------------------------------------------------------------------------------

/// Ends the stream if one of its deadlines has passed. Returns the first of those to come.
TimePoint Stream::look_at_deadlines(TimePoint now) noexcept {
  const StreamOptions& limits = options();
  TimePoint first = never;
  Deadline which = Deadline::none;
  const auto consider = [&](TimePoint deadline, Deadline kind) {
    if (deadline >= first) return;
    first = deadline;
    which = kind;
  };
  if (limits.idle_timeout > Duration::zero()) {
    const Duration idle = std::min(limits.idle_timeout, idle_timeout_max);
    consider(after(Streams::end_of(heard_at_, now), idle), Deadline::idle);
  }
  if (extra_ != nullptr) {
    const detail::StreamExtra& extra = *extra_;
    if (extra.read_at != never && !is(input_over | paused))
      consider(after(extra.read_at, limits.read_timeout), Deadline::read);
    if (extra.progress_at != never)
      consider(after(extra.progress_at, limits.write_timeout), Deadline::write);
    if (extra.opened_at != never)
      consider(after(extra.opened_at, limits.lifetime), Deadline::lifetime);
    consider(extra.close_deadline, Deadline::close);
  }
  if (first > now) return first;
  // Lingering is a courtesy: all that was to be sent has been.
  if (is(lingering)) {
    end(CloseReason::closed);
  } else {
    end(CloseReason::timed_out, ETIMEDOUT, which);
  }
  return never;
}

void Stream::deadlines_changed() noexcept {
  Streams& streams = group_->streams;
  const TimePoint next = look_at_deadlines(streams.now());
  if (!is(ended)) streams.sooner(*this, next);
}

}  // namespace rondo
