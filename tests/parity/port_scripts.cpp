// SPDX-License-Identifier: MIT
#include "parity/port_scripts.h"

namespace rondo::test {
namespace {

constexpr std::uint32_t ipv4 = 0;
constexpr std::uint32_t ipv6 = 1;
constexpr std::uint32_t unix_domain = 2;
constexpr std::uint32_t stream = 0;
constexpr std::uint32_t datagram = 1;
constexpr std::uint32_t seqpacket = 2;
constexpr std::uint32_t paths = 3;

constexpr std::uint32_t socket_number(std::uint32_t family, std::uint32_t type) {
  return family * 3 + type;
}

}  // namespace

Script PortScripts::draw() {
  script_.clear();
  guesses_ = {};
  for (std::uint32_t phrases = 1 + random_.below(3); phrases > 0; --phrases) {
    phrase();
    for (std::uint32_t steps = 4 + random_.below(14); steps > 0; --steps) step();
  }
  return script_;
}

// --- choices ------------------------------------------------------------------------------------

std::uint8_t PortScripts::vacant_slot() {
  for (std::uint8_t slot = 0; slot < guesses_.size(); ++slot) {
    if (guesses_[slot].role == Role::nothing) return slot;
  }
  return any_slot();
}

/// Any slot, if there is no such slot.
std::uint8_t PortScripts::slot_in(Role role) {
  const std::uint8_t first = any_slot();
  for (std::size_t i = 0; i < guesses_.size(); ++i) {
    const auto slot = static_cast<std::uint8_t>((first + i) % guesses_.size());
    if (guesses_[slot].role == role) return slot;
  }
  return first;
}

std::uint32_t PortScripts::any_family() { return has_ipv6_ && random_.chance(40) ? ipv6 : ipv4; }

std::uint32_t PortScripts::some_size() {
  return random_.one_of({1U, 5U, 20U, 300U, 1'000U, 4'000U});
}

// --- phrases ------------------------------------------------------------------------------------

void PortScripts::phrase() {
  switch (random_.below(10)) {
    case 0:
    case 1:
    case 2:
      return tcp_connection();
    case 3:
      return self_connection();
    case 4:
      return unix_connection();
    case 5:
      return unix_datagrams();
    case 6:
      return pair();
    case 7:
      return pipe();
    case 8:
      return udp_sockets();
    default:
      return lone_socket();
  }
}

void PortScripts::tcp_connection() {
  const std::uint32_t family = any_family();
  const std::uint32_t number = socket_number(family, stream);
  const std::uint8_t listener = vacant_slot();
  guesses_[listener] = {Role::listening, family, stream};
  add({Kind::make_socket, listener, 0, number});
  add({random_.chance(80) ? Kind::bind_loopback : Kind::bind_any, listener});
  add({Kind::listen, listener, 0, 16});
  const std::uint8_t client = vacant_slot();
  guesses_[client] = {Role::connected, family, stream};
  add({Kind::make_socket, client, 0, number});
  add({Kind::connect, client, listener});
  const std::uint8_t accepted = vacant_slot();
  guesses_[accepted] = {Role::connected, family, stream};
  add({random_.chance(50) ? Kind::accept : Kind::accept_with_peer, listener, accepted});
  if (random_.chance(60)) close(listener);
}

void PortScripts::self_connection() {
  const std::uint32_t family = any_family();
  const std::uint8_t slot = vacant_slot();
  guesses_[slot] = {Role::connected, family, stream};
  add({Kind::make_socket, slot, 0, socket_number(family, stream)});
  add({Kind::bind_loopback, slot});
  add({Kind::connect_self, slot});
}

void PortScripts::unix_connection() {
  const std::uint32_t type = random_.chance(60) ? stream : seqpacket;
  const std::uint32_t number = socket_number(unix_domain, type);
  const bool has_path = random_.chance(50);
  const std::uint32_t path = random_.below(paths);
  const std::uint8_t listener = vacant_slot();
  guesses_[listener] = {Role::listening, unix_domain, type};
  add({Kind::make_socket, listener, 0, number});
  add({has_path ? Kind::bind_path : Kind::bind_abstract, listener, 0, path});
  add({Kind::listen, listener, 0, random_.below(3)});
  const std::uint8_t client = vacant_slot();
  guesses_[client] = {Role::connected, unix_domain, type};
  add({Kind::make_socket, client, 0, number});
  add({has_path ? Kind::connect_path : Kind::connect_abstract, client, 0, path});
  const std::uint8_t accepted = vacant_slot();
  guesses_[accepted] = {Role::connected, unix_domain, type, client};
  guesses_[client].peer = accepted;
  add({random_.chance(50) ? Kind::accept : Kind::accept_with_peer, listener, accepted});
  if (random_.chance(40)) close(listener);
}

void PortScripts::unix_datagrams() {
  const std::uint32_t number = socket_number(unix_domain, datagram);
  const std::uint32_t path = random_.below(paths);
  const std::uint8_t server = vacant_slot();
  guesses_[server] = {Role::datagram, unix_domain, datagram};
  add({Kind::make_socket, server, 0, number});
  add({Kind::bind_path, server, 0, path});
  const std::uint8_t client = vacant_slot();
  guesses_[client] = {Role::datagram, unix_domain, datagram};
  add({Kind::make_socket, client, 0, number});
  if (random_.chance(50)) add({Kind::bind_abstract, client, 0, path});
  if (random_.chance(60)) add({Kind::connect_path, client, 0, path});
}

void PortScripts::pair() {
  const std::uint32_t type = random_.one_of({stream, stream, datagram, seqpacket});
  const Role role = type == datagram ? Role::datagram : Role::connected;
  const std::uint8_t one = vacant_slot();
  guesses_[one] = {role, unix_domain, type};
  const std::uint8_t other = vacant_slot();
  guesses_[other] = {role, unix_domain, type};
  if (one == other) return;
  add({Kind::make_pair, one, other, type});
  guesses_[one].peer = other;
  guesses_[other].peer = one;
}

void PortScripts::pipe() {
  const std::uint8_t reader = vacant_slot();
  guesses_[reader] = {Role::reader, unix_domain, stream};
  const std::uint8_t writer = vacant_slot();
  guesses_[writer] = {Role::writer, unix_domain, stream};
  if (reader != writer) add({Kind::make_pipe, reader, writer});
}

void PortScripts::udp_sockets() {
  const std::uint32_t family = any_family();
  const std::uint8_t one = vacant_slot();
  guesses_[one] = {Role::datagram, family, datagram};
  add({Kind::make_socket, one, 0, socket_number(family, datagram)});
  add({random_.chance(80) ? Kind::bind_loopback : Kind::bind_any, one});
  const std::uint8_t other = vacant_slot();
  guesses_[other] = {Role::datagram, family, datagram};
  add({Kind::make_socket, other, 0, socket_number(family, datagram)});
  if (random_.chance(60)) add({Kind::bind_loopback, other});
  if (random_.chance(60)) add({Kind::connect, other, one});
  if (random_.chance(40)) add({Kind::connect, one, other});
}

void PortScripts::lone_socket() {
  const std::uint32_t family = random_.chance(30) ? unix_domain : any_family();
  const std::uint32_t type = random_.below(3);
  const std::uint8_t slot = vacant_slot();
  guesses_[slot] = {type == datagram ? Role::datagram : Role::fresh, family, type};
  add({Kind::make_socket, slot, 0, socket_number(family, type)});
}

// --- steps --------------------------------------------------------------------------------------

void PortScripts::step() {
  if (random_.chance(6)) return step_of_any_kind();
  std::uint8_t slot = any_slot();
  for (int tries = 0; guesses_[slot].role == Role::nothing && tries < 20; ++tries) {
    slot = any_slot();
  }
  if (random_.chance(20)) return step_on_any(slot);
  switch (guesses_[slot].role) {
    case Role::nothing:
      return phrase();
    case Role::fresh:
    case Role::bound:
      return step_on_fresh(slot);
    case Role::listening:
      return step_on_listener(slot);
    case Role::connected:
      return step_on_connected(slot);
    case Role::datagram:
      return step_on_datagrams(slot);
    case Role::reader:
    case Role::writer:
      return step_on_pipe(slot);
  }
}

void PortScripts::close(std::uint8_t slot) {
  add({random_.chance(75) ? Kind::close : Kind::close_with_reset, slot});
  guesses_[slot] = {};
}

void PortScripts::step_on_connected(std::uint8_t slot) {
  const Guess guess = guesses_[slot];
  const std::uint32_t choice = random_.below(100);
  if (choice < 24) {
    const Kind kind = random_.one_of({Kind::write, Kind::write_parts, Kind::write, Kind::send,
                                      Kind::send_batch, Kind::send_file});
    return add({kind, slot, 0, some_size()});
  }
  if (choice < 46) {
    const Kind kind = random_.one_of({Kind::read, Kind::read_parts, Kind::receive,
                                      Kind::receive_truncated, Kind::receive_batch});
    return add({kind, slot, 0, some_size()});
  }
  if (choice < 52) return add({Kind::fill, slot});
  if (choice < 62) return add({Kind::drain, slot});
  if (choice < 78) {
    return add(
        {random_.one_of({Kind::shut_write, Kind::shut_write, Kind::shut_read, Kind::shut_both}),
         slot});
  }
  if (choice < 87) return close(slot);
  if (choice < 96 && guess.family == unix_domain) {
    if (random_.chance(50)) return pass_descriptors(slot);
    return add({Kind::receive_descriptor, slot, vacant_slot(), some_size()});
  }
  add({random_.one_of({Kind::take_error, Kind::write_nothing, Kind::read_nothing, Kind::ask_peer,
                       Kind::send_empty}),
       slot});
}

/// Data that follows one of them is not received together with it.
void PortScripts::pass_descriptors(std::uint8_t slot) {
  if (guesses_[slot_in(Role::reader)].role != Role::reader) pipe();
  add({Kind::pass_descriptor, slot, slot_in(Role::reader), some_size()});
  const Kind behind = random_.one_of({Kind::pass_descriptor, Kind::write});
  if (random_.chance(70)) add({behind, slot, slot_in(Role::reader), some_size()});
  const std::uint8_t peer = guesses_[slot].peer;
  if (peer == no_peer || random_.chance(30)) return;
  add({Kind::receive_descriptor, peer, vacant_slot(), random_.one_of({20U, 4'000U})});
}

void PortScripts::step_on_listener(std::uint8_t slot) {
  const Guess guess = guesses_[slot];
  const std::uint32_t choice = random_.below(12);
  if (choice < 4) {
    const std::uint8_t client = vacant_slot();
    if (client == slot) return;
    guesses_[client] = {Role::connected, guess.family, guess.type};
    add({Kind::make_socket, client, 0, socket_number(guess.family, guess.type)});
    return add({Kind::connect, client, slot});
  }
  if (choice < 8) {
    const std::uint8_t accepted = vacant_slot();
    if (accepted == slot) return;
    guesses_[accepted] = {Role::connected, guess.family, guess.type};
    return add({random_.chance(50) ? Kind::accept : Kind::accept_with_peer, slot, accepted});
  }
  if (choice < 9) return close(slot);
  if (choice < 11) {
    return add({random_.one_of({Kind::connect, Kind::connect_deserted, Kind::read, Kind::write,
                                Kind::shut_write, Kind::shut_both}),
                slot, slot_in(Role::listening), some_size()});
  }
  // Linux drops connections that a full TCP queue cannot hold, and they are retried a second later.
  add({Kind::listen, slot, 0, guess.family == unix_domain ? random_.below(4) : 16});
}

void PortScripts::step_on_fresh(std::uint8_t slot) {
  Guess& guess = guesses_[slot];
  switch (random_.below(8)) {
    case 0:
      guess.role = Role::bound;
      return add({guess.family == unix_domain ? Kind::bind_path : Kind::bind_loopback, slot, 0,
                  random_.below(paths)});
    case 1:
      return add({random_.one_of({Kind::bind_taken, Kind::bind_foreign, Kind::bind_other_family}),
                  slot, any_slot()});
    case 2:
      guess.role = Role::listening;
      return add({Kind::listen, slot, 0, 16});
    case 3:
      guess.role = Role::connected;
      return add({Kind::connect, slot, slot_in(Role::listening)});
    case 4:
      return add({Kind::connect_deserted, slot});
    case 5:
      return add({random_.one_of({Kind::connect_path, Kind::connect_abstract,
                                  Kind::connect_other_family, Kind::connect_self}),
                  slot, 0, random_.below(paths)});
    case 6:
      return add({random_.one_of({Kind::read, Kind::write, Kind::send, Kind::receive}), slot, 0,
                  some_size()});
    default:
      return random_.chance(30) ? close(slot) : add({Kind::take_error, slot});
  }
}

void PortScripts::step_on_datagrams(std::uint8_t slot) {
  const Guess guess = guesses_[slot];
  const bool is_unix = guess.family == unix_domain;
  const std::uint32_t choice = random_.below(100);
  if (choice < 30) {
    const Kind kind = random_.one_of({Kind::send, Kind::write, Kind::write_parts, Kind::send_empty,
                                      Kind::write_nothing, Kind::send_batch});
    return add({kind, slot, 0, some_size()});
  }
  if (choice < 45) {
    const Kind kind = random_.one_of(
        {Kind::send_to, Kind::send_to, is_unix ? Kind::send_to_path : Kind::send_to_deserted});
    return add({kind, slot, slot_in(Role::datagram), some_size()});
  }
  if (choice < 70) {
    const Kind kind =
        random_.one_of({Kind::read, Kind::receive, Kind::receive_truncated,
                        Kind::receive_whole_size, Kind::receive_batch, Kind::read_parts});
    return add({kind, slot, 0, some_size()});
  }
  if (choice < 78) {
    if (random_.chance(30) && is_unix) {
      return add({Kind::connect_path, slot, 0, random_.below(paths)});
    }
    return random_.chance(30) ? add({Kind::connect_deserted, slot})
                              : add({Kind::connect, slot, slot_in(Role::datagram)});
  }
  if (choice < 82)
    return add({random_.chance(50) ? Kind::fill : Kind::drain, is_unix ? slot : std::uint8_t{0}});
  if (choice < 87) {
    return add({random_.one_of({Kind::shut_write, Kind::shut_read, Kind::shut_both}), slot});
  }
  if (choice < 91) return add({random_.chance(60) ? Kind::join_group : Kind::leave_group, slot});
  if (choice < 95) return close(slot);
  if (is_unix) return add({Kind::pass_descriptor, slot, slot_in(Role::writer), some_size()});
  add({random_.one_of({Kind::take_error, Kind::ask_local, Kind::ask_peer}), slot});
}

void PortScripts::step_on_pipe(std::uint8_t slot) {
  const bool reads = guesses_[slot].role == Role::reader;
  const std::uint32_t choice = random_.below(10);
  if (choice == 0) return close(slot);
  if (choice == 1)
    return add({random_.chance(50) ? Kind::read : Kind::write, slot, 0, some_size()});
  if (reads) {
    return add({random_.one_of({Kind::read, Kind::read_parts, Kind::drain, Kind::read_nothing}),
                slot, 0, some_size()});
  }
  add({random_.one_of({Kind::write_file, Kind::write_file, Kind::fill, Kind::send_file}), slot, 0,
       some_size()});
}

/// Steps that are possible on any descriptor.
void PortScripts::step_on_any(std::uint8_t slot) {
  switch (random_.below(4)) {
    case 0:
      return add({random_.one_of({Kind::watch_read, Kind::watch_write, Kind::watch_nothing,
                                  Kind::watch_both, Kind::watch_both, Kind::unwatch}),
                  slot});
    case 1:
      return add({random_.chance(50) ? Kind::set_option : Kind::get_option, slot, 0,
                  random_.below(1'000)});
    case 2:
      return add({random_.one_of({Kind::ask_local, Kind::ask_peer, Kind::ask_credentials}), slot});
    default:
      return add({random_.one_of({Kind::take_error, Kind::read_nothing, Kind::write_nothing,
                                  Kind::receive_without_room, Kind::shut_read}),
                  slot, 0, some_size()});
  }
}

/// Also on descriptors for which the step makes no sense.
void PortScripts::step_of_any_kind() {
  const auto kind = static_cast<Kind>(static_cast<std::size_t>(Kind::bind_loopback) +
                                      random_.below(port_kind_count - 5));
  if (kind == Kind::pass_descriptor || kind == Kind::fill) return;
  const std::uint8_t slot = any_slot();
  const bool is_name = kind == Kind::bind_path || kind == Kind::bind_abstract ||
                       kind == Kind::connect_path || kind == Kind::connect_abstract;
  add({kind, slot, any_slot(),
       is_name                ? random_.below(paths)
       : kind == Kind::listen ? 16
                              : some_size()});
}

}  // namespace rondo::test
