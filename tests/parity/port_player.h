// SPDX-License-Identifier: MIT
// Plays scripts at the level of the port: the results of Net's calls, and the readiness of each
// descriptor that a backend reports after pending events have happened.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/net.h>
#include <rondo/options.h>
#include <rondo/ready.h>

#include "parity/endpoint_names.h"
#include "parity/kernel.h"
#include "parity/player.h"
#include "parity/script.h"

namespace rondo::test {

class PortPlayer final : public Player {
 public:
  static constexpr std::size_t slot_count = 8;

  explicit PortPlayer(Kernel& kernel);
  PortPlayer(const PortPlayer&) = delete;
  PortPlayer& operator=(const PortPlayer&) = delete;
  ~PortPlayer() override;

  void play(const Step& step) override;
  std::string look() override;
  [[nodiscard]] bool is_ambiguous() const noexcept override { return names_.is_ambiguous(); }

 private:
  using Action = void (PortPlayer::*)(const Step&);
  struct Slot {
    int fd = -1;
    Ready interest = Ready::none;
    bool is_watched = false;
    bool is_filled = false;  // until it is writable again
    bool owns_port =
        false;  // it was bound: no other socket of its type on this system has this address
    Ready reported = Ready::none;
    std::uint32_t generation = 0;
    std::string path{};
  };
  /// An address to which a script can send, but where no socket is.
  struct Deserted {
    int tcp = -1;
    int udp = -1;
    Endpoint tcp_address{};
    Endpoint udp_address{};
  };

  // Slots.
  void put(std::size_t at, int fd);
  void empty(std::size_t at);
  [[nodiscard]] int fd_of(std::size_t at) const { return slots_[at].fd; }
  [[nodiscard]] Token token_of(std::size_t at) const;
  void watch(std::size_t at, Ready interest);
  void unwatch(std::size_t at);
  [[nodiscard]] std::string readiness();

  // Results.
  void record(int result);
  void tell_transfer(std::ptrdiff_t result);
  /// Runs the step now, and again with each look while its result is "too early".
  void attempt(std::function<std::string()> action);
  [[nodiscard]] Endpoint path_endpoint(std::uint32_t number) const;
  [[nodiscard]] Endpoint abstract_endpoint(std::uint32_t number) const;
  [[nodiscard]] bool may_be_full(std::size_t at);
  [[nodiscard]] AddressFamily family_of(std::size_t at);
  /// No address if there is none.
  [[nodiscard]] Endpoint local_of(std::size_t at);
  [[nodiscard]] Deserted make_deserted(AddressFamily family);
  [[nodiscard]] std::string into(std::size_t at, int fd);

  // Steps, as in Kind.
  static const std::array<Action, port_kind_count>& actions();
  void make_socket(const Step& step);
  void make_pair(const Step& step);
  void make_pipe(const Step& step);
  void close(const Step& step);
  void close_with_reset(const Step& step);
  void bind(std::size_t at, const Endpoint& to);
  void bind_loopback(const Step& step);
  void bind_any(const Step& step);
  void bind_taken(const Step& step);
  void bind_foreign(const Step& step);
  void bind_other_family(const Step& step);
  void bind_path(const Step& step);
  void bind_abstract(const Step& step);
  void ask_local(const Step& step);
  void ask_peer(const Step& step);
  void ask_credentials(const Step& step);
  void listen(const Step& step);
  void accept(const Step& step);
  void accept_with_peer(const Step& step);
  void connect(const Step& step);
  void connect_deserted(const Step& step);
  void connect_self(const Step& step);
  void connect_path(const Step& step);
  void connect_abstract(const Step& step);
  void connect_other_family(const Step& step);
  void shut_read(const Step& step);
  void shut_write(const Step& step);
  void shut_both(const Step& step);
  void take_error(const Step& step);
  void take(const Step& step, std::function<std::string()> once);
  [[nodiscard]] int type_of(std::size_t at);
  [[nodiscard]] std::string drain_into(Sum& sum, int fd);
  void read(const Step& step);
  void read_parts(const Step& step);
  void read_nothing(const Step& step);
  void write(const Step& step);
  void write_parts(const Step& step);
  void write_nothing(const Step& step);
  void write_file(const Step& step);
  void send_file(const Step& step);
  void fill(const Step& step);
  [[nodiscard]] bool may_shut_input(std::size_t at);
  [[nodiscard]] bool fills_again(const Step& step);
  void drain(const Step& step);
  void send(const Step& step);
  void send_to(const Step& step);
  void send_to_deserted(const Step& step);
  void send_to_path(const Step& step);
  void send_empty(const Step& step);
  void send_batch(const Step& step);
  void receive(const Step& step);
  void receive_truncated(const Step& step);
  void receive_whole_size(const Step& step);
  void receive_batch(const Step& step);
  void pass_descriptor(const Step& step);
  void receive_descriptor(const Step& step);
  void receive_without_room(const Step& step);
  void set_option(const Step& step);
  void get_option(const Step& step);
  void join_group(const Step& step);
  void leave_group(const Step& step);
  void watch_read(const Step& step);
  void watch_write(const Step& step);
  void watch_both(const Step& step);
  void watch_nothing(const Step& step);
  void unwatch(const Step& step);

  void send_message(int fd, std::uint32_t size, Endpoint* to);
  void change_membership(const Step& step, bool member);

  /// Bytes that differ from those of other steps, none of them `filling`.
  [[nodiscard]] std::vector<std::byte> content(std::size_t size);

  Kernel& kernel_;
  Net& net_;
  Backend& backend_;
  std::array<Slot, slot_count> slots_;
  std::array<Deserted, 2> deserted_;
  std::uint32_t generation_ = 1;
  std::uint32_t written_ = 0;
  bool tcp_input_shut_ = false;
  bool tcp_was_filled_ = false;
  bool datagrams_were_filled_ = false;
  EndpointNames names_;
  std::string result_;
  std::function<std::string()> retry_;
};

}  // namespace rondo::test
