// SPDX-License-Identifier: MIT
// What the streams of one reactor share: the buffer that they read into, the cork, the run queue
// for the end of the turn, the deadlines, and the list of what is running.
//
// The run queue. A stream with something left to do that must not be done inside a call of its user
// (report that it has ended, send what was written elsewhere) is in the queue, once, and is run at
// the end of the turn. A stream that is queued meanwhile waits for the next turn, after a look at
// the descriptors.
//
// Deadlines. Each stream has one entry in a heap, which is never later than the first of its
// deadlines. A message only notes when it came; an entry that reaches the top too early is put
// back with its current deadline. So a timeout that each message prolongs costs a store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

#include <rondo/net.h>
#include <rondo/options.h>
#include <rondo/resolver.h>
#include <rondo/stream.h>
#include <rondo/timer.h>

#include "cork.h"
#include "handshake_queue.h"
#include "heap.h"
#include "loop/loop.h"
#include "run_queue.h"
#include "stream_state.h"

namespace rondo::detail {

class StreamContext;
class StreamImpl;

/// Owns the streams that no user owns: a server does.
class StreamOwner {
 public:
  /// Ask the stream to end.
  virtual void drain(StreamImpl& stream) = 0;
  /// The stream has called on_close, and closed its descriptor.
  virtual void ended(StreamImpl& stream) noexcept = 0;
  /// No call of its handler is running any more: free its memory.
  virtual void destroy(StreamImpl& stream) noexcept = 0;
  /// The handshake of its layer is done: on_open is next. False: the stream is gone.
  [[nodiscard]] virtual bool secured(StreamImpl&) { return true; }
  /// An exception left a callback of the stream, which is aborted. False: it leaves through run().
  [[nodiscard]] virtual bool threw(StreamImpl& stream, const std::exception_ptr& exception) = 0;

 protected:
  ~StreamOwner() = default;
};

/// How much output is queued.
struct OutputSize {
  std::size_t bytes = 0;        // in memory
  std::size_t descriptors = 0;  // to be passed, or of files
};

/// What the streams of one server have in common, or one stream has for itself.
struct StreamGroup {
  StreamContext& context;
  StreamOptions options;
  StreamOwner* owner = nullptr;
  bool pauses_when_full = false;  // where options do not say
  OutputSize queued_max{unlimited, unlimited};
  OutputSize queued{};  // the sum of what all streams count, if there is an owner
  // Of the stream that was the largest when all were compared last, or has become larger; null if
  // it has nothing queued any more.
  const OutputSize* large = nullptr;

  /// If this stream is not the largest any more, too many bytes are counted: compare all.
  [[nodiscard]] bool has_too_many_bytes() const noexcept {
    return queued.bytes - (large == nullptr ? 0 : large->bytes) > queued_max.bytes;
  }
  [[nodiscard]] bool has_too_many_descriptors() const noexcept {
    return queued.descriptors > queued_max.descriptors;
  }
  [[nodiscard]] bool is_over_budget() const noexcept {
    return has_too_many_bytes() || has_too_many_descriptors();
  }

  // When all streams were looked at last, and none could be ended: the turn, and the sum then.
  std::uint64_t vain_turn = 0;
  OutputSize vain{};

  /// To look at all streams for each write that is above the budget would be quadratic.
  [[nodiscard]] bool may_look(std::uint64_t turn) const noexcept {
    const auto has_grown = [this](std::size_t OutputSize::* size) {
      return queued.*size > vain.*size && queued.*size - vain.*size > queued_max.*size / 16;
    };
    return turn != vain_turn || has_grown(&OutputSize::bytes) ||
           has_grown(&OutputSize::descriptors);
  }
};

/// On the stack while something runs that may destroy a stream: shows whether it has. If an owner
/// retires the stream meanwhile, its memory stays until the outermost observer of it has ended.
class StreamObserver {
 public:
  StreamObserver(StreamContext& context, StreamImpl& stream) noexcept
      : StreamObserver(context, stream, false) {}
  StreamObserver(const StreamObserver&) = delete;
  StreamObserver& operator=(const StreamObserver&) = delete;
  inline ~StreamObserver();
  [[nodiscard]] bool stream_is_gone() const noexcept { return record_.stream == nullptr; }

 protected:
  inline StreamObserver(StreamContext& context, StreamImpl& stream, bool is_call) noexcept;
  StreamContext& context_;

 private:
  friend class StreamContext;
  struct Record {
    StreamImpl* stream = nullptr;  // null: gone
    bool is_call = true;
    Record* outer = nullptr;
    StreamImpl* retired = nullptr;  // to be destroyed by its owner
    StreamOwner* owner = nullptr;
  };
  Record record_;
};

/// The same for a call of the stream's handler that is not corked.
class CallScope final : public StreamObserver {
 public:
  inline CallScope(StreamContext& context, StreamImpl& stream) noexcept;
  inline ~CallScope();

 private:
  bool is_outermost_;
};

class StreamContext final : public PerReactor {
 public:
  static constexpr Room room = Room::stream;
  static constexpr std::size_t buffer_size = std::size_t{64} << 10U;

  explicit StreamContext(Reactor& reactor, Loop& loop);
  ~StreamContext() override;
  /// The reactor's, made when it is first needed.
  static StreamContext& of(Reactor& reactor);

  [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }
  [[nodiscard]] Loop& loop() noexcept { return loop_; }
  [[nodiscard]] Net& net() noexcept { return net_; }
  [[nodiscard]] Cork& cork() noexcept { return cork_; }
  [[nodiscard]] HandshakeQueue& handshakes() noexcept { return handshakes_; }
  [[nodiscard]] MutableBytes buffer() noexcept { return {buffer_, buffer_size}; }
  [[nodiscard]] TimePoint now() noexcept { return loop_.now(); }
  /// The resolver that clients without their own share, made when it is first needed.
  [[nodiscard]] Resolver& resolver(Reactor& reactor);

  // Time in ticks of 2^20 ns, which fit a stream's 32 bits for 52 days.
  static constexpr unsigned tick_shift = 20;
  [[nodiscard]] std::uint32_t tick() noexcept {
    return static_cast<std::uint32_t>(now().time_since_epoch().count() >> tick_shift);
  }
  /// The end of the latest tick before `now` that had this number.
  [[nodiscard]] static TimePoint end_of(std::uint32_t tick, TimePoint now) noexcept;

  // Calls of handlers. A corked call has no CallScope: the cork shows that its stream exists. If it
  // loses the cork, `corked_call_` records it, which is always the outermost.

  /// Takes the cork away from the stream, if it holds it, and drops its contents. The call that is
  /// running continues uncorked.
  void withdraw_cork(StreamImpl& stream) noexcept;
  [[nodiscard]] bool corked_stream_is_gone() const noexcept {
    return corked_call_.stream == nullptr;
  }
  /// After a call that began corked and has lost the cork. False: the stream is gone.
  [[nodiscard]] bool end_corked_call() noexcept;
  /// Whether a call of its handler is running.
  [[nodiscard]] bool is_in_call(const StreamImpl& stream) const noexcept;
  /// Nothing more is to be done for the stream, which is about to go.
  void forget(StreamImpl& stream) noexcept;
  /// The stream has ended, but its session has not: retire() it later.
  void keep(StreamImpl& stream) noexcept;
  /// Ends the stream without a callback, and lets `owner` destroy it: at once, or when the calls
  /// that are running for it have returned.
  void retire(StreamImpl& stream, StreamOwner& owner) noexcept;

  // What an owner does with its streams. None of it takes memory.
  /// Reserves what one stream more needs on all lists, so that it can end without memory.
  void make_room();
  void stream_added() noexcept { ++count_; }
  void stream_removed() noexcept { --count_; }
  void drain_all(const StreamOwner& owner) noexcept;
  void abort_all(StreamOwner& owner) noexcept;
  void retire_all(StreamOwner& owner) noexcept;
  /// More is queued than the group may have: offers it to the system, and ends those streams whose
  /// queues cost the most. If that has been in vain, the next look at all streams is in the next
  /// turn, or when a sixteenth of the budget more is queued.
  void keep_budget(StreamGroup& group) noexcept;
  /// All streams, also those that have ended and are kept.
  template <typename Visit>
  void for_each(Visit visitor) {
    for (std::size_t i = 0; i < deadlines_.size(); ++i) visitor(*deadlines_[i].item);
  }
  /// How often all streams of a group were looked at.
  [[nodiscard]] std::uint64_t budget_looks() const noexcept { return budget_looks_; }
  /// The owner of streams that were closed detached.
  [[nodiscard]] StreamOwner& detached() noexcept { return detached_; }

  // The end of the turn.
  void run_at_end_of_turn(StreamImpl& stream) noexcept;
  [[nodiscard]] bool pending() const noexcept override {
    return !run_queue_.empty() || has_inherited_ || vain_turn_ == turn_ || handshakes_.has_next();
  }
  void end_turn() override;
  void forked() noexcept override;

  // Deadlines.
  /// make_room() went before.
  void add(StreamImpl& stream, TimePoint deadline) noexcept;
  void remove(StreamImpl& stream) noexcept;
  void not_later_than(StreamImpl& stream, TimePoint when) noexcept;

 private:
  friend class StreamObserver;
  friend class CallScope;
  using Record = StreamObserver::Record;

  struct DeadlineItems {
    static inline void put(StreamImpl& stream, std::uint32_t index) noexcept;
    static bool before(const StreamImpl&, const StreamImpl&) noexcept { return false; }
  };

  struct Detached final : StreamOwner {
    void drain(StreamImpl&) override {}  // it closes already
    void ended(StreamImpl& stream) noexcept override;
    void destroy(StreamImpl& stream) noexcept override;
    bool threw(StreamImpl&, const std::exception_ptr&) override { return false; }
  };

  [[nodiscard]] static bool is_with(const StreamOwner& owner, const StreamImpl& stream) noexcept;
  template <typename End>
  void end_each(const StreamOwner& owner, End end) noexcept;
  void retire_queued(StreamOwner& owner) noexcept;
  template <typename Visit>
  void visit(const StreamGroup& group, Visit visitor) noexcept;
  struct Queues {  // what compare() finds in one group
    StreamImpl* largest = nullptr;
    StreamImpl* costliest = nullptr;
    std::size_t count = 0;
  };
  [[nodiscard]] bool end_costliest(StreamGroup& group) noexcept;
  [[nodiscard]] Queues compare(const StreamGroup& group, std::size_t OutputSize::* size,
                               std::size_t spared) noexcept;
  void run(StreamImpl& stream);
  void run_inherited() noexcept;
  void admit_handshakes() noexcept;
  void check_deadlines();
  void arm() noexcept;

  Reactor& reactor_;
  Loop& loop_;
  Net& net_;
  Detached detached_;
  Record corked_call_;  // its stream is null while the call has the cork
  Record* innermost_ = &corked_call_;
  RunQueue run_queue_;
  RunQueue running_;  // what of it is left to be run in this turn
  HandshakeQueue handshakes_;
  std::size_t count_ = 0;  // all streams: both queues have room for that many
  std::uint64_t turn_ = 1;
  std::uint64_t vain_turn_ = 0;  // the last one in which keep_budget() was in vain
  std::uint64_t budget_looks_ = 0;
  Heap<StreamImpl, DeadlineItems> deadlines_;
  Timer timer_;
  std::unique_ptr<Resolver> resolver_;
  bool has_inherited_ = false;  // streams whose output was dropped in a forked child
  Cork cork_;
  std::byte buffer_[buffer_size];
};

StreamObserver::StreamObserver(StreamContext& context, StreamImpl& stream, bool is_call) noexcept
    : context_(context),
      record_{.stream = &stream, .is_call = is_call, .outer = context.innermost_} {
  context.innermost_ = &record_;
}

StreamObserver::~StreamObserver() {
  context_.innermost_ = record_.outer;
  if (record_.retired != nullptr) [[unlikely]]
    record_.owner->destroy(*record_.retired);
}

CallScope::CallScope(StreamContext& context, StreamImpl& stream) noexcept
    : StreamObserver(context, stream, true), is_outermost_(context.cork_.is_free()) {
  if (is_outermost_) context.cork_.block();
}

CallScope::~CallScope() {
  if (is_outermost_) context_.cork_.release();
}

}  // namespace rondo::detail
