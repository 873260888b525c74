// SPDX-License-Identifier: MIT
// TCP without its wire protocol: segments pass along the paths between hosts, complete and in
// order, with those parts of the handshake, windows, ends and resets that a program can observe.
//
//   fresh --listen--> listening
//   fresh --connect--> connecting --SYN-ACK--> connected --both ends, or a reset--> over
//   (a SYN at a listener) handshaking --ACK--> connected, and in the listener's queue
//
// All counts are bytes since the handshake; an end (FIN) counts as one byte. A sender may send up
// to `limit_`, which the receiver advances as its buffer is read. Bytes that are sent and not yet
// acknowledged count against the sender's buffer, so that writes fail if the receiver does not
// read. Nothing is sent twice: a segment that cannot pass waits on its path, which has the same
// effect as retransmission. A sender that receives nothing for too long gives up. Window probes and
// keep-alive probes are sent only when the other end crashes or is cut off, because only then they
// have an effect; so a world in which everything waits differs from one in which something happens.
// When the last descriptor is closed, the connection continues until both sides have ended.
//
// Not simulated: congestion, TIME_WAIT, urgent data.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "address.h"
#include "byte_queue.h"
#include "events.h"
#include "object.h"

namespace rondo::sim {

struct Segment {
  enum class Kind : std::uint8_t { syn, syn_ack, ack, reset };
  Kind kind = Kind::ack;
  bool end = false;         ///< FIN, after the data
  bool is_probe = false;    ///< only requests an answer
  std::uint64_t acked = 0;  ///< the bytes that the sender of this segment has received
  std::uint64_t limit = 0;  ///< the count up to which it has room
};

/// The index of a connection in the connections of its machine.
using Slot = std::uint32_t;
constexpr Slot no_slot = ~Slot{0};

/// A segment in flight.
struct Packet {
  Machine* to = nullptr;
  Route route;  ///< as the receiver sees it
  Slot sender = no_slot;
  Slot receiver = no_slot;  ///< as far as the sender knows: the connection may have ended
  Segment segment;
  std::vector<std::byte> data;
};

class Tcp final : public Object {
 public:
  Tcp(Machine& machine, AddressFamily family) noexcept;
  ~Tcp() override;

  static void arrive(Packet& packet);
  [[nodiscard]] Ready ready() const noexcept override;
  void closed() override;
  void vanish() noexcept override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool serves() const noexcept override { return listens(); }
  [[nodiscard]] bool listens() const noexcept override { return state_ == State::listening; }
  [[nodiscard]] bool has_port() const noexcept override { return is_bound_ || is_routed(); }
  [[nodiscard]] const Object* other_end() const noexcept override;
  [[nodiscard]] std::size_t unread() const noexcept override { return input_.size(); }
  [[nodiscard]] std::size_t unsent() const noexcept override { return unfinished(); }

  [[nodiscard]] const Route& route() const noexcept { return route_; }

  /// Call it when the other end may have become unreachable: sends a probe if TCP would.
  void doubt();

  int bind(const Endpoint& local) override;
  int listen(int backlog) override;
  int accept(Ref<Object>& accepted, Endpoint* peer) override;
  int connect(const Endpoint& peer) override;
  int receive(Message& message, Rights& rights) override;
  int send(Message& message, Rights rights) override;
  int shutdown(Direction direction) override;
  int local(Endpoint& address) const override;
  int peer(Endpoint& address) const override;

 private:
  /// What connect() has reported so far: SS_UNCONNECTED and its like, in addition to the state.
  enum class Progress : std::uint8_t { none, connecting, connected, disconnecting };
  enum class State : std::uint8_t { fresh, listening, connecting, handshaking, connected, over };
  struct Listening {
    std::size_t backlog = 0;
    std::size_t handshaking = 0;
    std::deque<Ref<Tcp>> queue{};
  };

  // Receiving.
  /// Whether it is in the machine's connections.
  [[nodiscard]] bool is_routed() const noexcept { return slot_ != no_slot; }
  void enter();
  static Tcp* listener_for(Machine& machine, const Address& to);
  void take_syn(const Packet& syn);
  void take(Packet& packet);
  void take_reset() noexcept;
  void take_data(Packet& packet);
  [[nodiscard]] bool handshake_ended();
  void established();

  // Sending.
  /// Transmits the segment with the first `size` unsent bytes.
  void transmit(Segment segment, std::size_t size = 0);
  void answer() { transmit({}); }
  static void refuse(Machine& machine, const Route& route);
  enum class Tail : bool { may_wait, leaves };
  void send_what_fits(Tail tail = Tail::may_wait);
  [[nodiscard]] bool holds_tail_back();
  [[nodiscard]] std::size_t in_flight() const noexcept {
    return static_cast<std::size_t>(sent_ - acked_);
  }
  [[nodiscard]] std::size_t unfinished() const noexcept { return unsent_.size() + in_flight(); }
  [[nodiscard]] std::uint64_t input_limit() const noexcept {
    return read_ + options.receive_room();
  }

  // Connecting.
  [[nodiscard]] int choose_route(const Address& peer);
  void send_syn();
  [[nodiscard]] int outcome_of_connect();
  void disconnect();

  // Ending.
  void become_over(int error) noexcept;
  void break_off();
  void end_if_finished() noexcept;
  void leave() noexcept;
  void unbind() noexcept;
  void await_answer();
  void no_answer();
  void give_up();
  [[nodiscard]] bool would_probe() const noexcept;
  [[nodiscard]] bool is_alone() const;
  void close_listener();
  [[nodiscard]] Duration patience() const;
  void drop_unsent() noexcept;

  State state_ = State::fresh;
  Progress progress_ = Progress::none;
  bool is_bound_ = false;
  bool keeps_port_ = false;  // the program bound it: kept after the end of the connection
  bool keeps_address_ = false;
  bool is_closed_ = false;  // has no descriptor
  bool input_shut_ = false;
  bool output_shut_ = false;
  bool end_received_ = false;
  bool end_due_ = false;  // after the unsent bytes; not if shut down before connecting
  bool end_sent_ = false;
  bool is_in_doubt_ = false;  // a probe was sent and is not answered
  std::uint8_t syns_sent_ = 0;
  Slot slot_ = no_slot;
  Slot other_slot_ = no_slot;  // the slot of the other end on its machine
  Route route_;
  std::uint64_t sent_ = 0;
  std::uint64_t acked_ = 0;
  std::uint64_t limit_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t read_ = 0;
  std::uint64_t told_limit_ = 0;
  ByteQueue input_;
  ByteQueue unsent_;
  TimePoint heard_at_{};
  EventQueue::Ticket alarm_{};
  EventQueue::Ticket tail_{};  // while the last bytes wait for the end
  std::unique_ptr<Listening> listening_;
  Ref<Tcp> listener_;  // while handshaking
};

}  // namespace rondo::sim
