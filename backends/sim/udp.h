// SPDX-License-Identifier: MIT
// UDP: datagrams that may be lost, multicast groups, and the ICMP error for an unused port.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "address.h"
#include "object.h"

namespace rondo::sim {

struct Datagram {
  Route route;  // as the sender sees it
  std::vector<std::byte> data;
};

class Udp final : public Object {
 public:
  Udp(Machine& machine, AddressFamily family) noexcept;

  /// Delivers a datagram to a machine; returns whether a socket received it.
  static bool arrive(Machine& machine, const Datagram& datagram);
  /// Reports that no socket received what was sent by `route` (ICMP port unreachable).
  static void unreachable(Machine& machine, const Route& route);

  [[nodiscard]] Ready ready() const noexcept override;
  void closed() override;
  void vanish() noexcept override { is_bound_ = false; }
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool serves() const noexcept override { return !is_connected_; }
  [[nodiscard]] bool has_port() const noexcept override { return is_bound_; }

  int bind(const Endpoint& local) override;
  int connect(const Endpoint& peer) override;
  int forget_peer() override;
  int receive(Message& message, Rights& rights) override;
  int send(Message& message, Rights rights) override;
  int shutdown(Direction direction) override;
  int local(Endpoint& address) const override;
  int peer(Endpoint& address) const override;

 private:
  [[nodiscard]] bool wants(const Datagram& datagram) const noexcept;
  [[nodiscard]] bool is_mapped(const Endpoint& address) const noexcept;
  [[nodiscard]] bool is_peer(const Address& address) const noexcept;
  void take(const Datagram& datagram);
  /// Binds to a port if the socket has none.
  [[nodiscard]] int be_bound();
  int route_to(const Address& to, Route& route);
  int route_by(const Endpoint& destination, Route& route);
  int choose_source(const MessageInfo& info, Route& route) const;
  void deliver(const Datagram& datagram);
  void send_to_all(const Datagram& datagram);
  void send_to(Machine& machine, const Datagram& datagram);

  bool is_bound_ = false;
  bool keeps_port_ = false;     // bind() has named it
  bool keeps_address_ = false;  // bind() has named it
  bool is_connected_ = false;
  bool input_shut_ = false;
  bool output_shut_ = false;
  Route route_;
  std::deque<Datagram> queue_;
  std::size_t queued_ = 0;  // bytes
};

}  // namespace rondo::sim
