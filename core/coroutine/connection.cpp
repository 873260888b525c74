// SPDX-License-Identifier: MIT
// The input of a Connection. Where it is on its way:
//
//   in the reactor's buffer   on_data lends it, by a Delivery on its stack. Usually a task waits in
//                             read(), takes all of it, and is suspended in the next read(): the
//                             path of deliver(), which costs few instructions
//   in an Extra               what was left when on_data returned, in a buffer of its own, and what
//                             a task gathers that needs more than the next input
//   in the system             while no task reads: the stream is paused when more arrives
//
// One word of the connection, input_, is the Delivery, or the Extra, or the task that waits in
// read(), or tells that there is none of them: see Connection::Kind. While a task waits in read()
// there is no Extra, unless another one waits for something else.
#include <rondo/connection.h>

#include <string>
#include <utility>

#include "connection_delivery.h"
#include "connection_extra.h"
#include "stream/stream_impl.h"

namespace rondo {

using detail::StreamImpl;
using detail::TaskPromise;

Connection::~Connection() {
  if (!is(extra)) return;
  Extra* const more = &get_extra();
  RONDO_REQUIRE(more->request == nullptr && !more->reader && more->waiters == nullptr,
                "A Connection was destroyed while a task waits for it. Destroy that task first.");
  if (more->request != nullptr) more->request->connection_ = nullptr;
  for (Waiter* one = more->waiters; one != nullptr; one = one->next_) one->connection_ = nullptr;
  delete more;
}

// --- what the stream calls ----------------------------------------------------------------------

/// The owner of this one may destroy it at any time.
void Connection::on_data(Stream&, Bytes data) {
  StreamImpl& stream = StreamImpl::of(*stream_);
  const detail::StreamObserver observer{stream.context(), stream};
  deliver(data, [&] { return observer.stream_is_gone(); });
}

/// Input has arrived while no task waits in read(), or where there is an Extra already.
void Connection::begin_elsewhere(Bytes data) {
  Extra& more = make_extra();
  more.input.feed(data);
  more.is_lent = true;
  resume_readers();
}

/// The task has returned, and does not simply wait for more input.
void Connection::end_delivery() try {
  StreamImpl& stream = StreamImpl::of(*stream_);
  if (input_ == taken || input_ == idle) {
    input_ = idle;
    return stream.hold_input();
  }
  Extra& more = make_extra();
  more.is_lent = false;
  more.input.keep();
  if (!more.reader && more.request == nullptr) stream.hold_input();
  drop_extra_if_spare();
} catch (...) {
  drop_input();
  throw;
}

/// An exception has left the task that serves the connection, or there is no memory for what is
/// lent: it is aborted.
void Connection::drop_input() noexcept {
  if (input_ == taken || is(lent)) input_ = idle;
  if (!is(extra)) return;
  get_extra().is_lent = false;
  get_extra().input.clear();
}

void Connection::on_end(Stream&) { resume_readers(); }

void Connection::on_writable(Stream&) { notify(); }

void Connection::on_close(Stream&, const Close&) {
  notify();
  resume_readers();
}

/// Input has arrived, or no more comes. The connection may be gone afterwards.
void Connection::resume_readers() {
  Reader ready;
  if (is(reader)) {
    ready = waiting_reader();
    input_ = idle;
  } else if (is(extra)) {
    Extra& more = get_extra();
    ready = std::exchange(more.reader, {});
    if (more.request != nullptr && more.request->is_complete())
      return std::exchange(more.request, nullptr)->wait_.resume();
  }
  if (ready) ready.promise().context().run(ready);
}

// --- read() -------------------------------------------------------------------------------------

/// False: the task need not wait.
bool Connection::suspend_reader_elsewhere(Reader task) noexcept {
  expect_no_reader();
  drop_extra_if_spare();
  StreamImpl& stream = StreamImpl::of(*stream_);
  if (unread_bytes() > 0 || !stream.is_reading()) return false;
  if (is(extra)) {
    get_extra().reader = task;
  } else {
    set(reader, task.address());
  }
  stream.release_input();
  return true;
}

/// The task that waits in read() is destroyed. Input that it was to be resumed for, and has not
/// taken, stays.
void Connection::forget_reader() noexcept {
  if (is(extra)) {
    get_extra().reader = {};
  } else if (is(reader)) {
    input_ = idle;
  }
  StreamImpl::of(*stream_).hold_input();
}

/// After the start of the task that serves it.
void Connection::hold_input_unless_read() noexcept {
  if (input_ == idle) StreamImpl::of(*stream_).hold_input();
}

ReadResult Connection::take_input_elsewhere() noexcept {
  if (const LentBytes bytes = take_kept_input()) return ReadResult{bytes};
  return is_lost() ? ReadResult{*this} : ReadResult{};
}

LentBytes Connection::take_kept_input() noexcept {
  if (!is(extra)) return {};
  InputBuffer& input = get_extra().input;
  const std::string_view first = input.kept().empty() ? input.lent() : input.kept();
  input.drop(first.size());
  return LentBytes{std::as_bytes(std::span{first})};
}

void Connection::close() {
  stream_->close();
  if (input_ == taken) input_ = idle;  // the next read finds that no more comes
}

void Connection::abort() noexcept {
  stream_->abort();
  if (input_ == taken) input_ = idle;
}

Result<void> Connection::upgrade(StreamLayers& layers, std::string_view host) {
  return stream_->upgrade(layers, host, look_at(unread_bytes()));
}

// --- requests -----------------------------------------------------------------------------------

std::size_t Connection::unread_bytes() const noexcept {
  if (is(lent)) return delivery().rest.size();
  return is(extra) ? get_extra().input.size() : 0;
}

bool Connection::input_is_over() const noexcept { return !stream_->is_reading(); }

/// The first `size` bytes, which have arrived.
Bytes Connection::look_at(std::size_t size) {
  if (is(lent)) return delivery().rest.first(size);
  return std::as_bytes(std::span{get_extra().input.front(size)});
}

/// Takes the first `size` bytes, which have arrived.
LentBytes Connection::take(std::size_t size) {
  if (size == 0) return {};
  if (is(lent)) {
    Bytes& rest = delivery().rest;
    const Bytes first = rest.first(size);
    rest = rest.subspan(size);
    if (rest.empty()) input_ = taken;
    return LentBytes{first};
  }
  InputBuffer& input = get_extra().input;
  const std::string_view first = input.front(size);
  input.drop(size);
  return LentBytes{std::as_bytes(std::span{first})};
}

std::size_t Connection::find(std::string_view text, std::size_t from) const noexcept {
  if (is(lent)) return as_text(delivery().rest).find(text, from);
  return is(extra) ? get_extra().input.find(text, from) : std::string_view::npos;
}

const TaskPromise* Connection::reader_in_read() const noexcept {
  if (is(reader)) return &waiting_reader().promise();
  if (is(extra) && get_extra().reader) return &get_extra().reader.promise();
  return nullptr;
}

void Connection::expect_no_reader() const noexcept {
#ifndef NDEBUG
  const TaskPromise* other = reader_in_read();
  if (is(extra) && get_extra().request != nullptr) other = get_extra().request->wait_.task();
  if (other == nullptr) return;
  while (!other->has_place() && other->parent() != nullptr)
    other = other->parent();  // that was a branch of when_all and the like
  const std::string place =
      std::string{other->where().file_name()} + ':' + std::to_string(other->where().line());
  detail::misused("A second task reads from a Connection, while another one waits for input at ",
                  place.c_str());
#endif
}

// --- the end ------------------------------------------------------------------------------------

bool Connection::is_lost() const noexcept {
  const StreamImpl& stream = StreamImpl::of(*stream_);
  if (!stream.has_ended()) return false;
  const CloseReason reason = stream.close_reason();
  return reason != CloseReason::eof && reason != CloseReason::closed;
}

void Connection::throw_if_lost(const char* operation) const {
  if (is_lost()) throw failure(operation);
}

/// Why nothing can be read or written any more.
Disconnected Connection::failure(const char* operation) const {
  const StreamImpl& stream = StreamImpl::of(*stream_);
  return {*stream_, stream.has_ended() ? stream.close_info() : Close{CloseReason::closed},
          operation};
}

void Connection::throw_incomplete(const char* operation) {
  const StreamImpl& stream = StreamImpl::of(*stream_);
  const Close close = stream.has_ended() ? stream.close_info() : Close{CloseReason::eof};
  const LentBytes part = take(unread_bytes());
  throw IncompleteRead(*stream_, close, operation, part.text());
}

void Connection::drain() {
  if (is(extra) && get_extra().handles_draining) {
    get_extra().drains = true;
    return notify();
  }
  stream_->close();
  resume_readers();
}

/// Wakes those whose wait is over.
void Connection::notify() {
  if (!is(extra)) return;
  for (Waiter** at = &get_extra().waiters; *at != nullptr;) {
    Waiter& waiter = **at;
    if (waiter.is_complete()) {
      *at = waiter.next_;
      waiter.wait_.wake();
    } else {
      at = &waiter.next_;
    }
  }
}

// --- the extra ----------------------------------------------------------------------------------

Connection::Extra& Connection::make_extra() {
  if (is(extra)) return get_extra();
  auto made = std::make_unique<Extra>();
  if (is(lent)) made->input.feed(delivery().rest);
  made->is_lent = is(lent) || input_ == taken;
  if (is(reader)) made->reader = waiting_reader();
  set(extra, made.get());
  return *made.release();
}

void Connection::drop_extra_if_spare() noexcept {
  if (!is(extra) || !get_extra().is_spare()) return;
  const std::unique_ptr<Extra> spare{&get_extra()};
  input_ = idle;
  if (spare->reader) set(reader, spare->reader.address());
}

}  // namespace rondo
