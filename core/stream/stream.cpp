// SPDX-License-Identifier: MIT
// How a stream is made, its options and addresses.
#include <rondo/stream.h>

#include <sys/socket.h>

#include <memory>
#include <new>
#include <string>
#include <utility>

#include <rondo/assert.h>
#include <rondo/reactor.h>

#include "socket/adopted.h"
#include "socket/rights.h"
#include "stream_impl.h"

namespace rondo {

using detail::StreamImpl;

void StreamHandler::on_end(Stream& stream) { stream.close(); }

void StreamHandler::on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors) {
  on_data(stream, data);
}

Stream::~Stream() = default;

Result<std::unique_ptr<Stream>> Stream::adopt(Reactor& reactor, Socket socket,
                                              StreamHandler& handler,
                                              const StreamOptions& options) {
  auto prepared = detail::prepare_adopted(socket, detail::AdoptedAs::stream, "open a stream on");
  // A pipe or a terminal is no socket; the stream looks what it is.
  if (!prepared && prepared.error() != std::errc::not_a_socket) return std::move(prepared).error();
  auto stream = StreamImpl::start(reactor, socket.fd(), handler, options);
  if (stream) (void)socket.release();  // it belongs to the stream now
  return stream;
}

Result<std::unique_ptr<Stream>> Stream::adopt(Reactor& reactor, Socket socket,
                                              StreamFunctions functions,
                                              const StreamOptions& options) {
  detail::OwnedHandler handler = detail::handler_that_calls(std::move(functions));
  auto stream = adopt(reactor, std::move(socket), *handler, options);
  if (stream) StreamImpl::of(**stream).own_handler(std::move(handler));
  return stream;
}

void Stream::close_detached(std::unique_ptr<Stream> stream) {
  RONDO_REQUIRE(stream != nullptr, "Stream::close_detached",
                " was called without a stream: the pointer is null.");
  if (stream == nullptr) return;
  if (StreamImpl::of(*stream).detach()) (void)stream.release();  // the context owns it now
}

}  // namespace rondo

namespace rondo::detail {

void check_thread(const Stream& stream, const char* call) noexcept {
  static_cast<const StreamImpl&>(stream).check(call);
}

StreamImpl::StreamImpl(StreamGroup& group, StreamHandler* handler, StreamState state) noexcept
    : group_(&group), handler_(handler), state_(state) {
  group.context.stream_added();
}

StreamImpl::~StreamImpl() {
  check("the destructor of Stream");
  leave_reactor();
  context().forget(*this);
  context().stream_removed();
  close_descriptor();
  if (extra_ != nullptr) drop_output();
  delete extra_;
  if (state_.has(StreamState::owns_group)) delete group_;
}

Result<std::unique_ptr<Stream>> StreamImpl::start(Reactor& reactor, int fd, StreamHandler& handler,
                                                  const StreamOptions& options) {
  check_thread(reactor, "Stream::adopt");
  StreamContext& context = StreamContext::of(reactor);
  context.make_room();
  auto group = std::make_unique<StreamGroup>(context, options);
  auto stream = std::make_unique<StreamImpl>(*group, &handler,
                                             StreamState{Life::opening, StreamState::owns_group});
  (void)group.release();  // it belongs to the stream now
  std::error_code error = stream->find_out_kind(fd);
  if (!error) error = stream->set_nonblocking(fd);
  if (!error) error = stream->open(fd);
  if (error) return Error{error, "open a stream on descriptor " + std::to_string(fd)};
  context.run_at_end_of_turn(*stream);
  return std::unique_ptr<Stream>{std::move(stream)};
}

void StreamImpl::own_handler(OwnedHandler handler) {
  handler_ = handler.get();
  extra().handler = std::move(handler);
}

/// For a descriptor from the user: one that was accepted or connected here is a socket.
std::error_code StreamImpl::find_out_kind(int fd) noexcept {
  int type = 0;
  const auto room = std::as_writable_bytes(std::span{&type, 1});
  const int result = net().option(fd, SOL_SOCKET, SO_TYPE, room);
  if (result >= 0) return {};
  if (result != -ENOTSOCK) return system_error(-result);
  const int direction = net().opened_for(fd);
  if (direction < 0) return system_error(-direction);
  state_.set_kind(kind_of(fd));
  // The end of a pipe that is for one direction has finished the other from the beginning.
  if (static_cast<Direction>(direction) == Direction::write) state_.end_input();
  if (static_cast<Direction>(direction) == Direction::read) {
    state_.finish_output();
    state_.output_finished();
  }
  return {};
}

std::error_code StreamImpl::set_nonblocking(int fd) noexcept {
  if (state_.is_socket()) return {};
  const int result = net().set_nonblocking(fd);
  return result < 0 ? system_error(-result) : std::error_code{};
}

std::error_code StreamImpl::open(int fd, Watch watch) noexcept try {
  StreamContext& shared = context();
  const StreamOptions& limits = options();
  if (layers_of_all_streams != nullptr) add_layer_of_tests();
  if (limits.lifetime != forever) extra().opened_at = shared.now();
  if (limits.handshake_timeout != forever || state_.has(StreamState::securing))
    extra().handshake_from = shared.now();
  if (limits.read_timeout != forever) {
    extra().read_at = shared.now();
    state_.set(StreamState::reads_timed);
  }
  if (output_waits()) extra().progress_at = shared.now();
  if (limits.receive_descriptors && state_.is_socket()) {
    state_.set(StreamState::takes_descriptors);
    if (owner() == nullptr) accept_descriptors(net(), fd, true);  // a server may have had it
  }
  active_at_ = shared.tick();
  const TimePoint now = shared.now();
  const TimePoint deadline = first_deadline(now).when;
  shared.add(*this, deadline);
  const Ready interest = state_.reads() ? Ready::read : Ready::none;
  if (const std::error_code error = begin_watch(fd, interest, std::move(watch))) {
    shared.remove(*this);
    return error;
  }
  fd_ = fd;
  if (state_.has(StreamState::securing)) shared.run_at_end_of_turn(*this);
  if (deadline <= now || state_.has(StreamState::layered)) deadlines_changed();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

void StreamImpl::set_handler(StreamHandler& handler) noexcept {
  check("Stream::set_handler");
  handler_ = &handler;
}

const StreamOptions& StreamImpl::options() const noexcept {
  check("Stream::options");
  return extra_ != nullptr && extra_->options != nullptr ? *extra_->options : group_->options;
}

void StreamImpl::set_options(const StreamOptions& options) {
  check("Stream::set_options");
  StreamExtra& own = extra();
  own.options = std::make_unique<StreamOptions>(options);
  if (state_.is_over()) return;
  const StreamOptions& limits = *own.options;  // `options` may have been what it replaced
  const TimePoint now = context().now();
  active_at_ = context().tick();
  own.opened_at = limits.lifetime != forever ? now : never;
  const bool times_handshake = limits.handshake_timeout != forever && !state_.handshake_is_done();
  own.handshake_from = times_handshake || state_.has(StreamState::securing) ? now : never;
  own.read_at = limits.read_timeout != forever ? now : never;
  own.progress_at = output_waits() && own.source == nullptr ? now : never;
  state_.assign(StreamState::reads_timed, own.read_at != never);
  state_.assign(StreamState::takes_descriptors, limits.receive_descriptors && state_.is_socket());
  if (state_.has(StreamState::takes_descriptors) && fd_ >= 0)
    accept_descriptors(net(), fd_, true);  // the server may not
  if (output_waits()) {
    if (!keeps_limits()) return;
    if (is_above_high_water()) state_.set(StreamState::above_high_water);
  }
  // It may be below the new low-water mark.
  if (state_.has(StreamState::above_high_water)) context().run_at_end_of_turn(*this);
  if (fd_ >= 0) deadlines_changed();
  update_interest();
}

Result<Endpoint, std::error_code> StreamImpl::local_endpoint() const noexcept {
  check("Stream::local_endpoint");
  Endpoint endpoint;
  const int result = net().local_endpoint(fd_, endpoint);
  if (result < 0) return system_error(-result);
  return endpoint;
}

Result<Endpoint, std::error_code> StreamImpl::remote_endpoint() const noexcept {
  check("Stream::remote_endpoint");
  Endpoint endpoint;
  const int result = net().remote_endpoint(fd_, endpoint);
  if (result < 0) return system_error(-result);
  return endpoint;
}

Result<Credentials, std::error_code> StreamImpl::peer_credentials() const noexcept {
  check("Stream::peer_credentials");
  Credentials peer;
  const int result = net().credentials(fd_, peer);
  if (result < 0) return system_error(-result);
  return peer;
}

}  // namespace rondo::detail
