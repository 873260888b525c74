// SPDX-License-Identifier: MIT
// Unix sockets of one machine: streams, records (seqpacket) and datagrams, which can carry
// descriptors. They take no time: what is written has arrived when the call returns.
//
// As on Linux, sent bytes count against the sender's buffer until they are read, so that a sender
// cannot run ahead. A name disappears with its socket; no file remains.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "object.h"

namespace rondo::sim {

class UnixSocket final : public Object {
 public:
  UnixSocket(Machine& machine, SocketType type) noexcept;
  ~UnixSocket() override;

  static void pair(UnixSocket& one, UnixSocket& other);

  [[nodiscard]] Ready ready() const noexcept override;
  void closed() override;
  void vanish() noexcept override;
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] bool serves() const noexcept override;
  [[nodiscard]] bool listens() const noexcept override { return is_listening_; }
  [[nodiscard]] const Object* other_end() const noexcept override { return peer_.get(); }
  [[nodiscard]] std::size_t unread() const noexcept override;

  int bind(const Endpoint& local) override;
  int listen(int backlog) override;
  int accept(Ref<Object>& accepted, Endpoint* peer) override;
  int connect(const Endpoint& peer) override;
  int forget_peer() override {
    if (!is_datagram()) return -EINVAL;
    is_connected_ = false;
    remote_ = unnamed_endpoint();
    if (const Ref<UnixSocket> before = std::exchange(peer_, {})) parted_from(*before);
    changed();
    return 0;
  }
  int receive(Message& message, Rights& rights) override;
  int send(Message& message, Rights rights) override;
  int shutdown(Direction direction) override;
  int local(Endpoint& address) const override;
  int peer(Endpoint& address) const override;
  int credentials(Credentials& peer) const override;

 private:
  /// The data of one call.
  struct Chunk {
    std::vector<std::byte> data;
    std::size_t taken = 0;
    Rights rights;
    Ref<UnixSocket> payer;  // its buffer pays, and its name is the sender's address
  };

  [[nodiscard]] bool is_datagram() const noexcept { return type == SocketType::datagram; }
  [[nodiscard]] bool has_room() const noexcept;
  int connect_stream(UnixSocket& listener);
  int send_to(UnixSocket& to, Message& message, Rights rights);
  [[nodiscard]] int refusal_to_send(const Message& message) noexcept;
  int find(const Endpoint& address, UnixSocket*& other) const;
  [[nodiscard]] std::string key_of(const std::string& name) const;
  [[nodiscard]] bool takes_from(const UnixSocket& sender) const noexcept;
  [[nodiscard]] bool hears(const UnixSocket& sender) const noexcept;
  void parted_from(UnixSocket& before) noexcept;
  void tell_senders() noexcept;
  int receive_bytes(Message& message, Rights& rights);
  void receive_record(Message& message, Rights& rights);
  void drop_front();
  void pay(std::size_t size) noexcept;
  void peer_gone(bool unread) noexcept;

  bool is_listening_ = false;
  bool is_connected_ = false;
  bool is_closed_ = false;
  bool was_never_accepted_ = false;
  bool knows_peer_ = false;  // the credentials; a listener has its own
  bool input_shut_ = false;
  bool output_shut_ = false;
  std::size_t backlog_ = 0;
  std::size_t owed_ = 0;  // bytes sent and not yet read
  Endpoint local_;
  Endpoint remote_;
  Ref<UnixSocket> peer_;
  std::vector<UnixSocket*> senders_;  // datagram sockets that are connected to this one
  std::list<Chunk> input_;
  std::deque<Ref<UnixSocket>> queue_;  // connections to accept
};

}  // namespace rondo::sim
