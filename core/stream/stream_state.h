// SPDX-License-Identifier: MIT
// The state of a stream, in one word. Five parts of it only go forward, each by its own functions,
// which assert that it does:
//
//   life      connecting --connected()--> opening --opened()--> open
//             each of these --end()--> ended --reported()--> done --keep()--> kept
//             any --silence()--> done
//             opening: on_open is due. ended: on_close is due. done: no callback follows. kept:
//             its session, which its owner keeps, has not ended.
//
//   output    open --finish_output()--> finishing --output_finished()--> finished
//             open or finishing --fail_output()--> failed
//             finishing: nothing more is written, the queue still leaves. finished: the peer was
//             notified by shutdown(). failed: the system refused output; the input, which may hold
//             what the peer sent before it went, is read to its end, where the error is reported.
//
//   input     open --end_input()--> ended
//
//   closing   no --close()--> begun --linger()--> lingering
//             begun: no callback but on_close follows; the output is finishing, too. lingering: the
//             output has left and is finished; input is dropped until the peer finishes too.
//
//   handshake awaited --handshake_done()--> done
//             It is told whether or not it is timed, also more than once.
//
//   flow      reading or resuming --pause()--> paused --resume()--> resuming --resumed()--> reading
//             resuming: on_resume is due. This part goes round.
//
// The rest is no sequence: the kind, and bits. Why the stream has ended stands in the place of
// three of them, which mean something before the end only.
#pragma once

#include <cstdint>

#include <rondo/assert.h>
#include <rondo/stream.h>

namespace rondo::detail {

class StreamState {
 public:
  enum class Life : std::uint8_t { connecting, opening, open, ended, done, kept };
  enum class Output : std::uint8_t { open, finishing, finished, failed };
  enum class Input : std::uint8_t { open, ended };
  enum class Closing : std::uint8_t { no, begun, lingering };
  enum class Handshake : std::uint8_t { awaited, done };
  enum class Flow : std::uint8_t { reading, paused, resuming };
  /// A file is a pipe, or a socket that is borrowed: it is not shut down. Reading a terminal fails
  /// with EIO after the other end has gone. A poller does not take what is unpollable, such as a
  /// regular file.
  enum class Kind : std::uint8_t { socket, file, terminal, unpollable };
  /// The deadline, or the limit of queued output, that ended the stream. A layer's handshake: the
  /// connection has failed before it was done.
  enum class Limit : std::uint8_t {
    none,
    idle,
    read,
    write,
    lifetime,
    handshake,
    close,
    buffer,
    descriptors,
    server_buffers,
    server_descriptors,
    layer_handshake,
  };
  enum Bit : std::uint32_t {
    queued = 1U << 0U,             // it is in the run queue for the end of the turn
    has_output = 1U << 1U,         // something is in the output queue
    above_high_water = 1U << 2U,   // since it was, the output has not fallen to the low-water mark
    blocked = 1U << 3U,            // the system takes no more: the poller reports when it does
    reads_timed = 1U << 4U,        // there is a read_timeout
    takes_descriptors = 1U << 5U,  // input is read with the descriptors that came with it
    resets = 1U << 6U,             // the descriptor is closed with a reset
    drain_due = 1U << 7U,          // the owner of the stream wants it to end
    lent = 1U << 8U,               // the descriptor is not the stream's to close
    owns_group = 1U << 9U,
    being_made = 1U << 10U,  // its owner has no session for it yet
    // Until the end.
    layered = 1U << 23U,           // what is received and sent passes through a StreamLayer
    securing = 1U << 24U,          // ... whose handshake is not done
    waits_for_output = 1U << 30U,  // nothing else keeps run() from returning for it
  };

 private:
  template <typename V, unsigned Shift, unsigned Width>
  struct Part {
    using Value = V;
    static constexpr unsigned shift = Shift;
    static constexpr std::uint32_t mask = ((1U << Width) - 1U) << shift;
    static constexpr std::uint32_t word(V value) noexcept {
      return static_cast<std::uint32_t>(value) << shift;
    }
  };
  // Bits 0 to 10 are those above, and from 23 to 30 until the end.
  using LifePart = Part<Life, 11, 3>;
  using OutputPart = Part<Output, 14, 2>;
  using InputPart = Part<Input, 16, 1>;
  using ClosingPart = Part<Closing, 17, 2>;
  using FlowPart = Part<Flow, 19, 2>;
  using KindPart = Part<Kind, 21, 2>;
  using LimitPart = Part<Limit, 23, 4>;
  using ReasonPart = Part<CloseReason, 27, 4>;
  static constexpr std::uint32_t until_end = LimitPart::mask | ReasonPart::mask;
  using HandshakePart = Part<Handshake, 31, 1>;

 public:
  explicit StreamState(Life life, std::uint32_t bits = 0) noexcept
      : word_(LifePart::word(life) | bits) {}

  [[nodiscard]] bool has(std::uint32_t bits) const noexcept { return (word_ & bits) != 0; }
  void set(Bit bit) noexcept { word_ |= bit; }
  void clear(Bit bit) noexcept { word_ &= ~std::uint32_t{bit}; }
  void assign(Bit bit, bool value) noexcept { value ? set(bit) : clear(bit); }

  [[nodiscard]] Life life() const noexcept { return get<LifePart>(); }
  [[nodiscard]] Output output() const noexcept { return get<OutputPart>(); }
  [[nodiscard]] Flow flow() const noexcept { return get<FlowPart>(); }
  [[nodiscard]] Kind kind() const noexcept { return get<KindPart>(); }
  [[nodiscard]] CloseReason reason() const noexcept { return get<ReasonPart>(); }
  [[nodiscard]] Limit limit() const noexcept { return get<LimitPart>(); }

  [[nodiscard]] bool connecting() const noexcept { return life() == Life::connecting; }
  [[nodiscard]] bool is_over() const noexcept { return life() >= Life::ended; }
  [[nodiscard]] bool input_ended() const noexcept { return get<InputPart>() == Input::ended; }
  [[nodiscard]] bool handshake_is_done() const noexcept {
    return get<HandshakePart>() == Handshake::done;
  }
  [[nodiscard]] bool closing() const noexcept { return get<ClosingPart>() != Closing::no; }
  [[nodiscard]] bool lingering() const noexcept { return get<ClosingPart>() == Closing::lingering; }
  [[nodiscard]] bool paused() const noexcept { return flow() == Flow::paused; }
  [[nodiscard]] bool is_socket() const noexcept { return kind() == Kind::socket; }

  /// Whether input is still for the handler.
  [[nodiscard]] bool input_is_open() const noexcept {
    return !input_ended() && !closing() && !is_over();
  }
  /// Whether more output is taken.
  [[nodiscard]] bool output_is_open() const noexcept {
    return output() == Output::open && !is_over();
  }
  [[nodiscard]] bool reads() const noexcept { return input_is_open() && !paused(); }
  /// Whether a message takes the fast path: its answer is gathered in the cork, since no output is
  /// queued, and nothing else is to be looked at. One comparison for each message.
  [[nodiscard]] bool takes_fast_path() const noexcept {
    return is_simple(reads_timed | takes_descriptors | layered);
  }
  /// Whether the answer to what a layer has read is gathered in the cork.
  [[nodiscard]] bool gathers_answer() const noexcept { return is_simple(securing); }

  void connected() noexcept { advance<LifePart>(Life::connecting, Life::opening); }
  void opened() noexcept { advance<LifePart>(Life::opening, Life::open); }
  void end(CloseReason reason, Limit limit) noexcept {
    RONDO_ASSERT(!is_over());
    word_ &= ~until_end;
    put<LifePart>(Life::ended);
    put<ReasonPart>(reason);
    put<LimitPart>(limit);
  }
  void keep() noexcept { advance<LifePart>(Life::done, Life::kept); }
  void reported() noexcept { advance<LifePart>(Life::ended, Life::done); }
  void silence() noexcept {
    if (!is_over()) word_ &= ~until_end;
    put<LifePart>(Life::done);
  }

  void finish_output() noexcept { advance<OutputPart>(Output::open, Output::finishing); }
  void output_finished() noexcept { advance<OutputPart>(Output::finishing, Output::finished); }
  void fail_output() noexcept {
    RONDO_ASSERT(output() < Output::finished);
    put<OutputPart>(Output::failed);
  }
  void handshake_done() noexcept { put<HandshakePart>(Handshake::done); }
  void end_input() noexcept { advance<InputPart>(Input::open, Input::ended); }
  void close() noexcept {
    advance<ClosingPart>(Closing::no, Closing::begun);
    if (output() == Output::open) finish_output();
  }
  void linger() noexcept {
    advance<ClosingPart>(Closing::begun, Closing::lingering);
    if (output() == Output::finishing) output_finished();
  }

  void pause() noexcept { put<FlowPart>(Flow::paused); }
  void resume() noexcept { advance<FlowPart>(Flow::paused, Flow::resuming); }
  void resumed() noexcept { advance<FlowPart>(Flow::resuming, Flow::reading); }

  void set_kind(Kind kind) noexcept { put<KindPart>(kind); }

 private:
  /// Whether it is open, is a socket, reads, may write, has nothing queued, and none of `others`.
  [[nodiscard]] bool is_simple(std::uint32_t others) const noexcept {
    const std::uint32_t mask =
        LifePart::mask | OutputPart::mask | FlowPart::mask | KindPart::mask | has_output | others;
    constexpr std::uint32_t simple =
        LifePart::word(Life::open) | OutputPart::word(Output::open) | KindPart::word(Kind::socket);
    return (word_ & mask) == simple;
  }
  template <typename P>
  [[nodiscard]] typename P::Value get() const noexcept {
    return static_cast<typename P::Value>((word_ & P::mask) >> P::shift);
  }
  template <typename P>
  void put(typename P::Value value) noexcept {
    word_ = (word_ & ~P::mask) | P::word(value);
  }
  template <typename P>
  void advance(typename P::Value from, typename P::Value to) noexcept {
    RONDO_ASSERT(get<P>() == from);
    put<P>(to);
  }

  std::uint32_t word_;
};

}  // namespace rondo::detail
