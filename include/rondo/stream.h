// SPDX-License-Identifier: MIT
// rondo: a connection: TCP, a Unix socket, a pipe. Input arrives by callbacks; output is queued and
// bounded; the stream ends once, with a reason.
//
//     class Echo final : public rondo::StreamHandler {
//       void on_data(rondo::Stream& stream, rondo::Bytes data) override { stream.write(data); }
//     } echo;
//     auto stream = rondo::connect(reactor, "example.org:7", echo);
//     stream->write("hello");  // sent once it is connected
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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
#include <rondo/function.h>
#include <rondo/handler.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/socket.h>
#include <rondo/time.h>

namespace rondo {

class Reactor;
class Stream;
class StreamLayer;
class StreamLayers;
namespace detail {
class StreamImpl;
/// As check_thread() of a Reactor.
RONDO_EXPORT void check_thread(const Stream& stream, const char* call) noexcept;
}  // namespace detail

/// Why a stream has ended.
enum class CloseReason : std::uint8_t {
  eof,            ///< the peer finished, and all output was handed to the system
  closed,         ///< close() completed before the peer finished, or by lingering
  reset,          ///< the peer reset the connection, or takes no more output
  timed_out,      ///< a deadline passed; Close::what names it
  overflow,       ///< more output was queued than a limit allows; Close::what names it
  aborted,        ///< abort()
  not_connected,  ///< a client: no address answered; Close::what lists what was tried
  error,          ///< anything else; see Close::error
  truncated,      ///< the input ended without the end that a layer such as TLS shows
};

/// How a stream has ended; on_close gets it.
struct Close {
  CloseReason reason;       ///< what the program can act on
  std::error_code error{};  ///< the system's error, or timed_out, or none
  /// What was tried, or which deadline passed or limit was exceeded: `idle timeout`,
  /// `write_buffer_max`. `handshake`: the connection failed before that of a layer was done. Valid
  /// until on_close returns.
  std::string_view what{};

  /// `idle timeout: Connection timed out`, or the reason of a layer such as TLS alone.
  [[nodiscard]] RONDO_EXPORT std::string message() const;
};

/// What a write has done.
enum class WriteStatus : std::uint8_t {
  accepted,          ///< sent or queued
  above_high_water,  ///< sent or queued; stop writing until on_writable is called
  refused,  ///< the output was over, or this write ended the stream; on_writable is not called
};

/// What close() does about input that the peer sends meanwhile, or later. If input is unread when a
/// TCP socket is closed, or arrives afterwards, the peer gets a reset, which destroys the output
/// that it has not read yet. A lingering close instead shuts the output down first, then reads and
/// drops input until the peer finishes too, until close_timeout, or until it has dropped 16 MiB.
/// Unless it is off, input is also read and dropped while the output still leaves, so that two
/// peers that write to each other before they read do not wait for each other.
enum class LingeringClose : std::uint8_t {
  off,        ///< close at once when the output has left
  if_unread,  ///< linger if one read, after the output has left, finds input
  always,     ///< linger whatever has arrived
  as_needed,  ///< TCP: always. A Unix socket, which keeps what was sent: if_unread
};

/// The limits of a stream. A duration of `forever` is no limit; zero passes at once: an
/// idle_timeout within its step, a write_timeout in the turn after the one in which output was
/// queued. Until a client is connected only close_timeout counts. What is queued counts in bytes in
/// memory; files and descriptors count by their number.
struct StreamOptions {
  /// Nothing was received and nothing was sent, by the time of the turns (see Reactor::now);
  /// counted in steps of 1.05 ms; 50 days at most.
  Duration idle_timeout = forever;
  Duration read_timeout = forever;  ///< nothing was received while the stream was reading
  /// Output is queued, and the peer takes nothing. The time in which the stream waits for a pipe
  /// that it is to send does not count.
  Duration write_timeout = forever;
  Duration lifetime = forever;  ///< since it was connected, whatever happens
  /// From when it was connected until handshake_done(): a peer that never completes its first
  /// request, however slowly it sends it, is not kept.
  Duration handshake_timeout = forever;
  /// For close(): from the call until the end, lingering included. If nothing is queued, from the
  /// beginning of lingering.
  Duration close_timeout = std::chrono::seconds{10};
  /// Above so many queued bytes, or above a quarter of write_descriptors_max, write() returns
  /// above_high_water.
  std::size_t write_high_water = std::size_t{64} << 10U;
  /// on_writable is called when no more than this is queued, and no more than a sixteenth of
  /// write_descriptors_max. By default a quarter of write_high_water, so that a writer which is
  /// faster than its peer stops and goes on seldom. No more than write_high_water is used.
  std::optional<std::size_t> write_low_water{};
  /// Beyond so many queued bytes, which the system does not take, the stream ends with `overflow`.
  std::size_t write_buffer_max = std::size_t{14} << 20U;
  /// After so many bytes of input other streams have their turn; at least 64 KiB.
  std::size_t input_per_turn_max = std::size_t{64} << 10U;
  /// Stop reading from above the high-water mark until the low-water mark: a peer that does not
  /// read its replies cannot send more requests. By default the streams of a Server do it, and no
  /// others: two peers that both do it can deadlock.
  std::optional<bool> pause_reading_when_full{};
  LingeringClose lingering_close = LingeringClose::as_needed;  ///< for close()
  /// For a Unix socket: received descriptors are passed to on_descriptors, at the cost of a slower
  /// system call. Without it the kernel closes them; a Server has the kernel refuse them, where it
  /// can (Linux 6.16): sending them fails with EPERM.
  bool receive_descriptors = false;
  /// With more descriptors queued, those of send_file included, the stream ends with `overflow`.
  std::size_t write_descriptors_max = descriptors_per_send_max;
};

/// What a stream calls. Calls come from the reactor's turn, never from inside a call of the stream,
/// and one at a time for each stream. A handler may write to, end, or destroy any stream, including
/// the one that calls it. An exception aborts the stream and leaves through Reactor::run.
class RONDO_EXPORT StreamHandler {
 public:
  /// The stream is connected, or was adopted or accepted, and the handshake of its layer, if it has
  /// one, is done. Called first, unless close() was called or the stream has ended before.
  virtual void on_open(Stream&) {}
  /// `data`, at least one byte, was received. It is in the reactor's buffer, valid until this
  /// returns. What is written to the stream inside leaves in one system call right afterwards.
  virtual void on_data(Stream& stream, Bytes data) = 0;
  /// The same with descriptors, if StreamOptions::receive_descriptors is set. `data` holds the
  /// bytes that the descriptors were sent with, and perhaps bytes that were sent before, but none
  /// that were sent after. If this process cannot open more descriptors, `received.lost` is true,
  /// and there are none. By default it closes them and calls on_data.
  virtual void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received);
  /// The peer has finished: there is no more input. Output can still be written until it is shut
  /// down or closed. By default it closes the stream.
  virtual void on_end(Stream& stream);
  /// resume() was called: a handler that has kept received data may go on with it now.
  virtual void on_resume(Stream&) {}
  /// The output has fallen to write_low_water: called once for each time it was above
  /// write_high_water. Output that is written inside on_data is counted after on_data has returned,
  /// so this can follow writes that all returned `accepted`.
  virtual void on_writable(Stream&) {}
  /// The last call, and the only one after close() and abort(). The descriptor is closed next.
  virtual void on_close(Stream&, const Close&) {}

 protected:
  ~StreamHandler() = default;
};

/// Functions instead of a handler, for a program that has little to do with a stream. Each may be
/// empty; without on_end the stream is closed when its peer finishes.
///
///     auto stream = rondo::connect(
///         reactor, "example.org:7",
///         {.on_data = [](rondo::Stream&, rondo::Bytes data) { std::cout << rondo::as_text(data);
///         }});
struct StreamFunctions {
  Function<void(Stream& stream)> on_open{};                     ///< as StreamHandler::on_open
  Function<void(Stream& stream, Bytes data)> on_data{};         ///< as StreamHandler::on_data
  Function<void(Stream& stream)> on_end{};                      ///< as StreamHandler::on_end
  Function<void(Stream& stream)> on_writable{};                 ///< as StreamHandler::on_writable
  Function<void(Stream& stream, const Close& why)> on_close{};  ///< as StreamHandler::on_close
};

/// Bytes with an owner, and how to free them. A stream sends such bytes without a copy:
///
///     stream.write_owned(OwnedBytes{std::move(page)});  // a string, a vector, ...
class OwnedBytes {
 public:
  /// Frees what the bytes belong to.
  using Free = void (*)(void* owner) noexcept;

  OwnedBytes() noexcept = default;
  /// `free(owner)` is called once, when the bytes are not needed any more, from inside any call of
  /// the stream that holds them. It must neither use nor destroy that stream; it should free memory
  /// only, and post other work to the reactor.
  OwnedBytes(Bytes data, void* owner, Free free) noexcept
      : data_(data), owner_(owner), free_(free) {}
  /// Moves `container` to the heap, and deletes it there. Throws std::bad_alloc.
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

  /// The bytes, valid until they are freed.
  [[nodiscard]] Bytes data() const noexcept { return data_; }

 private:
  Bytes data_{};
  void* owner_ = nullptr;
  Free free_ = nullptr;
};

/// One connection. It does not move. Its owner holds it by unique_ptr, or a server does; others may
/// keep a reference until on_close has returned. Destroy it before the reactor. Use it on the
/// reactor's thread only. The ways to end it:
///
///     call                  queued output                      afterwards
///     shutdown_output()     is sent, then the peer sees EOF    input goes on; on_close(eof) once
///                                                              the peer finishes too
///     close()               is sent, within close_timeout      on_close(closed or eof)
///     close_detached(p)     is sent, within close_timeout      no callback
///     abort()               is lost; a TCP peer gets a reset   on_close(aborted)
///     release()             an error if there is any           no callback; the caller owns the
///                                                              descriptor
///     destroying it         is lost; the peer sees EOF         no callback
class RONDO_EXPORT Stream : private Handler {
 public:
  /// Takes over a connected socket, a pipe or a terminal, and makes it non-blocking; other programs
  /// that share it notice if it is no socket and the system cannot open it again. `handler`
  /// outlives the stream. on_open is called at the end of the turn. Errors: those of
  /// Reactor::watch, and invalid_argument for a listener; ESOCKTNOSUPPORT for a socket of
  /// datagrams. `socket` is closed then.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> adopt(Reactor& reactor, Socket socket,
                                                             StreamHandler& handler,
                                                             const StreamOptions& options = {});
  /// The same with functions, which live as long as the stream, and each until it has returned.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> adopt(Reactor& reactor, Socket socket,
                                                             StreamFunctions functions,
                                                             const StreamOptions& options = {});
  /// Uses, in one direction or both, a descriptor that stays the caller's, and that other programs
  /// may share: a terminal, a pipe, a file, a device, a socket. It stays as it is: it is neither
  /// made non-blocking nor shut down nor closed. The direction that is not asked for is over from
  /// the beginning, so for output on_data is never called. Input that cannot be read, because `fd`
  /// is open for writing only, is at its end. Output alone keeps run() from returning only while
  /// some of it waits. Errors: bad_file_descriptor, and those of adopt(). release() fails with
  /// operation_not_supported where fd() is `fd`.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> borrow(Reactor& reactor, int fd,
                                                              Direction direction,
                                                              StreamHandler& handler,
                                                              const StreamOptions& options = {});
  /// borrow() of 0 for input, of 1 and 2 for output. bad_file_descriptor if it is close-on-exec.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> standard_input(
      Reactor& reactor, StreamHandler& handler, const StreamOptions& options = {});
  /// The same for the program's standard output.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> standard_output(
      Reactor& reactor, StreamHandler& handler, const StreamOptions& options = {});
  /// The same for the program's standard error.
  [[nodiscard]] static Result<std::unique_ptr<Stream>> standard_error(
      Reactor& reactor, StreamHandler& handler, const StreamOptions& options = {});
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream();

  /// Sends a copy of `data`, in order. What is written inside the stream's own on_data leaves right
  /// after it, what is written elsewhere at the end of the turn; a piece of 4 KiB or more, and all
  /// that is queued beyond write_buffer_max, is offered to the system at once. If more than that
  /// is left, the stream ends with `overflow`. Never blocks. Refused after shutdown_output(),
  /// close() and the end. Throws std::bad_alloc if there is no memory to queue it; nothing was
  /// written then.
  virtual WriteStatus write(Bytes data) = 0;
  /// The same for text, whose bytes are sent as they are.
  WriteStatus write(std::string_view text) { return write(std::as_bytes(std::span{text})); }
  /// The same without a copy: `data` is kept until it is sent.
  virtual WriteStatus write_owned(OwnedBytes data) = 0;
  /// The same for several pieces, copied, that leave together. Without memory for all of them the
  /// stream ends, if a part has been written.
  virtual WriteStatus write_parts(std::span<const Bytes> parts) = 0;
  /// Sends `size` bytes of `file` from `offset` on, or all up to its end if `size` is
  /// to_end_of_file, by the system's sendfile. What that refuses (/proc, some file systems) is read
  /// and written instead; so is a pipe, from offset 0, as its bytes arrive. The stream owns `file`
  /// from now on. If the file is shorter than `size`, the stream ends with `error`.
  virtual WriteStatus send_file(File file, std::uint64_t offset, std::uint64_t size) = 0;
  /// Sends a copy of `data`, at least one byte, and with its first byte `descriptors`, up to
  /// descriptors_per_send_max, to the process at the other end of a Unix socket. The stream owns
  /// them from now on, and closes them when they were sent, or when it ends. It ends with `error`
  /// if it is no Unix stream, or if `data` is empty, or with too many descriptors.
  virtual WriteStatus write(Bytes data, std::vector<Socket> descriptors) = 0;
  /// The same for text.
  WriteStatus write(std::string_view text, std::vector<Socket> descriptors) {
    return write(std::as_bytes(std::span{text}), std::move(descriptors));
  }
  /// Offers the system now what was written so far.
  virtual void flush() = 0;

  /// Stops the calls of on_data until resume(); TCP holds the peer back. While it is paused the
  /// stream does not notice that the peer leaves, except by write() and by deadlines.
  virtual void pause() noexcept = 0;
  /// Reads again after pause(); on_resume is called at the end of the turn.
  virtual void resume() noexcept = 0;

  /// Ends the output: when all of it has left, the peer sees the end (shutdown). Input goes on.
  /// When both sides have finished, the stream ends with `eof`.
  virtual void shutdown_output() = 0;
  /// Ends input and output: when the output has left, and perhaps after lingering, on_close is
  /// called, within `timeout` (by default StreamOptions::close_timeout).
  virtual void close() = 0;
  /// The same within `timeout`.
  virtual void close(Duration timeout) = 0;
  /// Ends it now: unsent output is lost, and a TCP peer gets a reset. on_close follows.
  virtual void abort() noexcept = 0;

  /// Closes a stream that its owner does not need any more: it lives until its output has left, or
  /// until close_timeout, and calls no handler.
  static void close_detached(std::unique_ptr<Stream> stream);

  /// Gives the descriptor to the caller; no callback follows. The owner destroys the stream, a
  /// server at once. Errors:
  /// device_or_resource_busy while output is queued or it connects, not_connected after its end.
  [[nodiscard]] virtual Result<Socket, std::error_code> release() noexcept = 0;

  /// Calls `handler` from now on, which outlives the stream.
  virtual void set_handler(StreamHandler& handler) noexcept = 0;
  /// What it was made with, or what set_options() has set.
  [[nodiscard]] virtual const StreamOptions& options() const noexcept = 0;
  /// Everything holds at once, also for what is queued: it may now be too much, or above the
  /// high-water mark, or below the low-water mark. Timeouts count from now on, but a close_timeout
  /// that is running does not change, and a handshake that is done is not timed again.
  virtual void set_options(const StreamOptions& options) = 0;

  /// -1 while it connects, after release(), and after on_close.
  [[nodiscard]] virtual int fd() const noexcept = 0;
  /// Its own address. Errors: those of getsockname(2); bad_file_descriptor without one.
  [[nodiscard]] virtual Result<Endpoint, std::error_code> local_endpoint() const noexcept = 0;
  /// The peer's address. Errors: those of getpeername(2); bad_file_descriptor without one.
  [[nodiscard]] virtual Result<Endpoint, std::error_code> remote_endpoint() const noexcept = 0;
  /// The process at the other end of a Unix socket. Errors: not_connected for all others.
  [[nodiscard]] virtual Result<Credentials, std::error_code> peer_credentials() const noexcept = 0;

  /// From now on, what is received and sent passes through a layer: STARTTLS. What was written
  /// before leaves before, as it is; what is written from now on is kept until the handshake is
  /// done. on_open is not called again. `host` is the name that a client verifies, and empty for a
  /// server. `unread` is what the caller has of the input behind the point at which the layer
  /// begins: it was not protected, so if there is any, the stream ends with `error`. Errors:
  /// protocol_error for that, not_connected, operation_not_supported for what has a layer, is no
  /// socket, or connects, device_or_resource_busy while output is queued, and those of `layers`.
  [[nodiscard]] virtual Result<void> upgrade(StreamLayers& layers, std::string_view host,
                                             Bytes unread) = 0;
  /// What its bytes pass through; null: nothing. It lives as long as the stream.
  [[nodiscard]] virtual const StreamLayer* layer() const noexcept = 0;

  /// The peer has completed its first request: handshake_timeout does not count any more.
  virtual void handshake_done() noexcept = 0;

  /// Bytes that were written and have not left. SIZE_MAX: more than fits, or a file is being sent
  /// to its end.
  [[nodiscard]] virtual std::size_t unsent_bytes() const noexcept = 0;
  /// Whether it still connects: it has no descriptor yet.
  [[nodiscard]] virtual bool connecting() const noexcept = 0;
  /// Whether on_data may still be called.
  [[nodiscard]] virtual bool is_reading() const noexcept = 0;
  /// Whether write() still does something.
  [[nodiscard]] virtual bool is_writable() const noexcept = 0;
  /// Whether close() or abort() was called, or the stream has ended: only on_close may follow.
  [[nodiscard]] virtual bool is_closing() const noexcept = 0;

 private:
  friend class detail::StreamImpl;
  Stream() = default;
};

}  // namespace rondo
