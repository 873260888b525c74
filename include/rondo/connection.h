// SPDX-License-Identifier: MIT
// rondo: a connection that a task reads and writes.
//
//     rondo::Task<> echo(rondo::Connection& client) {
//       while (const auto data = co_await client.read()) client.write(data);
//     }
//     auto server = rondo::serve(reactor, "127.0.0.1:7", echo);
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <rondo/disconnected.h>
#include <rondo/framing.h>
#include <rondo/lent_bytes.h>
#include <rondo/net.h>
#include <rondo/stream.h>
#include <rondo/task.h>
#include <rondo/try_results.h>

namespace rondo {

class Reactor;
class TextConnection;

/// One side of a connection, for tasks: one that reads is suspended until input has arrived. The
/// stream below has everything else, such as options and addresses. While no task reads, the stream
/// is paused when input arrives, so that TCP holds the peer back.
///
/// At most one task reads, and at most one waits until it can write. A read that is cancelled has
/// taken nothing: what has arrived stays for the next one.
///
/// At its end a read returns nothing, if the peer has finished, or if this side closes the
/// connection. If the connection has ended in another way, the read throws Disconnected, when all
/// that arrived before was read.
///
/// serve() makes a Connection for each client; it lives until the coroutine that serves the client
/// has ended. open_connection() makes one for its caller. Use it on the reactor's thread only.
class RONDO_EXPORT Connection : public StreamHandler {
 public:
  /// What read() and try_read() return: a number, because it is cheaper than an object.
  enum class [[nodiscard]] ReadOperation : std::uintptr_t {};
  /// What try_read() returns.
  enum class [[nodiscard]] TryReadOperation : std::uintptr_t {};
  class Read;
  class ReadSome;
  class ReadExactly;
  class ReadUntil;
  class ReadToEnd;
  class ReadFrame;
  class TryRead;
  class Send;
  class TrySend;
  class Writable;
  class Flushed;
  class Closed;
  class Draining;
  /// What the functions below return: await it in the expression that calls them. It owns nothing.
  template <typename Awaiter, typename... Arguments>
  using Awaitable = detail::Awaitable<Awaiter, Connection*, Arguments...>;

  /// The limit of reads that look for an end, if the caller gives none: 64 KiB.
  static constexpr std::size_t message_max_default = std::size_t{64} << 10U;

  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection();

  /// The stream below. It lives as long as the connection.
  [[nodiscard]] Stream& stream() const noexcept { return *stream_; }

  /// Whatever has arrived, as soon as there is something: `LentBytes data = co_await c.read()`.
  /// Empty at the end.
  [[nodiscard]] ReadOperation read() noexcept {
    return static_cast<ReadOperation>(reinterpret_cast<std::uintptr_t>(this));
  }
  /// The same, copied to `into`: returns how many bytes; 0 at the end. What has no room there stays
  /// for the next read.
  Awaitable<ReadSome, MutableBytes> read_some(MutableBytes into) noexcept {
    return Awaitable<ReadSome, MutableBytes>{this, into};
  }
  /// Exactly `size` bytes, as LentBytes. Throws IncompleteRead if the input ends before.
  Awaitable<ReadExactly, std::size_t> read_exactly(std::size_t size) noexcept {
    return Awaitable<ReadExactly, std::size_t>{this, size};
  }
  /// Everything up to and including `delimiter`, which is not empty, as LentBytes. Empty if the
  /// input has ended; throws IncompleteRead if it ends before the delimiter. Throws a
  /// std::system_error (message_size) if there is none in the first `max` bytes, which stay.
  /// `delimiter` must live until the read has ended.
  Awaitable<ReadUntil, std::string_view, std::size_t> read_until(
      std::string_view delimiter, std::size_t max = message_max_default) noexcept {
    return Awaitable<ReadUntil, std::string_view, std::size_t>{this, delimiter, max};
  }
  /// Everything until the end of the input, as LentBytes. Throws a std::system_error (message_size)
  /// if that is more than `max` bytes, and Disconnected if the connection is lost before the end;
  /// what has arrived stays for other reads then.
  Awaitable<ReadToEnd, std::size_t> read_to_end(std::size_t max = message_max_default) noexcept {
    return Awaitable<ReadToEnd, std::size_t>{this, max};
  }
  /// The next frame after its length, without that: std::optional<LentBytes>, null if the input has
  /// ended. Throws IncompleteRead if it ends within a frame, and a std::system_error (message_size)
  /// if a frame of more than `max` bytes is announced, of which nothing is taken then. Only what
  /// arrives takes memory. For other frames see read_until() and read_exactly().
  Awaitable<ReadFrame, LengthFormat, std::size_t> read_frame(
      LengthFormat format = {}, std::size_t max = message_max_default) noexcept {
    return Awaitable<ReadFrame, LengthFormat, std::size_t>{this, format, max};
  }
  /// The same as read(), but where that throws, the ReadResult is empty and tells it: a peer that
  /// resets the connection then costs no exception.
  [[nodiscard]] TryReadOperation try_read() noexcept {
    return static_cast<TryReadOperation>(reinterpret_cast<std::uintptr_t>(this));
  }
  /// Bytes that have arrived and were not read.
  [[nodiscard]] std::size_t unread_bytes() const noexcept;

  /// Sends a copy of `data`, and awaits nothing: see Stream::write().
  WriteStatus write(Bytes data) { return stream_->write(data); }
  /// The same for text, whose bytes are sent as they are.
  WriteStatus write(std::string_view text) { return stream_->write(text); }
  /// Sends without a copy. LentBytes do not live long enough: write() them.
  WriteStatus write_owned(OwnedBytes data) { return stream_->write_owned(std::move(data)); }
  WriteStatus write_owned(const LentBytes&) = delete;
  /// Sends a copy of `data`, and then waits while more is queued than the high-water mark allows.
  /// If that is cancelled, all of `data` is still sent. Throws Disconnected if it is refused.
  Awaitable<Send, Bytes> send(Bytes data) noexcept { return Awaitable<Send, Bytes>{this, data}; }
  /// The same for text, which must live as long as `data`: until the await has ended.
  Awaitable<Send, Bytes> send(std::string_view text) noexcept {
    return send(std::as_bytes(std::span{text}));
  }
  /// The same as send(), but where that throws, the SendResult is false.
  Awaitable<TrySend, Bytes> try_send(Bytes data) noexcept {
    return Awaitable<TrySend, Bytes>{this, data};
  }
  /// The same for text.
  Awaitable<TrySend, Bytes> try_send(std::string_view text) noexcept {
    return try_send(std::as_bytes(std::span{text}));
  }
  /// Waits while the output is above the high-water mark, until it has fallen to the low-water
  /// mark. Throws Disconnected if nothing can be written any more.
  Awaitable<Writable> writable() noexcept { return Awaitable<Writable>{this}; }
  /// Waits until the system has taken all that was written. Throws Disconnected if it never will.
  Awaitable<Flushed> flushed() noexcept { return Awaitable<Flushed>{this}; }

  /// The task that waits in read(); null if none does. For a report.
  [[nodiscard]] const detail::TaskPromise* reader_in_read() const noexcept;

  /// Stream::upgrade(): STARTTLS. If any input has arrived that was not read, the connection ends
  /// with `error`, and the result is protocol_error.
  [[nodiscard]] Result<void> upgrade(StreamLayers& layers, std::string_view host = {});

  /// As the functions of Stream.
  void shutdown_output() { stream_->shutdown_output(); }
  /// As Stream::close(). A task that reads then gets nothing, as at the end of the input.
  void close();
  /// As Stream::abort(); closed() then gives CloseReason::aborted.
  void abort() noexcept;
  /// Waits until the connection has ended, and returns why: Close.
  Awaitable<Closed> closed() noexcept { return Awaitable<Closed>{this}; }
  /// Waits until the server drains, and the task should finish its work; for ever, if there is no
  /// server. Without it the connection is closed when the server drains. It must have been awaited
  /// before; a task that ignores it is ended at the deadline of Server::drain().
  Awaitable<Draining> draining() noexcept { return Awaitable<Draining>{this}; }

 protected:
  /// set_stream() follows.
  Connection() noexcept = default;
  /// Over a stream that outlives it, and whose handler it becomes by Stream::set_handler().
  explicit Connection(Stream& stream) noexcept : stream_(&stream) {}
  /// The stream, for the constructor that got none.
  void set_stream(Stream& stream) noexcept { stream_ = &stream; }

  /// Passes input on to the task that reads. `is_gone()` tells whether this object was destroyed
  /// meanwhile.
  template <typename IsGone>
  void deliver(Bytes data, IsGone is_gone);

  void on_data(Stream& stream, Bytes data) override;
  void on_end(Stream& stream) final;
  void on_writable(Stream& stream) final;
  void on_close(Stream& stream, const Close& why) override;
  /// Whether the connection has ended, and not cleanly.
  [[nodiscard]] bool is_lost() const noexcept;
  /// The server drains.
  void drain();
  /// Pauses the stream if no task reads.
  void hold_input_unless_read() noexcept;

 private:
  friend class TextConnection;
  friend class ReadResult;
  friend class SendResult;
  class Awaiter;
  class Request;
  class Waiter;
  struct Extra;
  /// Input that is lent while on_data runs.
  struct Delivery {
    Bytes rest;  // what no task has taken
  };

  // What input_ is: a pointer and the bit of its kind, or one of these numbers.
  enum Kind : std::uintptr_t {
    idle = 0,    // no task waits in read()
    lent = 1,    // a Delivery, while on_data runs: it has lent input, at least one byte
    reader = 2,  // the frame of the task that waits in read()
    extra = 4,   // an Extra
    taken = 8,   // on_data runs, and all input was taken
  };
  [[nodiscard]] bool is(Kind kind) const noexcept { return (input_ & kind) != 0; }
  [[nodiscard]] Delivery& delivery() const noexcept { return at<Delivery>(lent); }
  [[nodiscard]] std::coroutine_handle<detail::TaskPromise> waiting_reader() const noexcept {
    return std::coroutine_handle<detail::TaskPromise>::from_address(&at<std::byte>(reader));
  }
  template <typename T>
  [[nodiscard]] T& at(Kind kind) const noexcept {
    return *reinterpret_cast<T*>(input_ - kind);
  }
  void set(Kind kind, void* pointer) noexcept {
    input_ = reinterpret_cast<std::uintptr_t>(pointer) + kind;
  }

  /// False: the task need not wait.
  using Reader = std::coroutine_handle<detail::TaskPromise>;
  [[nodiscard]] bool suspend_reader(Reader task) noexcept {
    if (input_ != taken) [[unlikely]]
      return suspend_reader_elsewhere(task);
    set(reader, task.address());
    return true;
  }
  [[nodiscard]] bool suspend_reader_elsewhere(Reader task) noexcept;
  void forget_reader() noexcept;
  [[nodiscard]] LentBytes take_input() noexcept {
    const Bytes all = delivery().rest;
    input_ = taken;
    return LentBytes{all};
  }
  [[nodiscard]] ReadResult take_input_elsewhere() noexcept;
  [[nodiscard]] LentBytes take_kept_input() noexcept;
  template <typename IsGone>
  void deliver_elsewhere(const Delivery& delivery, IsGone is_gone);
  void begin_elsewhere(Bytes data);
  void end_delivery();
  void drop_input() noexcept;
  void resume_readers();
  void expect_no_reader() const noexcept;
  [[nodiscard]] Extra& make_extra();
  [[nodiscard]] Extra& get_extra() const noexcept { return at<Extra>(extra); }
  void drop_extra_if_spare() noexcept;
  void notify();

  // For requests.
  [[nodiscard]] bool input_is_over() const noexcept;
  [[nodiscard]] Bytes look_at(std::size_t size);
  [[nodiscard]] LentBytes take(std::size_t size);
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from) const noexcept;
  void throw_if_lost(const char* operation) const;
  [[nodiscard]] Disconnected failure(const char* operation) const;
  [[noreturn]] void throw_incomplete(const char* operation);

  Stream* stream_ = nullptr;
  std::uintptr_t input_ = idle;
};

class Connection::Read {
 public:
  explicit Read(ReadOperation read) noexcept : connection_(reinterpret_cast<Connection*>(read)) {}
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;
  ~Read() {
    if (connection_ != nullptr) [[unlikely]]
      connection_->forget_reader();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) const noexcept {
    detail::end_lending();
    return connection_->suspend_reader(
        std::coroutine_handle<detail::TaskPromise>::from_address(task.address()));
  }
  LentBytes await_resume() {
    Connection& connection = *std::exchange(connection_, nullptr);
    if (connection.is(lent)) [[likely]]
      return connection.take_input();
    const ReadResult result = connection.take_input_elsewhere();
    connection_ = nullptr;  // again, so that the compiler knows it after the call
    if (result.is_lost()) [[unlikely]]
      result.throw_error();
    return result;
  }

 protected:
  Connection* connection_;  // null once it was read
};

class Connection::TryRead : public Read {
 public:
  using Read::Read;
  ReadResult await_resume() noexcept {
    Connection& connection = *std::exchange(connection_, nullptr);
    if (connection.is(lent)) [[likely]]
      return ReadResult{connection.take_input()};
    const ReadResult result = connection.take_input_elsewhere();
    connection_ = nullptr;  // as above
    return result;
  }
};

[[nodiscard]] inline Connection::Read operator co_await(Connection::ReadOperation read) noexcept {
  return Connection::Read{read};
}
[[nodiscard]] inline Connection::TryRead operator co_await(
    Connection::TryReadOperation read) noexcept {
  return Connection::TryRead{static_cast<Connection::ReadOperation>(read)};
}

}  // namespace rondo

#include <rondo/connection_awaiters.h>
#include <rondo/served_connection.h>
