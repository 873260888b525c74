// SPDX-License-Identifier: MIT
// What tasks wait for: input that read() alone does not give, room for output, the end of it, the
// end of the connection, and that the server drains.
#include <rondo/connection_awaiters.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "connection_extra.h"
#include "stream/stream_impl.h"
#include "text/length_prefix.h"

namespace rondo {

using detail::StreamImpl;
using detail::TaskPromise;

// --- input --------------------------------------------------------------------------------------

void Connection::Request::suspend(TaskPromise& task) {
  Extra& more = connection().make_extra();
  more.request = this;
  StreamImpl::of(*connection().stream_).release_input();
  wait_.suspend(task, "Connection: input");
}

Connection::Request::~Request() {
  if (connection_ == nullptr || !connection().is(extra)) return;
  Extra& more = connection().get_extra();
  if (more.request != this) return;
  more.request = nullptr;
  StreamImpl::of(*connection().stream_).hold_input();
}

bool Connection::ReadSome::is_complete() {
  return connection().unread_bytes() > 0 || connection().input_is_over();
}

std::size_t Connection::ReadSome::await_resume() {
  const std::size_t size = std::min(connection().unread_bytes(), into_.size());
  if (size == 0) connection().throw_if_lost("read");
  if (size > 0) std::memcpy(into_.data(), connection().take(size).data(), size);
  return size;
}

bool Connection::ReadExactly::is_complete() {
  return connection().unread_bytes() >= size_ || connection().input_is_over();
}

LentBytes Connection::ReadExactly::await_resume() {
  if (connection().unread_bytes() < size_) connection().throw_incomplete("read");
  return connection().take(size_);
}

bool Connection::ReadUntil::is_complete() {
  RONDO_REQUIRE(!delimiter_.empty(), "Connection::read_until", " was given an empty delimiter.");
  Connection& from = connection();
  const std::size_t found = from.find(delimiter_, searched_);
  if (found != std::string_view::npos) end_ = found + delimiter_.size();
  const std::size_t unread = from.unread_bytes();
  if (unread >= delimiter_.size()) searched_ = unread - delimiter_.size() + 1;
  return end_ > 0 || unread >= max_ || from.input_is_over();
}

LentBytes Connection::ReadUntil::await_resume() {
  Connection& from = connection();
  if (end_ > 0 && end_ <= max_) return from.take(end_);
  const std::size_t unread = from.unread_bytes();
  if (unread >= max_ || end_ > max_) {
    throw std::system_error(std::make_error_code(std::errc::message_size),
                            "read_until: no delimiter in " + std::to_string(max_) + " bytes");
  }
  if (unread > 0) from.throw_incomplete("read_until");
  from.throw_if_lost("read_until");
  return {};
}

bool Connection::ReadToEnd::is_complete() {
  return connection().unread_bytes() > max_ || connection().input_is_over();
}

LentBytes Connection::ReadToEnd::await_resume() {
  Connection& from = connection();
  const std::size_t unread = from.unread_bytes();
  if (unread > max_) {
    throw std::system_error(std::make_error_code(std::errc::message_size),
                            "read_to_end: more than " + std::to_string(max_) + " bytes");
  }
  from.throw_if_lost("read_to_end");
  return unread > 0 ? from.take(unread) : LentBytes{};
}

Connection::ReadFrame::ReadFrame(Connection* connection, LengthFormat format,
                                 std::size_t max) noexcept
    : Request(*connection), format_(detail::checked(format)), max_(max) {}

bool Connection::ReadFrame::has_arrived() const noexcept {
  return length_ && connection().unread_bytes() - format_.size >= *length_;
}

bool Connection::ReadFrame::is_complete() {
  Connection& from = connection();
  if (!length_ && from.unread_bytes() >= format_.size)
    length_ = detail::parse_length(from.look_at(format_.size), format_);
  return has_arrived() || (length_ && *length_ > max_) || from.input_is_over();
}

std::optional<LentBytes> Connection::ReadFrame::await_resume() {
  Connection& from = connection();
  if (length_ && *length_ > max_) {
    throw std::system_error(std::make_error_code(std::errc::message_size),
                            "read_frame: " + std::to_string(*length_) + " bytes, of " +
                                std::to_string(max_) + " that are allowed");
  }
  if (has_arrived()) {
    (void)from.take(format_.size);  // it is in length_
    return from.take(static_cast<std::size_t>(*length_));
  }
  if (from.unread_bytes() > 0) from.throw_incomplete("read_frame");
  from.throw_if_lost("read_frame");
  return {};
}

// --- the rest -----------------------------------------------------------------------------------

void Connection::Waiter::suspend(detail::TaskPromise& task) {
  Extra& more = connection().make_extra();
  next_ = std::exchange(more.waiters, this);
  wait_.suspend(task, what_);
}

Connection::Waiter::~Waiter() {
  if (connection_ == nullptr || !connection().is(extra)) return;
  for (Waiter** at = &connection().get_extra().waiters; *at != nullptr; at = &(*at)->next_) {
    if (*at != this) continue;
    *at = next_;
    return;
  }
}

bool Connection::Writable::is_complete() {
  const StreamImpl& stream = StreamImpl::of(connection().stream());
  return !stream.is_writable() || !stream.is_full();
}

void Connection::Writable::await_resume() const {
  if (!connection().stream().is_writable()) throw connection().failure("write");
}

SendResult Connection::TrySend::await_resume() const noexcept {
  if (status() == WriteStatus::accepted || connection().stream().is_writable()) return {};
  return SendResult{connection()};
}

bool Connection::Flushed::is_complete() {
  StreamImpl& stream = StreamImpl::of(connection().stream());
  stream.flush();
  if (stream.has_ended() || stream.unsent_bytes() == 0) return true;
  stream.await_flush();
  return false;
}

void Connection::Flushed::await_resume() const { connection().throw_if_lost("flush"); }

bool Connection::Closed::is_complete() {
  return StreamImpl::of(connection().stream()).has_reported_end();
}

Close Connection::Closed::await_resume() const {
  return StreamImpl::of(connection().stream()).close_info();
}

bool Connection::Draining::is_complete() {
  Extra& more = connection().make_extra();
  more.handles_draining = true;
  return more.drains || connection().stream().is_closing();
}

}  // namespace rondo
