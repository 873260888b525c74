// SPDX-License-Identifier: MIT
// The implementation of Stream. The files, in the order of a message:
//
//   stream_transport.cpp   the one entrance of bytes from the descriptor, and the one exit to it
//   stream_layer.cpp       what may stand between the two, such as TLS
//   stream_input.cpp       from there to the handler
//   stream_output.cpp      from write() to the cork, the queue, and the exit
//   output_limits.cpp      the limits of what is queued, by one stream and by all of a server
//   stream_end.cpp         what is due at the end of a turn, and the ways to the end
//   stream_deadlines.cpp   timeouts
//   stream.cpp             how a stream is made, options, addresses
//   stream_borrowed.cpp    the same for a descriptor that others share
//
// An idle stream holds no memory but itself. It reads into the reactor's buffer, and what it seldom
// needs is in a StreamExtra, which exists while it is needed.
//
// Callbacks come from the reactor alone. A function that the user calls changes the state, makes
// system calls, and puts the stream into the run queue; run_end_of_turn() then sends what is
// queued, takes the next step towards the end, and calls the handler. After each call of the
// handler the stream may be gone: a CallScope on the stack shows it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/client.h>
#include <rondo/connector.h>
#include <rondo/stream.h>
#include <rondo/stream_layer.h>

#include "file_source.h"
#include "function_handler.h"
#include "output_queue.h"
#include "stream_context.h"
#include "stream_extra.h"
#include "stream_state.h"

namespace rondo::detail {

/// Whether a system call that failed with `error` may succeed when the poller reports again.
[[nodiscard]] inline bool is_transient(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/// Call it where an exception of the handler was caught: aborts the stream and lets the exception
/// go on, unless the stream's owner takes it.
[[gnu::cold]] void handler_threw(StreamImpl& stream);

/// Whether `what` is the reason that a layer such as TLS gives: its code says nothing more.
[[nodiscard]] bool has_reason_of_layer(const Close& close) noexcept;

/// Does nothing.
[[nodiscard]] StreamHandler& silent_handler() noexcept;

/// Null. A test sets it, so that the tests of streams prove what a layer may stand under: each
/// stream gets one of these layers.
extern StreamLayers* layers_of_all_streams;

/// A layer whose stream was idle for so long gives back memory.
constexpr Duration layer_rests_after = std::chrono::seconds{4};

class StreamImpl final : public Stream {
 public:
  using Life = StreamState::Life;
  using Output = StreamState::Output;
  using Limit = StreamState::Limit;

  /// StreamContext::make_room() went before. `handler` may be set later.
  StreamImpl(StreamGroup& group, StreamHandler* handler, StreamState state) noexcept;
  ~StreamImpl() override;
  static StreamImpl& of(Stream& stream) noexcept { return static_cast<StreamImpl&>(stream); }

  // How it is made.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> start(Reactor& reactor, int fd,
                                                             StreamHandler& handler,
                                                             const StreamOptions& options);
  [[nodiscard]] static Result<std::unique_ptr<Stream>> borrow(Reactor& reactor, int fd,
                                                              Direction direction,
                                                              StreamHandler& handler,
                                                              const StreamOptions& options);
  [[nodiscard]] static std::unique_ptr<Stream> connect(Reactor& reactor, std::string_view target,
                                                       StreamHandler& handler,
                                                       const ConnectOptions& options);
  /// The stream owns `handler` from now on, and calls it.
  void own_handler(OwnedHandler handler);
  void set_layer(std::unique_ptr<StreamLayer> layer);
  /// Until take_peer().
  void keep_peer(const Endpoint& peer) { extra().peer = std::make_unique<const Endpoint>(peer); }
  [[nodiscard]] std::unique_ptr<const Endpoint> take_peer() noexcept {
    return std::move(extra_->peer);
  }
  [[nodiscard]] bool make_layer(StreamLayers& layers, std::string_view target);
  /// Takes over `fd`, unless it returns an error.
  [[nodiscard]] std::error_code open(int fd) noexcept { return open(fd, {}); }

  // What the user calls.
  WriteStatus write(Bytes data) override;
  WriteStatus write_owned(OwnedBytes data) override;
  WriteStatus write_parts(std::span<const Bytes> parts) override;
  WriteStatus send_file(File file, std::uint64_t offset, std::uint64_t size) override;
  WriteStatus write(Bytes data, std::vector<Socket> descriptors) override;
  void flush() override;
  void pause() noexcept override;
  void resume() noexcept override;
  void shutdown_output() override;
  void close() override;
  void close(Duration timeout) override;
  void abort() noexcept override;
  [[nodiscard]] bool detach();
  [[nodiscard]] Result<Socket, std::error_code> release() noexcept override;
  void set_handler(StreamHandler& handler) noexcept override;
  [[nodiscard]] const StreamOptions& options() const noexcept override;
  void set_options(const StreamOptions& options) override;
  [[nodiscard]] Result<void> upgrade(StreamLayers& layers, std::string_view host,
                                     Bytes unread) override;
  [[nodiscard]] const StreamLayer* layer() const noexcept override {
    check("Stream::layer");
    return extra_ == nullptr ? nullptr : extra_->layer.get();
  }
  void handshake_done() noexcept override;
  [[nodiscard]] int fd() const noexcept override {
    check("Stream::fd");
    return fd_;
  }
  [[nodiscard]] Result<Endpoint, std::error_code> local_endpoint() const noexcept override;
  [[nodiscard]] Result<Endpoint, std::error_code> remote_endpoint() const noexcept override;
  [[nodiscard]] Result<Credentials, std::error_code> peer_credentials() const noexcept override;
  [[nodiscard]] std::size_t unsent_bytes() const noexcept override;
  [[nodiscard]] bool connecting() const noexcept override {
    check("Stream::connecting");
    return state_.connecting();
  }
  [[nodiscard]] bool is_reading() const noexcept override {
    check("Stream::is_reading");
    return state_.input_is_open();
  }
  [[nodiscard]] bool is_writable() const noexcept override {
    check("Stream::is_writable");
    return state_.output_is_open();
  }
  [[nodiscard]] bool is_closing() const noexcept override {
    check("Stream::is_closing");
    return state_.closing() || state_.is_over();
  }

  /// `call` must come from the reactor's thread. Only builds with assertions check it.
  void check(const char* call) const noexcept { context().loop().check_thread(call); }

  // What the context and the owner call.
  [[nodiscard]] StreamContext& context() const noexcept { return group_->context; }
  [[nodiscard]] StreamOwner* owner() const noexcept { return group_->owner; }
  /// Its owner has finished making it.
  void made(StreamHandler& handler) noexcept {
    handler_ = &handler;
    state_.clear(StreamState::being_made);
  }
  void run_end_of_turn();
  /// Calls on_open, if that is due: the one place that does. False: the stream is gone.
  [[nodiscard]] bool report_open();
  void request_drain() noexcept;

  // What a Connection calls.
  [[nodiscard]] bool takes_fast_path() const noexcept { return state_.takes_fast_path(); }
  /// As pause(), but the poller is not called until input arrives: in most cases none does until
  /// release_input().
  void hold_input() noexcept {
    if (state_.reads()) state_.pause();
  }
  /// Ends that, without on_resume.
  void release_input() noexcept {
    if (state_.paused()) [[unlikely]]
      read_again();
  }
  /// on_writable is called when nothing is queued any more.
  void await_flush() { extra().awaits_flush = true; }
  [[nodiscard]] bool is_full() const noexcept { return state_.has(StreamState::above_high_water); }
  [[nodiscard]] bool has_ended() const noexcept { return state_.is_over(); }
  [[nodiscard]] bool has_reported_end() const noexcept { return state_.life() >= Life::done; }
  [[nodiscard]] CloseReason close_reason() const noexcept { return state_.reason(); }
  /// Why it has ended; `what` lives as long as the stream.
  [[nodiscard]] Close close_info() const noexcept;
  [[nodiscard]] StreamHandler& handler() const noexcept { return *handler_; }
  /// Since the last input or output, in steps of a millisecond; zero after its end.
  [[nodiscard]] Duration silent_for() const noexcept {
    if (has_ended()) return Duration::zero();
    const TimePoint now = context().now();
    return std::max(now - StreamContext::end_of(active_at_, now), Duration::zero());
  }
  /// Its owner keeps it, although it has called on_close.
  void keep() noexcept { state_.keep(); }
  /// The pipe that is being sent has something to read. Destroys the FileSource.
  void file_is_ready() noexcept;
  /// Ends it without a callback; the memory stays.
  void silence() noexcept;
  /// This process is a forked child: what is queued is the parent's to send.
  void inherit() noexcept;

 private:
  friend class StreamContext;

  [[nodiscard]] std::error_code find_out_kind(int fd) noexcept;
  [[nodiscard]] std::error_code set_nonblocking(int fd) noexcept;
  [[nodiscard]] StreamState::Kind kind_of(int fd) noexcept;
  [[nodiscard]] std::error_code open_borrowed(int fd, Direction direction) noexcept;
  void use_direction(Direction wanted, Direction opened_for) noexcept;
  [[nodiscard]] std::error_code open(int fd, Watch watch) noexcept;
  [[nodiscard]] std::error_code begin_watch(int fd, Ready interest, Watch watch) noexcept;
  enum class Descriptor : bool { stays_open, is_closed_next };
  void end_watch(Descriptor next) noexcept;
  void connected(Result<Socket> result, Watch watch);

  // Transport: the entrance and the exit.
  [[nodiscard]] Net& net() const noexcept { return context().net(); }
  [[nodiscard]] std::ptrdiff_t receive(MutableBytes into) noexcept { return net().read(into, fd_); }
  [[nodiscard]] std::ptrdiff_t receive(MutableBytes into, ReceivedDescriptors& with) noexcept;
  [[nodiscard]] std::ptrdiff_t transmit(Bytes data) noexcept {
    if (state_.has(StreamState::layered)) return transmit_layered(std::span{&data, 1});
    return net().write(data, fd_);
  }
  [[nodiscard]] std::ptrdiff_t transmit(std::span<const Bytes> parts) noexcept;
  struct Offer {
    std::uint64_t size;    // what the system was offered
    std::ptrdiff_t taken;  // what it took, or -1 and errno; 0 at the end of a file
    bool waits = false;    // for a pipe that has nothing to read
  };
  [[nodiscard]] Offer transmit_front(OutputQueue& queue) noexcept;
  [[nodiscard]] Offer transmit_file(OutputQueue& queue) noexcept;
  [[nodiscard]] Offer transmit_copied(OutputQueue& queue,
                                      const OutputQueue::FilePart& file) noexcept;
  [[nodiscard]] Offer transmit_read(OutputQueue& queue, const OutputQueue::FilePart& file) noexcept;
  [[nodiscard]] std::ptrdiff_t transmit_with_descriptors(OutputQueue& queue, Bytes data) noexcept;
  void transmit_end() noexcept;
  /// Its descriptor is not its own, and others may have it block.
  [[nodiscard]] bool may_block() const noexcept {
    return state_.has(StreamState::lent) && state_.kind() != StreamState::Kind::unpollable;
  }
  static constexpr std::size_t parts_per_write_max = 64;  // in one transmit()

  // The layer.
  void add_layer_of_tests();
  class Wire;
  [[nodiscard]] StreamLayer& own_layer() const noexcept;
  [[nodiscard]] bool run_handshake();
  [[nodiscard]] bool secure() noexcept;
  [[nodiscard]] bool takes_handshake_step() noexcept;
  void leave_handshake() noexcept;
  void layer_is_used() noexcept;
  [[nodiscard]] static std::ptrdiff_t refuse_child() noexcept;
  [[nodiscard]] std::ptrdiff_t receive_layered(MutableBytes into) noexcept;
  [[nodiscard]] std::ptrdiff_t transmit_layered(std::span<const Bytes> parts) noexcept;
  [[nodiscard]] bool finish_layer() noexcept;
  [[nodiscard]] bool layer_has_input() const noexcept;
  [[nodiscard]] bool take_layer_input();
  void end_for_layer(int error) noexcept;

  // Input.
  void on_ready(Ready ready) override;
  bool take_input();
  template <bool IsLayered>
  bool deliver_corked(std::size_t size);
  [[gnu::noinline]] bool deliver_full_buffer();
  void take_from_file();
  void read_again() noexcept;
  void begin_to_read() noexcept;
  [[gnu::noinline]] void take_more_input();
  [[nodiscard]] bool wants_input_after(Ready ready);
  [[nodiscard]] bool means_end(int error) const noexcept;
  void wait_for_layer() noexcept;
  [[gnu::noinline]] bool input_stopped(std::ptrdiff_t received);
  [[nodiscard]] bool wants_more(std::size_t received) const noexcept;
  [[gnu::noinline]] bool take_input_uncorked();
  [[nodiscard]] bool deliver(Bytes data, ReceivedDescriptors with);
  [[gnu::noinline]] bool send_answer(std::size_t received);
  [[gnu::noinline]] static bool corked_call_threw(StreamContext& context, StreamImpl& stream);
  bool deliver_layered(Bytes data);
  bool drop_input(std::size_t size);
  [[nodiscard]] bool drops_input() const noexcept;
  [[nodiscard]] bool is_held() const noexcept;

  // Output.
  [[gnu::noinline]] WriteStatus write_uncorked(Bytes data);
  [[nodiscard]] bool send_directly(std::span<const Bytes> parts, std::size_t size,
                                   std::size_t& sent);
  [[nodiscard]] bool queue_parts(std::span<const Bytes> parts, std::size_t sent);
  [[nodiscard]] bool queue_rest(Bytes rest) noexcept;
  void cork_transmitted(std::ptrdiff_t sent) noexcept;
  [[gnu::noinline]] bool cork_refused(std::ptrdiff_t sent) noexcept;
  void cork_to_queue();
  [[nodiscard]] bool may_transmit() const noexcept;
  void drain() noexcept;
  void was_taken(std::uint64_t taken, std::uint64_t offered) noexcept;
  [[nodiscard]] bool end_file() noexcept;
  void output_refused(int error) noexcept;
  void drop_output() noexcept;
  [[nodiscard]] bool output_waits() const noexcept { return state_.has(StreamState::has_output); }
  WriteStatus output_grew() noexcept;
  [[nodiscard]] WriteStatus write_status() const noexcept;
  [[nodiscard]] bool keeps_limits() noexcept;
  void offer_all() noexcept;
  [[nodiscard]] OutputSize queued() const noexcept;
  [[nodiscard]] OutputSize counted() const noexcept;
  [[nodiscard]] Limit exceeded_limit() const noexcept;
  [[nodiscard]] bool is_above_high_water() const noexcept;
  [[nodiscard]] bool is_above_low_water() const noexcept;
  void count_output() noexcept;
  [[nodiscard]] double cost(std::size_t OutputSize::* size) const noexcept;
  [[nodiscard]] bool offer_or_end(Limit limit) noexcept;
  [[nodiscard]] StreamExtra& extra();
  [[nodiscard]] StreamExtra* try_extra() noexcept;  // null: no memory

  // The end of a turn, and of the stream. These return false if the stream is gone.
  template <typename Call>
  [[nodiscard]] bool call(Call&& one);
  [[nodiscard]] bool report_resume();
  [[nodiscard]] bool report_drain();
  [[nodiscard]] bool report_writable();
  [[nodiscard]] bool report_flush();
  void report_close();
  [[nodiscard]] bool run_output();
  void output_has_left();
  [[nodiscard]] bool lingers_if_unread(LingeringClose lingering) const noexcept;
  void close_or_linger();
  void end(CloseReason reason, int error = 0, Limit limit = Limit::none) noexcept;
  void end_for(int error, Limit limit = Limit::none) noexcept;
  void close_descriptor() noexcept;
  /// Whether the parent of this process may use the descriptor too.
  [[nodiscard]] bool is_inherited() const noexcept;
  void leave_reactor(Descriptor next = Descriptor::is_closed_next) noexcept;

  // What the poller and the clock are asked for.
  void update_interest() noexcept;
  struct Deadline {
    TimePoint when = never;
    Limit limit = Limit::none;
  };
  [[nodiscard]] Deadline first_deadline(TimePoint now) const noexcept;
  [[nodiscard]] TimePoint check_deadlines(TimePoint now) noexcept;
  [[nodiscard]] Duration handshake_timeout() const noexcept;
  [[nodiscard]] bool waits_to_close() const noexcept;
  [[nodiscard]] TimePoint rest_layer(TimePoint now) noexcept;
  void deadlines_changed() noexcept;
  void time_output() noexcept;

  StreamGroup* group_;
  StreamHandler* handler_;
  StreamExtra* extra_ = nullptr;
  std::int32_t fd_ = -1;
  StreamState state_;
  std::uint32_t deadline_index_ = 0;  // in the context's heap of deadlines
  std::uint32_t active_at_ = 0;  // the tick of the last input or output; after the end, an errno
};

// A server has one for each client: docs/design_streams.md gives its size.
static_assert(sizeof(void*) != 8 || sizeof(StreamImpl) == 48);

/// Makes a call of the handler. False: the stream is gone.
template <typename Call>
bool StreamImpl::call(Call&& one) {
  const CallScope scope{context(), *this};
  try {
    one();
  } catch (...) {
    if (scope.stream_is_gone()) throw;
    handler_threw(*this);
  }
  return !scope.stream_is_gone();
}

}  // namespace rondo::detail
