// The model. A stream is a Handler whose input goes to its StreamHandler, read into the reactor's
// buffer, so that an idle stream holds no memory but itself: a word of flags, two counters, and an
// Extra while output waits.
//
//   on_ready  ->  read  ->  on_data  ->  write: into the cork  ->  the cork is sent
//
// Callbacks come from the reactor alone. What the user calls changes flags, makes system calls, and
// puts the stream on the list of those to be settled; settle(), at the end of the turn, sends what
// waits, takes the next step towards the end (stream_end.cpp), and tells the handler.
//
// After each call of the handler the stream may be gone: the Frame knows.
#include <rondo/stream.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <rondo/reactor.h>

#include "socket/rights.h"
#include "stream_call.h"
#include "streams.h"

namespace rondo {

using detail::StreamGroup;
using detail::Streams;

void StreamHandler::on_end(Stream& stream) { stream.close(); }

void StreamHandler::on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors) {
  on_data(stream, data);
}

Stream::Stream(StreamGroup& group, StreamHandler* handler, std::uint32_t flags) noexcept
    : group_(&group), handler_(handler), flags_(flags) {
  group.streams.joined();
}

Result<std::unique_ptr<Stream>, std::error_code> Stream::start(Reactor& reactor, int fd,
                                                               StreamHandler& handler,
                                                               const StreamOptions& options,
                                                               std::uint32_t flags) {
  Streams& streams = Streams::of(reactor);
  streams.make_room();
  auto group = std::make_unique<StreamGroup>(streams, options);
  std::unique_ptr<Stream> stream{new Stream{*group, &handler, flags | owns_group | is_opening}};
  (void)group.release();  // the stream's now
  if (const std::error_code error = stream->find_out_kind(fd)) return error;
  if (const std::error_code error = stream->open(fd)) return error;
  streams.settle_later(*stream);
  return stream;
}

Result<std::unique_ptr<Stream>, std::error_code> Stream::adopt(Reactor& reactor, Socket socket,
                                                               StreamHandler& handler,
                                                               const StreamOptions& options) {
  auto stream = start(reactor, socket.fd(), handler, options, 0);
  if (!stream) return stream;
  const int fd = socket.release();  // the stream's now
  if (!(*stream)->is(is_file)) return stream;
  const int result = (*stream)->group_->streams.net().set_nonblocking(fd);
  if (result < 0) return system_error(-result);
  return stream;
}

Result<std::unique_ptr<Stream>, std::error_code> Stream::standard_input(
    Reactor& reactor, StreamHandler& handler, const StreamOptions& options) {
  return start(reactor, STDIN_FILENO, handler, options, is_lent);
}

Stream::~Stream() {
  detach();
  group_->streams.forget(*this);
  group_->streams.left();
  close_descriptor();
  delete extra_;
  if (is(owns_group)) delete group_;
}

/// The end of a pipe that is for one direction alone has finished the other from the beginning.
std::uint32_t Stream::over_in_file(Direction direction) noexcept {
  if (direction == Direction::read) return finishing | finished;
  return direction == Direction::write ? input_ended : 0U;
}

/// For a descriptor from the user: one that was accepted or connected here is a socket.
std::error_code Stream::find_out_kind(int fd) noexcept {
  int type = 0;
  const auto room = std::as_writable_bytes(std::span{&type, 1});
  Net& net = group_->streams.net();
  const int result = net.option(fd, SOL_SOCKET, SO_TYPE, room);
  if (result >= 0) return {};
  if (result != -ENOTSOCK) return system_error(-result);
  const int direction = net.opened_for(fd);
  if (direction < 0) return system_error(-direction);
  flags_ |= is_file | over_in_file(static_cast<Direction>(direction));
  return {};
}

std::error_code Stream::open(int fd) noexcept try {
  Streams& streams = group_->streams;
  const StreamOptions& limits = options();
  if (limits.lifetime > Duration::zero()) extra().opened_at = streams.now();
  if (limits.read_timeout > Duration::zero()) {
    extra().read_at = streams.now();
    flags_ |= reads_are_timed;
  }
  if (limits.receive_descriptors && !is(is_file)) flags_ |= takes_descriptors;
  heard_at_ = streams.tick();
  streams.add(*this, never);
  const Ready interest = is(input_over | paused) ? Ready::none : Ready::read;
  if (const auto token = streams.loop().watch(fd, interest, *this); !token) {
    // Only what was asked for is read this way: a socket that cannot be polled is an error.
    if (!is(is_lent) || token.error() != std::errc::operation_not_permitted) {
      streams.remove(*this);
      return token.error();
    }
    flags_ |= is_always_ready;
    streams.settle_later(*this);
  }
  fd_ = fd;
  deadlines_changed();
  return {};
} catch (const std::bad_alloc&) {
  return std::make_error_code(std::errc::not_enough_memory);
}

// The hot path. What is rare is out of line, so that it costs nothing here.
void Stream::on_ready(Ready ready) {
  if (ready != Ready::read) [[unlikely]] {
    if (!goes_on_to_read(ready)) return;
  }
  if (take_input()) [[unlikely]]
    take_more_input();
}

/// True: the buffer was filled, so there may be more, and it is wanted.
inline bool Stream::take_input() {
  Streams& streams = group_->streams;
  if (streams.corked != nullptr || is(is_uncorked)) [[unlikely]]
    return take_uncorked();
  const std::ptrdiff_t received = streams.net().read(streams.buffer(), fd_);
  if (received <= 0) [[unlikely]]
    return input_stopped(received);
  heard_at_ = streams.tick();
  tally(received_, static_cast<std::size_t>(received));
  const auto size = static_cast<std::size_t>(received);
  streams.corked = this;
  try {
    handler_->on_data(*this, streams.buffer().first(size));
  } catch (...) {
    return corked_call_threw(streams, *this);
  }
  if (streams.corked != this) [[unlikely]]
    return !streams.end_corked_call() && send_answer(size);
  if (const std::size_t written = streams.cork_used; written != 0) [[likely]] {
    const std::ptrdiff_t sent = streams.net().write({streams.cork(), written}, fd_);
    if (sent != static_cast<std::ptrdiff_t>(written)) [[unlikely]]
      return cork_refused(sent);
    tally(sent_, written);
    streams.cork_used = 0;
  }
  streams.corked = nullptr;
  return wants_more(size);
}

inline bool Stream::wants_more(std::size_t received) const noexcept {
  return received == Streams::buffer_size && !is(input_over | paused | above_mark);
}

/// The same without a cork: output waits or is over, on_open is due, it is a file, descriptors may
/// come, or another call is running, which may still look at what is in the buffer.
bool Stream::take_uncorked() {
  Streams& streams = group_->streams;
  std::optional<std::vector<std::byte>> own;
  if (streams.corked != nullptr) {
    if (streams.is_in_call(*this)) return false;  // told again when that has returned
    own.emplace(Streams::buffer_size);
  }
  if (is(is_opening)) {
    flags_ &= ~std::uint32_t{is_opening};
    if (!call([this] { handler_->on_open(*this); }) || is(input_over | paused)) return false;
  }
  const MutableBytes buffer = own ? MutableBytes{*own} : streams.buffer();
  ReceivedDescriptors with;
  const std::ptrdiff_t received = is(takes_descriptors) && !is(closing)
                                      ? receive(buffer, with)
                                      : streams.net().read(buffer, fd_);
  if (received <= 0) return input_stopped(received);
  heard_at_ = streams.tick();
  tally(received_, static_cast<std::size_t>(received));
  const auto size = static_cast<std::size_t>(received);
  if (is(closing | ended)) return input_dropped(size);
  if (is(reads_are_timed)) extra_->read_at = streams.now();
  const Bytes data = buffer.first(size);
  if (with.lost || !with.descriptors.empty()) {
    return call([&] { handler_->on_descriptors(*this, data, std::move(with)); }) &&
           send_answer(size);
  }
  return call([&] { handler_->on_data(*this, data); }) && send_answer(size);
}

/// As Net::read, with the descriptors that came.
std::ptrdiff_t Stream::receive(MutableBytes into, ReceivedDescriptors& with) noexcept try {
  auto received = detail::receive_with_descriptors(group_->streams.net(), fd_, into);
  if (!received) {
    errno = received.error().value();
    return -1;
  }
  with = std::move(*received);
  return static_cast<std::ptrdiff_t>(with.size);
} catch (const std::bad_alloc&) {
  errno = ENOMEM;  // all that was received is closed
  return -1;
}

/// After a call that was not corked, or did not stay so.
bool Stream::send_answer(std::size_t received) {
  if (output_waits() && !is(blocked | is_connecting)) drain();
  return wants_more(received);
}

/// Inside a catch. The stream may be gone.
bool Stream::corked_call_threw(Streams& streams, Stream& stream) {
  streams.uncork(stream);
  struct End {  // the session whose call this is may own the exception
    Streams& streams;
    ~End() { (void)streams.end_corked_call(); }  // known already
  } end{streams};
  if (streams.uncorked_call_lost()) throw;
  detail::stream_threw(stream);
  return false;
}

/// Each turn what a poller would have told. The stream may be gone afterwards.
void Stream::take_from_file() {
  group_->streams.settle_later(*this);
  if (take_input()) return;  // what is left comes in the next turn, as what is not
}

void Stream::take_more_input() {
  if (is(is_file)) return;  // it may block
  const std::size_t budget = options().input_per_turn_max;
  for (std::size_t taken = Streams::buffer_size; taken < budget; taken += Streams::buffer_size)
    if (!take_input()) return;
}

/// Notes that there is room for output again.
bool Stream::goes_on_to_read(Ready ready) {
  if (can_write(ready)) {
    flags_ &= ~std::uint32_t{blocked};
    group_->streams.settle_later(*this);
  }
  return can_read(ready) && (drops_input() || !is(input_over | paused));
}

bool Stream::input_stopped(std::ptrdiff_t received) {
  const int error = errno;
  if (received < 0) {
    if (detail::is_not_now(error)) return false;
    // A lingering stream has sent everything: how the peer leaves does not matter.
    is(lingering) ? end(CloseReason::closed) : end_for(error);
  } else if (is(lingering)) {
    end(CloseReason::closed);
  } else if (is(output_failed)) {
    end_for(extra_->error);
  } else {
    flags_ |= input_ended;
    update_interest();
    if (is(closing)) return false;  // no callback but on_close follows
    if (call([this] { handler_->on_end(*this); })) group_->streams.settle_later(*this);
  }
  return false;
}

void Stream::pause() noexcept {
  if (is(paused)) return;
  flags_ |= paused;
  if (fd_ >= 0) update_interest();
}

void Stream::resume() noexcept {
  if (!is(paused) || is(ended)) return;
  flags_ = (flags_ & ~std::uint32_t{paused}) | was_resumed;
  group_->streams.settle_later(*this);
  if (is(reads_are_timed) && fd_ >= 0) {
    extra_->read_at = group_->streams.now();
    deadlines_changed();
  }
  if (fd_ >= 0) update_interest();
}

void Stream::update_interest() noexcept {
  if (is(ended | is_always_ready) || fd_ < 0) return;
  const bool held = is(above_mark) && options().pause_reading_when_full;
  const bool reads = drops_input() || !(is(input_over | paused) || held);
  const bool writes = is(blocked) && output_waits();
  const Ready interest =
      (reads ? Ready::read : Ready::none) | (writes ? Ready::write : Ready::none);
  detail::Loop& loop = group_->streams.loop();
  const Token token = loop.token_of(fd_);
  if (loop.interest(token) != interest) loop.set(token, interest);
}

/// Without memory the counter stays at its end, and tries again with the next piece.
void Stream::carry(std::uint32_t& counter) noexcept {
  if (try_extra() == nullptr) {
    counter = std::numeric_limits<std::uint32_t>::max();
    return;
  }
  (&counter == &received_ ? extra_->received_above : extra_->sent_above) += std::uint64_t{1} << 32U;
}

std::uint64_t Stream::received() const noexcept {
  return received_ + (extra_ == nullptr ? 0 : extra_->received_above);
}

std::uint64_t Stream::sent() const noexcept {
  return sent_ + (extra_ == nullptr ? 0 : extra_->sent_above);
}

const StreamOptions& Stream::options() const noexcept {
  return extra_ != nullptr && extra_->options != nullptr ? *extra_->options : group_->options;
}

void Stream::set_options(const StreamOptions& options) {
  detail::StreamExtra& own = extra();
  own.options = std::make_unique<StreamOptions>(options);
  if (is(ended)) return;
  const StreamOptions& limits = *own.options;  // `options` may have been what it replaced
  const TimePoint now = group_->streams.now();
  heard_at_ = group_->streams.tick();
  own.opened_at = limits.lifetime > Duration::zero() ? now : never;
  own.read_at = limits.read_timeout > Duration::zero() ? now : never;
  flags_ =
      own.read_at != never ? flags_ | reads_are_timed : flags_ & ~std::uint32_t{reads_are_timed};
  const bool takes = limits.receive_descriptors && !is(is_file);
  flags_ = takes ? flags_ | takes_descriptors : flags_ & ~std::uint32_t{takes_descriptors};
  own.progress_at = limits.write_timeout > Duration::zero() && output_waits() ? now : never;
  if (fd_ >= 0) deadlines_changed();
}

Result<Endpoint, std::error_code> Stream::local_endpoint() const noexcept {
  Endpoint endpoint;
  const int result = group_->streams.net().local_endpoint(fd_, endpoint);
  if (result < 0) return system_error(-result);
  return endpoint;
}

Result<Endpoint, std::error_code> Stream::remote_endpoint() const noexcept {
  Endpoint endpoint;
  const int result = group_->streams.net().remote_endpoint(fd_, endpoint);
  if (result < 0) return system_error(-result);
  return endpoint;
}

Result<Credentials, std::error_code> Stream::peer_credentials() const noexcept {
  Credentials peer;
  const int result = group_->streams.net().credentials(fd_, peer);
  if (result < 0) return system_error(-result);
  return peer;
}

Result<Socket, std::error_code> Stream::release() noexcept {
  if (is(is_connecting) || unsent_bytes() > 0) return std::errc::device_or_resource_busy;
  if (is(ended) || fd_ < 0) return std::errc::not_connected;
  detach();
  flags_ |= ended;
  Streams& streams = group_->streams;
  Socket socket{streams.net(), std::exchange(fd_, -1)};
  detail::StreamOwner* const owner = group_->owner;
  owner == nullptr ? streams.forget(*this) : owner->ended(*this);
  return socket;
}

}  // namespace rondo
