// rondo: a connected byte stream: TCP, Unix, a pipe. Input comes by callbacks; output is queued,
// corked and bounded; it ends once, with a reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <rondo/descriptors.h>
#include <rondo/endpoint.h>
#include <rondo/export.h>
#include <rondo/file.h>
#include <rondo/handler.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
class Stream;
struct ConnectOptions;
namespace detail {
class Streams;
struct StreamGroup;
struct StreamExtra;
}  // namespace detail

/// Why a stream has ended.
enum class CloseReason : std::uint8_t {
  eof,            ///< the peer finished, and everything of ours was handed to the system
  closed,         ///< close() did its work before the peer finished
  reset,          ///< the peer reset it, or took no more of our output
  timed_out,      ///< a deadline passed; Close::what names it
  overflow,       ///< the output grew beyond write_buffer_max, or write_descriptors_max
  aborted,        ///< abort()
  not_connected,  ///< a client: no address answered; Close::what lists what was tried
  error,          ///< anything else; Close::error tells
};

struct Close {
  CloseReason reason;
  std::error_code error{};  ///< what the system said, or timed_out, or none
  /// What was tried, or which deadline passed: `idle timeout`. Until on_close returns.
  std::string_view what{};

  /// `idle timeout: Connection timed out`.
  [[nodiscard]] RONDO_EXPORT std::string message() const;
};

/// What becomes of input that arrives when a stream is closed. A TCP peer to whom we close with
/// input unread gets a reset, which may destroy what we sent last: to linger is to finish first,
/// and to drop input until the peer finishes too, or until close_timeout. But for off, input is
/// read and dropped while the output leaves, too.
enum class LingeringClose : std::uint8_t {
  off,
  if_unread,  ///< one read, after the output has left, tells whether there is anything
  always,
};

/// A duration of zero means: no such limit.
struct StreamOptions {
  /// Nothing came and nothing left, by the time of the turns (see Reactor::now); counted in steps
  /// of 1.05 ms; 50 days at most.
  Duration idle_timeout{};
  Duration read_timeout{};   ///< nothing came while the stream was reading
  Duration write_timeout{};  ///< output is waiting and the peer takes nothing
  Duration lifetime{};       ///< from the beginning, whatever happens
  Duration close_timeout = std::chrono::seconds{10};      ///< for close(), draining and lingering
  std::size_t write_high_water = std::size_t{64} << 10U;  ///< soft: write() says false above it
  std::size_t write_buffer_max = std::size_t{16} << 20U;  ///< hard: the stream ends with `overflow`
  std::size_t input_per_turn_max = std::size_t{64}
                                   << 10U;  ///< then the neighbours' turn; at least 64 KiB
  /// Stop reading while the output is above write_high_water: a peer that does not read its replies
  /// cannot send more requests. For servers only: two peers that both do this can deadlock.
  bool pause_reading_when_full = false;
  LingeringClose lingering_close = LingeringClose::if_unread;
  /// For a Unix stream: received descriptors are passed to on_descriptors, for a system call that
  /// costs more. Without it the kernel closes them.
  bool receive_descriptors = false;
  /// Hard, as write_buffer_max is: descriptors that wait to be passed.
  std::size_t write_descriptors_max = descriptors_per_send_max;
};

/// What a stream calls. Only from the reactor's turn, never from inside a call of the stream, and
/// never two at once for one stream. Any stream, this one included, may be written, ended and
/// destroyed inside. An exception aborts the stream and leaves through Reactor::run.
class RONDO_EXPORT StreamHandler {
 public:
  /// Connected, or accepted: from now on there is input.
  virtual void on_open(Stream&) {}
  /// `data` was received, at least a byte; it is the reactor's, and gone when this returns. What
  /// is written to the stream inside leaves in one call right afterwards.
  virtual void on_data(Stream& stream, Bytes data) = 0;
  /// The same with descriptors, if StreamOptions::receive_descriptors asks for them. `data` holds
  /// the bytes they were written with, and perhaps some that were written before, but none from
  /// after: who reads in order has them in time. `received.lost` says that some did not arrive, as
  /// this process may open no more; then there are none. Closes them and calls on_data if it is not
  /// overridden.
  virtual void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received);
  /// The peer has finished: there is no more input, but output goes on until it is finished or
  /// closed here. Closes if it is not overridden.
  virtual void on_end(Stream& stream);
  /// resume() was called: a handler that has kept received data may continue with it now.
  virtual void on_resume(Stream&) {}
  /// The output has fallen to the soft mark again: once for each time it was above. What is written
  /// inside on_data may be above it only afterwards, though no write has said so.
  virtual void on_writable(Stream&) {}
  /// The last call, and the only one after close() and abort(). The descriptor is closed next.
  virtual void on_close(Stream&, const Close&) {}

 protected:
  ~StreamHandler() = default;
};

/// Bytes with an owner, and how to free them: a stream that is given bytes this way makes no
/// copy. `OwnedBytes{std::move(string)}`, or a vector, or anything contiguous that can
/// be moved.
class OwnedBytes {
 public:
  using Free = void (*)(void* owner) noexcept;

  OwnedBytes() noexcept = default;
  /// `free(owner)` is called once, when the bytes are not needed any more: within any call of the
  /// stream that holds them, which it must neither use nor destroy. What is more than to free
  /// memory, it posts to the reactor.
  OwnedBytes(Bytes data, void* owner, Free free) noexcept
      : data_(data), owner_(owner), free_(free) {}
  template <typename Container>
    requires(!std::is_lvalue_reference_v<Container> &&
             !std::is_same_v<std::remove_cv_t<Container>, OwnedBytes> &&
             std::is_trivially_copyable_v<typename Container::value_type>)
  explicit OwnedBytes(Container&& container) {
    auto* const owner = new Container(std::forward<Container>(container));
    data_ = std::as_bytes(std::span{std::as_const(*owner)});
    owner_ = owner;
    // NOLINTNEXTLINE(cppcoreguidelines-prefer-member-initializer): all three belong together
    free_ = [](void* one) noexcept { delete static_cast<Container*>(one); };
  }
  OwnedBytes(OwnedBytes&& other) noexcept
      : data_(other.data_), owner_(other.owner_), free_(std::exchange(other.free_, nullptr)) {}
  OwnedBytes& operator=(OwnedBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(owner_, other.owner_);
    std::swap(free_, other.free_);
    return *this;
  }
  ~OwnedBytes() {
    if (free_ != nullptr) free_(owner_);
  }

  [[nodiscard]] Bytes data() const noexcept { return data_; }

 private:
  Bytes data_{};
  void* owner_ = nullptr;
  Free free_ = nullptr;
};

/// One connection. It does not move; its owner holds it by unique_ptr,
/// others by reference, until on_close has returned. Destroying it ends it at once: unsent output
/// is lost, nothing is called any more. Not after the reactor. Thread: the reactor's.
class RONDO_EXPORT Stream final : private Handler {
 public:
  /// Takes over a connected socket, a pipe or a terminal; a descriptor that is no socket is made
  /// non-blocking. `handler` outlives the stream. on_open is called in the next turn. Errors: those
  /// of Reactor::watch.
  [[nodiscard]] static Result<std::unique_ptr<Stream>, std::error_code> adopt(
      Reactor& reactor, Socket socket, StreamHandler& handler, const StreamOptions& options = {});
  /// The program's standard input, whatever that is: a terminal, a pipe, a file. It is neither made
  /// non-blocking, as other programs may share it, nor closed at the end.
  [[nodiscard]] static Result<std::unique_ptr<Stream>, std::error_code> standard_input(
      Reactor& reactor, StreamHandler& handler, const StreamOptions& options = {});
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  /// Sends a copy of `data`, in order, whole: what the system does not take at once is queued. What
  /// is written inside the stream's own on_data leaves right after it, what is written elsewhere
  /// at the end of the turn; a large piece is tried at once. False: the output is above the soft
  /// mark, on_writable will tell when to go on. Beyond write_buffer_max the stream ends with
  /// `overflow`. After shutdown_output(), close() and the end it does nothing. Never blocks, never
  /// fails otherwise.
  bool write(Bytes data);
  bool write(std::string_view text) { return write(std::as_bytes(std::span{text})); }
  /// The same without a copy: `data` is kept until it is sent.
  bool write_owned(OwnedBytes data);
  /// The same for several pieces, copied, that leave together.
  bool write_parts(std::span<const Bytes> parts);
  /// Sends `size` bytes of `file`, a regular file, from `offset` on, by the system's own means. The
  /// stream owns `file` from now on. A file that turns out to be shorter ends it: `error`.
  bool send_file(File file, std::uint64_t offset, std::uint64_t size);
  /// Sends a copy of `data`, at least a byte, and with the first of it `descriptors` (up to
  /// descriptors_per_send_max) to the process at the other end of a Unix socket. The stream owns
  /// them from now on, and closes them when they have gone, or when it ends. On what is no Unix
  /// socket it ends: `error`, with the error of send_descriptors().
  bool write(Bytes data, std::vector<Socket> descriptors);
  bool write(std::string_view text, std::vector<Socket> descriptors) {
    return write(std::as_bytes(std::span{text}), std::move(descriptors));
  }
  /// Hands the system what has been written so far, now.
  void flush();

  /// No on_data until resume(): the peer is held back by TCP itself. Nothing is noticed of a peer
  /// who leaves meanwhile, except by write() and deadlines.
  void pause() noexcept;
  void resume() noexcept;

  /// No more output: when all of it has left, the peer is told (shutdown). Input goes on. Once both
  /// sides have finished, the stream ends with `eof`.
  void shutdown_output();
  /// No more input, nor output: when all of it has left, and perhaps after lingering, on_close is
  /// called, within `timeout` (options().close_timeout).
  void close();
  void close(Duration timeout);
  /// Ends it now, with unsent output lost and a reset for a TCP peer. on_close follows.
  void abort() noexcept;

  /// Closes a stream that its owner has done with: it lives until its output has left, or
  /// close_timeout, and calls no handler.
  static void close_detached(std::unique_ptr<Stream> stream);

  /// Gives the descriptor away; its owner destroys the stream, and no callback follows. Errors:
  /// device_or_resource_busy while output is waiting or it connects, not_connected at its end.
  [[nodiscard]] Result<Socket, std::error_code> release() noexcept;

  /// Calls `handler` from now on, which outlives the stream.
  void set_handler(StreamHandler& handler) noexcept { handler_ = &handler; }
  [[nodiscard]] const StreamOptions& options() const noexcept;
  /// Timeouts count from now on; marks hold for the next write.
  void set_options(const StreamOptions& options);

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] Result<Endpoint, std::error_code> local_endpoint() const noexcept;
  [[nodiscard]] Result<Endpoint, std::error_code> remote_endpoint() const noexcept;
  /// The process at the other end of a Unix socket. Errors: not_connected for all others.
  [[nodiscard]] Result<Credentials, std::error_code> peer_credentials() const noexcept;

  /// Bytes so far, and bytes written that have not left. A count that has no memory to go beyond 4
  /// GiB waits there until it has.
  [[nodiscard]] std::uint64_t received() const noexcept;
  [[nodiscard]] std::uint64_t sent() const noexcept;
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;

  [[nodiscard]] bool connecting() const noexcept { return (flags_ & is_connecting) != 0; }
  /// Whether on_data may still be called, and whether write() still does something.
  [[nodiscard]] bool is_reading() const noexcept { return (flags_ & input_over) == 0; }
  [[nodiscard]] bool is_writable() const noexcept { return (flags_ & output_over) == 0; }
  /// Whether close() or abort() was called, or it has ended: on_close is all that may still come.
  [[nodiscard]] bool is_closing() const noexcept { return (flags_ & (closing | ended)) != 0; }

 private:
  friend class detail::Streams;
  friend std::unique_ptr<Stream> connect(Reactor& reactor, std::string_view target,
                                         StreamHandler& handler, const ConnectOptions& options);

  // One word of state. What stands first ends input, or output, or both.
  enum Flag : std::uint32_t {
    input_ended = 1U << 0U,    // read() said 0
    closing = 1U << 1U,        // close(): whatever comes is dropped
    ended = 1U << 2U,          // nothing is called any more but on_close
    finishing = 1U << 3U,      // shutdown_output() or close(): no more is written
    output_failed = 1U << 4U,  // the system refused; what is left of the input is still read
    finished = 1U << 5U,       // the peer was told of our end
    lingering = 1U << 6U,      // finished, and dropping what comes
    paused = 1U << 7U,
    is_connecting = 1U << 8U,
    is_opening = 1U << 9U,  // on_open is due
    is_file = 1U << 10U,    // no socket: a pipe, a terminal
    is_queued = 1U << 11U,  // on the list of those to be settled at the end of the turn
    above_mark = 1U << 12U,
    blocked = 1U << 13U,  // the system takes no more: wait for readiness
    resets = 1U << 14U,   // the descriptor is closed with a reset
    owns_group = 1U << 15U,
    reads_are_timed = 1U << 16U,
    is_to_drain = 1U << 17U,      // its owner asks it to end
    has_told = 1U << 18U,         // on_close was called
    was_resumed = 1U << 19U,      // on_resume is due
    is_always_ready = 1U << 20U,  // a regular file, which no poller takes
    is_lent = 1U << 21U,          // standard input: not ours to close
    has_output = 1U << 22U,       // something waits in the queue
    takes_descriptors = 1U << 23U,
    input_over = input_ended | closing | ended,
    output_over = finishing | output_failed | ended,
    is_uncorked =
        is_file | is_opening | output_over | has_output | reads_are_timed | takes_descriptors,
  };
  // Above the flags, at the end: the CloseReason, and which deadline passed.
  static constexpr unsigned reason_shift = 24;
  static constexpr unsigned deadline_shift = 28;
  enum class Deadline : std::uint8_t { none, idle, read, write, lifetime, close };

  Stream(detail::StreamGroup& group, StreamHandler* handler, std::uint32_t flags) noexcept;

  [[nodiscard]] bool is(std::uint32_t flags) const noexcept { return (flags_ & flags) != 0; }
  static std::unique_ptr<Stream> connect(Reactor& reactor, std::string_view target,
                                         StreamHandler& handler, const ConnectOptions& options);
  void connected(Result<Socket> result);
  static Result<std::unique_ptr<Stream>, std::error_code> start(Reactor& reactor, int fd,
                                                                StreamHandler& handler,
                                                                const StreamOptions& options,
                                                                std::uint32_t flags);
  [[nodiscard]] std::error_code find_out_kind(int fd) noexcept;
  [[nodiscard]] std::error_code open(int fd) noexcept;
  [[nodiscard]] static std::uint32_t over_in_file(Direction direction) noexcept;
  template <typename Call>
  bool call(Call&& one);

  // Input.
  void on_ready(Ready ready) override;
  bool take_input();
  void take_from_file();
  [[gnu::noinline]] void take_more_input();
  [[nodiscard]] bool goes_on_to_read(Ready ready);
  [[gnu::noinline]] bool input_stopped(std::ptrdiff_t received);
  [[nodiscard]] bool wants_more(std::size_t received) const noexcept;
  [[gnu::noinline]] bool take_uncorked();
  [[nodiscard]] std::ptrdiff_t receive(MutableBytes into, ReceivedDescriptors& with) noexcept;
  [[gnu::noinline]] bool send_answer(std::size_t received);
  [[gnu::noinline]] static bool corked_call_threw(detail::Streams& streams, Stream& stream);
  bool input_dropped(std::size_t size);

  // Both counters.
  void tally(std::uint32_t& counter, std::size_t size) noexcept {
    const auto more = static_cast<std::uint32_t>(size);
    counter += more;
    if (counter < more) [[unlikely]]
      carry(counter);
  }
  void carry(std::uint32_t& counter) noexcept;

  // Output.
  [[gnu::noinline]] bool write_out(Bytes data);
  [[nodiscard]] bool send_directly(std::span<const Bytes> parts, std::size_t size,
                                   std::size_t& sent);
  void send_cork();
  [[nodiscard]] bool queue_parts(std::span<const Bytes> parts, std::size_t sent);
  [[nodiscard]] bool queue_rest(Bytes rest) noexcept;
  void cork_left(std::ptrdiff_t sent) noexcept;
  [[gnu::noinline]] bool cork_refused(std::ptrdiff_t sent) noexcept;
  void uncork();
  void drain();
  [[nodiscard]] std::ptrdiff_t send_front(std::uint64_t& offered) noexcept;
  [[nodiscard]] std::ptrdiff_t send_with_descriptors(Bytes data) noexcept;
  void output_refused(int error) noexcept;
  [[nodiscard]] bool output_waits() const noexcept;
  bool output_grew() noexcept;
  [[nodiscard]] detail::StreamExtra& extra();
  [[nodiscard]] detail::StreamExtra* try_extra() noexcept;  // null: no memory

  // Ends.
  void settle();
  [[nodiscard]] bool settle_output();
  [[nodiscard]] bool tell_writable();
  void output_has_left();
  void close_or_linger();
  [[nodiscard]] bool drops_input() const noexcept;
  void end(CloseReason reason, int error = 0, Deadline deadline = Deadline::none) noexcept;
  void end_for(int error) noexcept;
  void tell_close();
  void close_descriptor() noexcept;
  void detach() noexcept;
  [[nodiscard]] bool is_connecting_alone() const noexcept;

  // What the poller and the clock are asked for.
  void update_interest() noexcept;
  [[nodiscard]] TimePoint look_at_deadlines(TimePoint now) noexcept;
  void deadlines_changed() noexcept;

  detail::StreamGroup* group_;
  StreamHandler* handler_;
  std::int32_t fd_ = -1;
  std::uint32_t flags_;
  std::uint32_t place_ = 0;     // in the heap of deadlines
  std::uint32_t heard_at_ = 0;  // in ticks: when something came or left; at the end, an errno
  std::uint32_t received_ = 0;  // what these two cannot hold is in the extra
  std::uint32_t sent_ = 0;
  detail::StreamExtra* extra_ = nullptr;  // while output waits, and for what is rare
};

}  // namespace rondo
