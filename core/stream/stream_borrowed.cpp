// SPDX-License-Identifier: MIT
// A descriptor that the stream does not own, and that other programs share, such as standard
// output.
//
// O_NONBLOCK belongs to the file description, which all of them share: a shell whose terminal has
// become non-blocking fails to read from it. So the flag is never set. The stream opens a pipe or a
// terminal again instead (Net::reopen) and owns the result, which nothing else shares. Where that
// is not possible (a socket, another system, no /proc), it is `lent` the descriptor: it asks before
// each call whether the call would block (Net::read_shared), and shuts nothing down.
//
// What a poller does not take (a file, /dev/null) is unpollable. It is read and written to at the
// end of each turn. A work guard stands in for the watch: it keeps run() from returning until the
// input has ended.
#include <rondo/stream.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <rondo/reactor.h>

#include "socket/adopted.h"
#include "stream_impl.h"

namespace rondo {

using detail::StreamImpl;

namespace {

/// If a program is started without standard descriptors, the files that it opens first get their
/// numbers. Most of these are close-on-exec, which a descriptor is not when a program starts.
Result<std::unique_ptr<Stream>> borrow_standard(Reactor& reactor, int fd, Direction direction,
                                                StreamHandler& handler,
                                                const StreamOptions& options) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags >= 0 && (flags & FD_CLOEXEC) != 0)
    return Error{std::make_error_code(std::errc::bad_file_descriptor),
                 "open a stream on descriptor " + std::to_string(fd)};
  return StreamImpl::borrow(reactor, fd, direction, handler, options);
}

}  // namespace

Result<std::unique_ptr<Stream>> Stream::borrow(Reactor& reactor, int fd, Direction direction,
                                               StreamHandler& handler,
                                               const StreamOptions& options) {
  return StreamImpl::borrow(reactor, fd, direction, handler, options);
}

Result<std::unique_ptr<Stream>> Stream::standard_input(Reactor& reactor, StreamHandler& handler,
                                                       const StreamOptions& options) {
  return borrow_standard(reactor, STDIN_FILENO, Direction::read, handler, options);
}

Result<std::unique_ptr<Stream>> Stream::standard_output(Reactor& reactor, StreamHandler& handler,
                                                        const StreamOptions& options) {
  return borrow_standard(reactor, STDOUT_FILENO, Direction::write, handler, options);
}

Result<std::unique_ptr<Stream>> Stream::standard_error(Reactor& reactor, StreamHandler& handler,
                                                       const StreamOptions& options) {
  return borrow_standard(reactor, STDERR_FILENO, Direction::write, handler, options);
}

}  // namespace rondo

namespace rondo::detail {

Result<std::unique_ptr<Stream>> StreamImpl::borrow(Reactor& reactor, int fd, Direction direction,
                                                   StreamHandler& handler,
                                                   const StreamOptions& options) {
  check_thread(reactor, "Stream::borrow");
  StreamContext& context = StreamContext::of(reactor);
  auto defect = find_defect(context.net(), fd, AdoptedAs::stream, "open a stream on");
  if (defect && *defect != std::errc::not_a_socket) return std::move(*defect);
  context.make_room();
  auto group = std::make_unique<StreamGroup>(context, options);
  auto stream = std::make_unique<StreamImpl>(*group, &handler,
                                             StreamState{Life::opening, StreamState::owns_group});
  (void)group.release();  // it belongs to the stream now
  if (const std::error_code error = stream->open_borrowed(fd, direction))
    return Error{error, "open a stream on descriptor " + std::to_string(fd)};
  context.run_at_end_of_turn(*stream);
  return std::unique_ptr<Stream>{std::move(stream)};
}

std::error_code StreamImpl::open_borrowed(int fd, Direction direction) noexcept {
  const int opened_for = net().opened_for(fd);
  if (opened_for < 0) return system_error(-opened_for);
  state_.set_kind(kind_of(fd));
  use_direction(direction, static_cast<Direction>(opened_for));
  const int own = net().reopen(fd);
  if (own < 0) {
    state_.set(StreamState::lent);
    return open(fd);
  }
  Socket reopened{net(), own};
  const std::error_code error = open(own);
  if (!error) (void)reopened.release();  // it belongs to the stream now
  return error;
}

StreamState::Kind StreamImpl::kind_of(int fd) noexcept {
  return net().is_terminal(fd) ? StreamState::Kind::terminal : StreamState::Kind::file;
}

void StreamImpl::use_direction(Direction wanted, Direction opened_for) noexcept {
  if (wanted == Direction::both) wanted = opened_for;
  if (wanted == Direction::read) {
    state_.finish_output();
    state_.output_finished();
    // A poller would never report it. The first read fails with EBADF, which is taken for the end.
    if (opened_for == Direction::write) state_.set_kind(StreamState::Kind::unpollable);
  } else if (wanted == Direction::write) {
    state_.end_input();
    state_.set(StreamState::waits_for_output);
  }
}

/// `watch` is of the connector if the descriptor is: a change costs a system call less than an end
/// and a beginning.
std::error_code StreamImpl::begin_watch(int fd, Ready interest, Watch watch) noexcept {
  Loop& loop = context().loop();
  if (watch) {
    const Token token = take_token(std::move(watch));
    loop.set_handler(token, *this);
    loop.set(token, interest);
    return {};
  }
  if (state_.kind() != StreamState::Kind::unpollable) {
    const bool is_output = state_.has(StreamState::waits_for_output);
    // Without an interest the poller would not be asked whether it takes the descriptor.
    const Maker maker = owner() != nullptr ? Maker::reactor : Maker::user;
    const auto token = loop.watch(fd, is_output ? Ready::write : interest, *this, maker);
    if (token && is_output) {
      loop.set(*token, Ready::none);
      loop.set_referenced(*token, false);
    }
    if (token) return {};
    // An adopted descriptor that cannot be polled is an error.
    if (!state_.has(StreamState::lent) || token.error() != std::errc::operation_not_permitted)
      return token.error();
    state_.set_kind(StreamState::Kind::unpollable);
  }
  if (!state_.input_ended()) loop.add_work_guard();
  context().run_at_end_of_turn(*this);
  return {};
}

void StreamImpl::end_watch(Descriptor next) noexcept {
  Loop& loop = context().loop();
  if (state_.kind() != StreamState::Kind::unpollable) {
    const bool is_closed =
        next == Descriptor::is_closed_next && !state_.has(StreamState::lent) && !is_inherited();
    const Token token = loop.token_of(fd_);
    is_closed ? loop.unwatch_before_close(token) : loop.unwatch(token);
  } else if (!state_.input_ended()) {
    loop.remove_work_guard();
  }
}

/// Whether a failed read has found the end: the other end of a terminal has gone, or a borrowed
/// descriptor is not open for reading.
bool StreamImpl::means_end(int error) const noexcept {
  if (error == EIO) return state_.kind() == StreamState::Kind::terminal;
  return error == EBADF && state_.kind() == StreamState::Kind::unpollable;
}

}  // namespace rondo::detail
