// What the streams of one reactor share: the buffer they read into, the one that gathers what
// answers a read, the list of those with something left to do at the end of the turn, and their
// deadlines.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <rondo/connector.h>
#include <rondo/net.h>
#include <rondo/resolver.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

#include "heap.h"
#include "loop/loop.h"
#include "output_queue.h"

namespace rondo::detail {

/// Whether a call that failed so may succeed when the poller tells again.
[[nodiscard]] inline bool is_not_now(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/// Owns the streams that no user owns: a server does.
class StreamOwner {
 public:
  /// Ask it to end.
  virtual void drain(Stream& stream) = 0;
  /// The stream has told its handler that it ended, and closed its descriptor.
  virtual void ended(Stream& stream) noexcept = 0;
  /// No call of its handler is running any more: give back its memory.
  virtual void destroy(Stream& stream) noexcept = 0;
  /// An exception left a callback of a stream, which is aborted. False: it leaves through run().
  [[nodiscard]] virtual bool threw(const std::exception_ptr& exception) = 0;

 protected:
  ~StreamOwner() = default;
};

/// What the streams of one server have in common, or one stream has for itself.
struct StreamGroup {
  Streams& streams;
  StreamOptions options;
  StreamOwner* owner = nullptr;
};

/// What a stream seldom needs.
struct StreamExtra {
  OutputQueue output;
  std::unique_ptr<StreamOptions> options;  // its own, where they differ from the group's
  std::unique_ptr<Connector> connector;    // while it connects
  std::string what;                        // Close::what, where the flags do not tell it
  std::error_code close_error;
  TimePoint close_deadline = never;
  TimePoint opened_at = never;
  TimePoint read_at = never;      // when something came, if reads are timed
  TimePoint progress_at = never;  // since when the output waits without progress, if that is timed
  std::uint64_t dropped = 0;      // input, while lingering
  int error = 0;                  // why the output failed
  std::uint64_t received_above = 0;  // the parts of the counters beyond 32 bits
  std::uint64_t sent_above = 0;

  /// Whether it holds nothing that is needed.
  [[nodiscard]] bool is_spare() const noexcept {
    return output.empty() && options == nullptr && connector == nullptr && what.empty() &&
           !close_error && close_deadline == never && opened_at == never && read_at == never &&
           progress_at == never && dropped == 0 && error == 0 && received_above == 0 &&
           sent_above == 0;
  }
};

class Streams final : public PerReactor {
 public:
  static constexpr Room room = Room::stream;
  static constexpr std::size_t buffer_size = std::size_t{64} << 10U;
  static constexpr std::size_t cork_size = std::size_t{8} << 10U;

  explicit Streams(Reactor& reactor, Loop& loop);
  ~Streams() override;

  [[nodiscard]] static Streams& of(const Stream& stream) noexcept { return stream.group_->streams; }
  /// The reactor's, made when it is first asked for.
  static Streams& of(Reactor& reactor);

  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Net& net() noexcept { return net_; }
  [[nodiscard]] MutableBytes buffer() noexcept { return {buffer_, buffer_size}; }
  [[nodiscard]] TimePoint now() noexcept { return loop_.now(); }
  /// The one that its clients share, made when it is first asked for.
  [[nodiscard]] Resolver& resolver(Reactor& reactor);

  // Time in ticks of 2^20 ns, which fit a stream's 32 bits for 52 days.
  static constexpr unsigned tick_shift = 20;
  [[nodiscard]] std::uint32_t tick() noexcept {
    return static_cast<std::uint32_t>(now().time_since_epoch().count() >> tick_shift);
  }
  /// The end of the latest tick before `now` that had this number.
  [[nodiscard]] static TimePoint end_of(std::uint32_t tick, TimePoint now) noexcept;

  /// A call of a stream's handler. Knows whether the stream has outlived it.
  class Frame {
   public:
    enum class Kind : bool { call, witness };  // a witness only knows whether the stream is there
    Frame(Streams& streams, Stream& stream, Kind kind = Kind::call) noexcept
        : streams_(streams),
          stream_(&stream),
          outer_(streams.frame_),
          is_call_(kind == Kind::call),
          is_outermost_(is_call_ && streams.corked == nullptr) {
      streams.frame_ = this;
      if (is_outermost_) streams.corked = &no_stream();
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() {
      streams_.frame_ = outer_;
      if (is_outermost_) streams_.corked = nullptr;
      if (orphan_ != nullptr) [[unlikely]]
        orphans_owner_->destroy(*orphan_);
    }
    [[nodiscard]] bool stream_is_gone() const noexcept { return stream_ == nullptr; }

   private:
    friend class Streams;
    Streams& streams_;
    Stream* stream_;
    Frame* outer_;
    bool is_call_;
    bool is_outermost_;         // no other call is running
    Stream* orphan_ = nullptr;  // its owner frees its memory when the call has returned
    StreamOwner* orphans_owner_ = nullptr;
  };
  /// Nothing more is to be done for the stream: the calls that are running for it, if any, are
  /// told.
  void forget(Stream& stream) noexcept;
  /// The same for a stream of an owner, who then destroys it: at once, or when these calls have
  /// returned.
  void release(Stream& stream, StreamOwner& owner) noexcept;

  // The cork: what the stream whose on_data is running writes, while nothing of it waits. Such a
  // call has no Frame: that `corked` is as it was says that the stream is there, and corked. Null
  // while no call is running at all, and else no_stream().
  Stream* corked = nullptr;
  std::size_t cork_used = 0;
  [[nodiscard]] std::byte* cork() noexcept { return cork_; }
  [[nodiscard]] Bytes cork_data() const noexcept { return {cork_, cork_used}; }
  /// If it is this stream that is corked: it goes on without, and what was gathered is dropped.
  void uncork(Stream& stream) noexcept;
  [[nodiscard]] bool uncorked_call_lost() const noexcept {
    return uncorked_call_.stream == nullptr;
  }
  /// After a call that began corked and ended otherwise. True: the stream is gone.
  [[nodiscard]] bool end_corked_call() noexcept;
  /// Whether a call of its handler is running, which then runs the host of a hosted reactor.
  [[nodiscard]] bool is_in_call(const Stream& stream) const noexcept;

  // What an owner does with its streams.
  [[nodiscard]] static StreamOwner* owner_of(const Stream& stream) noexcept {
    return stream.group_->owner;
  }
  /// Room for one stream more on all lists. Before it is made, since who ends must not need memory.
  void make_room();
  void joined() noexcept { ++count_; }
  void left() noexcept { --count_; }
  /// make_room() went before.
  static Stream* construct(void* where, StreamGroup& group) noexcept {
    return ::new (where) Stream{group, nullptr, Stream::is_opening};
  }
  [[nodiscard]] static std::error_code open(Stream& stream, int fd) noexcept {
    return stream.open(fd);
  }
  static void say_open(Stream& stream);
  /// Each that is alive, but for one that is being made. They take no memory.
  void drain_all(const StreamOwner& owner) noexcept;
  void abort_all(const StreamOwner& owner) noexcept;
  /// These also those that have ended and not told yet.
  void release_all(StreamOwner& owner) noexcept;

  /// The owner of streams that were closed detached.
  [[nodiscard]] StreamOwner& alone() noexcept { return alone_; }

  // The end of the turn.
  void settle_later(Stream& stream) noexcept;
  [[nodiscard]] bool pending() const noexcept override { return !queue_.empty(); }
  /// Settles those that were queued so far.
  void end_turn() override;

  // Deadlines. An entry is never later than the first deadline of its stream.
  void add(Stream& stream, TimePoint when);
  void remove(Stream& stream) noexcept;
  void sooner(Stream& stream, TimePoint when) noexcept;

 private:
  struct Places {
    static void put(Stream& stream, std::uint32_t place) noexcept { stream.place_ = place; }
    static bool before(const Stream&, const Stream&) noexcept { return false; }
  };

  struct Alone final : StreamOwner {
    void drain(Stream& stream) override { stream.close(); }
    void ended(Stream& stream) noexcept override;
    void destroy(Stream& stream) noexcept override { delete &stream; }
    bool threw(const std::exception_ptr&) override { return false; }
  };

  /// What `corked` points at while a call is running that is not corked: never looked at.
  [[nodiscard]] static Stream& no_stream() noexcept;

  [[nodiscard]] static bool is_made(const Stream& stream, const StreamOwner& owner) noexcept {
    return owner_of(stream) == &owner && !stream.is(Stream::is_opening);
  }
  template <typename End>
  void end_each(const StreamOwner& owner, End end) noexcept;
  void release_queued(StreamOwner& owner) noexcept;
  void settle(Stream& stream);
  void look_at_deadlines();
  void arm() noexcept;

  Loop& loop_;
  Net& net_;
  Alone alone_;
  Frame* frame_ = nullptr;
  struct UncorkedCall {  // a call that began corked; see Frame
    Stream* stream = nullptr;
    Stream* orphan = nullptr;
    StreamOwner* orphans_owner = nullptr;
  } uncorked_call_;
  std::vector<Stream*> queue_;
  std::vector<Stream*> settling_;  // null where a stream left after it was gathered
  std::size_t count_ = 0;          // all streams: both lists have room for that many
  Heap<Stream, Places> deadlines_;
  Timer timer_;
  std::unique_ptr<Resolver> resolver_;
  std::byte cork_[cork_size];
  std::byte buffer_[buffer_size];
};

}  // namespace rondo::detail
