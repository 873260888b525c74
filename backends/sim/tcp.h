// TCP without its wire: connections whose parts arrive whole and in order, by the paths between
// hosts, with the handshake, the windows, the ends and the resets that a program can see.
//
//   fresh --listen--> listening
//   fresh --connect--> connecting --SYN-ACK--> connected --both ends, or a reset--> over
//   (a SYN at a listener) handshaking --ACK--> connected, and in the listener's queue
//
// All counts are of bytes since the handshake; an end (FIN) counts as one. A sender may send up to
// `limit_`, which the receiver moves as its buffer is read. What is sent and not acknowledged stays
// in the sender's account, so that a write is refused when the receiver does not read. Nothing is
// sent twice: what cannot pass waits on its path, which is what retransmission comes to; a sender
// that hears nothing for too long gives up. Probes, of a window that is closed and of who keeps
// alive, are sent when the other end crashes or is cut off, as only then they change anything: so
// a world in which all wait can be told from one in which something happens. When the last
// descriptor is closed, the connection goes on by itself until both sides have ended.
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
  bool end = false;         ///< FIN, behind the data
  bool is_probe = false;    ///< asks for an answer, and no more
  std::uint64_t acked = 0;  ///< what the sender of this has received
  std::uint64_t limit = 0;  ///< up to where it has room
};

/// Where the other end of a connection is, as far as one has heard: it may have gone.
struct Whereabouts {
  static constexpr std::uint32_t unknown = ~std::uint32_t{0};
  std::uint32_t place = unknown;  ///< in the connections of its machine
  const void* memory = nullptr;   ///< never looked at, but to have it in the cache in time
};

/// A segment under way.
struct Packet {
  Machine* to = nullptr;
  Route route;  ///< named from that side
  Whereabouts sender;
  Whereabouts receiver;
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

  /// The other end may not be heard any more: who would find out by a probe sends one now.
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
  /// What connect() has told so far, beside the state: SS_UNCONNECTED and its like.
  enum class Progress : std::uint8_t { none, connecting, connected, disconnecting };
  enum class State : std::uint8_t { fresh, listening, connecting, handshaking, connected, over };
  struct Listening {
    std::size_t backlog = 0;
    std::size_t handshaking = 0;
    std::deque<Ref<Tcp>> queue{};
  };

  // What arrives.
  /// In the machine's connections.
  [[nodiscard]] bool is_routed() const noexcept { return place_ != Whereabouts::unknown; }
  void enter();
  static Tcp* listener_for(Machine& machine, const Address& to);
  void take_syn(const Packet& syn);
  void take(Packet& packet);
  void take_reset() noexcept;
  void take_data(Packet& packet);
  [[nodiscard]] bool handshake_ended();
  void established();

  // What is sent.
  /// With that many bytes of what is unsent.
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
  void knock();
  [[nodiscard]] int outcome_of_connect();
  void disconnect();

  // Ends.
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
  bool keeps_port_ = false;  // the program chose it: it stays when the connection is over
  bool keeps_address_ = false;
  bool is_closed_ = false;  // no descriptor any more
  bool input_shut_ = false;
  bool output_shut_ = false;
  bool end_received_ = false;
  bool end_due_ = false;  // behind what is unsent; not of who was shut down before he connected
  bool end_sent_ = false;
  bool is_in_doubt_ = false;  // a probe was sent and not answered
  std::uint8_t knocks_ = 0;
  std::uint32_t place_ = Whereabouts::unknown;  // in the machine's connections
  Whereabouts other_;
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
