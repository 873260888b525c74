// SPDX-License-Identifier: MIT
#include "parity/stream_player.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <rondo/client.h>
#include <rondo/endpoint.h>

#include "support/descriptors.h"

namespace rondo::test {
namespace {

constexpr int turns_per_look = 100;  // up to a megabyte may be on its way
constexpr std::size_t fill_size = std::size_t{1} << 20U;
constexpr std::size_t buffer_size = 40'000;
constexpr Duration deadline = std::chrono::milliseconds{2};
constexpr Duration more_than_a_deadline = std::chrono::milliseconds{20};
constexpr Duration no_deadline = std::chrono::hours{1};  // in all looks of a script together

Manner manner_of(std::uint32_t number) {
  return static_cast<Manner>(number % static_cast<std::uint32_t>(Manner::count));
}
Manner silent_manner_of(std::uint32_t number) {
  return static_cast<Manner>(number % static_cast<std::uint32_t>(first_answering));
}

/// Options without deadlines except those that the script sets.
StreamOptions patient(bool receive_descriptors = false) {
  StreamOptions options;
  options.close_timeout = no_deadline;
  options.receive_descriptors = receive_descriptors;
  return options;
}

std::string text_of(WriteStatus status) {
  if (status == WriteStatus::accepted) return "accepted";
  return status == WriteStatus::refused ? "refused" : "above the high-water mark";
}

/// Small, so that the filling exceeds it.
SocketOptions small_buffers() {
  SocketOptions options;
  options.receive_buffer = options.send_buffer = buffer_size;
  return options;
}

}  // namespace

StreamPlayer::StreamPlayer(Kernel& kernel)
    : kernel_(kernel),
      net_(kernel.net()),
      names_(kernel.prefix()),
      deserted_(net_.socket(AddressFamily::ipv4, SocketType::stream)),
      reactor_(kernel.take_backend()) {
  (void)net_.bind(deserted_, Endpoint::loopback(0));        // otherwise no socket has this address
  (void)net_.local_endpoint(deserted_, deserted_address_);  // the same
  for (auto& slot : slots_) slot = std::make_unique<Slot>();
}

StreamPlayer::~StreamPlayer() {
  for (std::size_t i = 0; i < slot_count; ++i) clear(i);
  turn();
  (void)net_.close(deserted_);  // it was only made to reserve a port
}

void StreamPlayer::clear(std::size_t index) {
  Slot& slot = at(index);
  slot.stream.reset();
  slot.server.reset();
  slot.datagrams.reset();
  if (!slot.path.empty()) kernel_.remove(slot.path);
  slots_[index] = std::make_unique<Slot>();
  at(index).datagram_log.names = &names_;
}

void StreamPlayer::turn() {
  for (int i = 0; i < turns_per_look; ++i) {
    if (const auto ran = reactor_.run_once(Duration::zero()); !ran) {
      result_ += " run: " + ran.error().message();
    }
  }
}

/// Removes a deadline that has not passed.
void StreamPlayer::stop_time() {
  if (!std::exchange(passes_time_, false)) return;
  const std::size_t index = std::exchange(with_deadline_, slot_count);
  if (index == slot_count || !at(index).stream) return;
  StreamOptions options = at(index).stream->options();
  options.idle_timeout = options.read_timeout = options.write_timeout = options.lifetime = forever;
  at(index).stream->set_options(options);
}

void StreamPlayer::play(const Step& step) {
  stop_time();
  result_ = "nothing to do it with";
  if (step.kind == Kind::pass_time) {
    passes_time_ = true;
    result_ = "done";
    return;
  }
  Slot& slot = at(step.slot);
  if (step.kind <= Kind::dial_deserted || step.kind == Kind::serve ||
      step.kind == Kind::open_datagrams || step.kind == Kind::connect_datagrams) {
    play_new(step);
  } else if (step.kind < Kind::serve) {
    if (slot.stream) play_on_stream(step, slot);
  } else if (step.kind < Kind::open_datagrams) {
    if (slot.server) play_on_server(step, slot);
  } else if (slot.datagrams) {
    play_on_datagrams(step, slot);
  }
}

std::string StreamPlayer::describe(const StreamLog& log, const Stream* stream) {
  std::string text = log.to_string();
  if (stream == nullptr || log.is_over()) return text;
  text += " {";
  if (stream->connecting()) text += 'c';
  if (stream->is_reading()) text += 'r';
  if (stream->is_writable()) text += 'w';
  if (stream->is_closing()) text += 'x';
  if (stream->unsent_bytes() != 0) text += '+';
  return text + '}';
}

/// While a script waits, time advances with each look. So data that arrives late on a real kernel
/// puts off the deadline only once.
std::string StreamPlayer::look() {
  if (passes_time_) kernel_.pass(more_than_a_deadline);
  turn();
  std::string text = result_ + " |";
  for (std::size_t i = 0; i < slot_count; ++i) {
    const Slot& slot = at(i);
    const std::string name = " s" + std::to_string(i);
    const std::string reported = describe(slot.log, slot.stream.get());
    if (!reported.empty()) text += name + ':' + reported;
    for (std::size_t n = 0; n < slot.sessions.size(); ++n) {
      text += name + '.' + std::to_string(n) + ':' + describe(slot.sessions[n], nullptr);
    }
    if (slot.server) text += name + " serves " + std::to_string(slot.server->connections());
    if (!slot.datagram_log.reported.empty()) text += name + ':' + slot.datagram_log.reported;
  }
  return text;
}

// --- what makes something -----------------------------------------------------------------------

void StreamPlayer::play_new(const Step& step) {
  switch (step.kind) {
    case Kind::adopt_pair:
      return adopt_pair(step);
    case Kind::adopt_pipe:
      return adopt_pipe(step);
    case Kind::dial:
      return dial(step);
    case Kind::dial_deserted:
      return dial_deserted(step);
    case Kind::serve:
      return serve(step);
    case Kind::open_datagrams:
      return open_datagrams(step);
    default:
      return connect_datagrams(step);
  }
}

void StreamPlayer::adopt(std::size_t index, int fd, Manner manner) {
  clear(index);
  Slot& slot = at(index);
  slot.log.manner = manner;
  auto stream = Stream::adopt(reactor_, Socket{net_, fd}, slot.log, patient(true));
  result_ = stream ? "ok" : stream.error().message();
  if (stream) slot.stream = std::move(*stream);
}

void StreamPlayer::adopt_pair(const Step& step) {
  int fds[2];
  if (step.slot == step.other || net_.pair(SocketType::stream, fds) != 0) return;
  adopt(step.slot, fds[0], silent_manner_of(step.number));
  adopt(step.other, fds[1], manner_of(step.number / 16));
}

void StreamPlayer::adopt_pipe(const Step& step) {
  int fds[2];
  if (step.slot == step.other || kernel_.pipe(fds) != 0) return;
  adopt(step.slot, fds[0], silent_manner_of(step.number));
  adopt(step.other, fds[1], Manner::plain);
}

std::string StreamPlayer::target_of(std::uint32_t number) const {
  switch (static_cast<Family3>(number % 4)) {
    case Family3::ipv4:
      return "127.0.0.1:0";
    case Family3::ipv6:
      return has_ipv6_loopback() ? "[::1]:0" : "127.0.0.1:0";
    case Family3::path:
      return "unix:" + kernel_.prefix() + std::to_string(number / 4 % 2);
    case Family3::abstract:
      break;
  }
  return "unix:@" + kernel_.prefix() + std::to_string(number / 4 % 2);
}

/// A server that finds a socket file checks whether a socket listens there, on a real system alone.
bool StreamPlayer::is_served(const std::string& target) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->server && slot->server_local.to_string() == target;
  });
}

void StreamPlayer::serve(const Step& step) {
  clear(step.slot);
  if (is_served(target_of(step.number))) return;
  Slot& slot = at(step.slot);
  slot.server_manner = std::make_unique<Manner>(manner_of(step.number / 8));
  ServerOptions options;
  options.socket = small_buffers();
  // Without descriptors: Linux since 6.16 refuses them to the sender, a simulated kernel does not.
  options.stream = patient(true);
  if (step.number / 128 % 3 == 1) options.connections_max = 1;
  if (step.number / 128 % 3 == 2) options.connections_max = 2;
  options.when_full = step.number / 512 % 2 == 0 ? WhenFull::pause : WhenFull::reject;
  auto made = rondo::serve(
      reactor_, target_of(step.number), session_factory([&slot](Stream&, const Endpoint&) {
        slot.sessions.emplace_back().manner = *slot.server_manner;
        return std::unique_ptr<Session>{std::make_unique<LoggedSession>(slot.sessions.back())};
      }),
      options);
  result_ = made ? "ok" : made.error().code.message();
  if (!made) return;
  slot.server_local = made->local_endpoint();
  slot.server = std::make_unique<Server>(std::move(*made));
}

void StreamPlayer::dial(const Step& step) {
  const Endpoint to = at(step.other).server_local;
  if (to == Endpoint{} || step.slot == step.other) return;
  clear(step.slot);
  Slot& slot = at(step.slot);
  slot.log.manner = silent_manner_of(step.number);
  slot.stream = connect(reactor_, to.to_string(), slot.log,
                        {.timeout = no_deadline, .socket = small_buffers(), .stream = patient()});
  result_ = "ok";
}

void StreamPlayer::dial_deserted(const Step& step) {
  clear(step.slot);
  Slot& slot = at(step.slot);
  const std::string deserted = step.number % 2 == 0 ? deserted_address_.to_string()
                                                    : "unix:@" + kernel_.prefix() + "deserted";
  slot.stream =
      connect(reactor_, deserted, slot.log, {.timeout = no_deadline, .stream = patient()});
  result_ = "ok";
}

// --- streams ------------------------------------------------------------------------------------

void StreamPlayer::play_on_stream(const Step& step, Slot& slot) {
  result_ = "done";
  Stream& stream = *slot.stream;
  switch (step.kind) {
    case Kind::stream_finish:
      return stream.shutdown_output();
    case Kind::stream_close:
      return stream.close();
    case Kind::stream_abort:
      return stream.abort();
    case Kind::stream_destroy:
      return slot.stream.reset();
    case Kind::stream_let_go:
      return Stream::close_detached(std::move(slot.stream));
    case Kind::stream_pause:
      return stream.pause();
    case Kind::stream_resume:
      return stream.resume();
    case Kind::stream_flush:
      return stream.flush();
    case Kind::stream_release:
      return release(step.slot);
    case Kind::stream_manner:
      slot.log.manner = silent_manner_of(step.number);
      return;
    default:
      return step.kind < Kind::stream_finish ? play_output(step, slot) : play_options(step, slot);
  }
}

void StreamPlayer::play_output(const Step& step, Slot& slot) {
  Stream& stream = *slot.stream;
  std::vector<std::byte> bytes = content_of(++written_, step.number);
  WriteStatus status{};
  switch (step.kind) {
    case Kind::stream_write:
      status = stream.write(bytes);
      break;
    case Kind::stream_write_parts: {
      const std::size_t half = bytes.size() / 2;
      const std::array<Bytes, 2> parts{Bytes{bytes}.first(half), Bytes{bytes}.subspan(half)};
      status = stream.write_parts(parts);
      break;
    }
    case Kind::stream_write_owned:
      status = stream.write_owned(OwnedBytes{std::move(bytes)});
      break;
    case Kind::stream_fill:
      status = stream.write_owned(OwnedBytes{std::vector<std::byte>(fill_size, filling)});
      break;
    case Kind::stream_send_file: {
      File file{duplicate(kernel_.sample_file()).release()};
      status = stream.send_file(std::move(file), 100, step.number);
      break;
    }
    default:
      return pass_descriptor(step, stream);
  }
  result_ = text_of(status);
}

/// One end of a pipe, whose other end is closed.
void StreamPlayer::pass_descriptor(const Step& step, Stream& stream) {
  int fds[2];
  if (kernel_.pipe(fds) != 0) return;
  const Socket other{net_, fds[1]};
  std::vector<Socket> passed;
  passed.emplace_back(net_, fds[0]);
  result_ = text_of(stream.write(content_of(++written_, step.number), std::move(passed)));
}

/// Releases the descriptor and adopts it again.
void StreamPlayer::release(std::size_t index) {
  const Manner manner = at(index).log.manner;
  auto released = at(index).stream->release();
  if (!released) {
    result_ = released.error().message();
    return;
  }
  adopt(index, released->release(), manner);
}

void StreamPlayer::play_options(const Step& step, Slot& slot) {
  Stream& stream = *slot.stream;
  StreamOptions options = stream.options();
  switch (step.kind) {
    case Kind::pause_reading_when_full:
      options.pause_reading_when_full = !options.pause_reading_when_full;
      return stream.set_options(options);
    case Kind::write_high_water:
      options.write_high_water = step.number;
      return stream.set_options(options);
    case Kind::overflow:
      options.write_buffer_max = std::size_t{64} << 10U;
      stream.set_options(options);
      stream.write_owned(OwnedBytes{std::vector<std::byte>(fill_size, filling)});
      return;
    case Kind::linger_never:
      options.lingering_close = LingeringClose::off;
      return stream.set_options(options);
    case Kind::linger_always:
      options.lingering_close = LingeringClose::always;
      return stream.set_options(options);
    default:
      return set_deadline(step, slot);
  }
}

/// One deadline at a time, which passes when the script says so. With several, the first to pass
/// would depend on the order in which data arrives.
void StreamPlayer::set_deadline(const Step& step, Slot& slot) {
  if (with_deadline_ != slot_count) {
    result_ = "another has a deadline";
    return;
  }
  with_deadline_ = step.slot;
  Stream& stream = *slot.stream;
  if (step.kind == Kind::close_timeout) return stream.close(deadline);
  StreamOptions options = stream.options();
  (step.kind == Kind::idle_timeout    ? options.idle_timeout
   : step.kind == Kind::read_timeout  ? options.read_timeout
   : step.kind == Kind::write_timeout ? options.write_timeout
                                      : options.lifetime) = deadline;
  stream.set_options(options);
}

}  // namespace rondo::test
