// SPDX-License-Identifier: MIT
#include "parity/stream_scripts.h"

namespace rondo::test {

Script StreamScripts::draw() {
  script_.clear();
  roles_ = {};
  for (std::uint8_t slot = 0; slot < peers_.size(); ++slot) peers_[slot] = slot;
  for (std::uint32_t phrases = 1 + random_.below(3); phrases > 0; --phrases) {
    phrase();
    for (std::uint32_t steps = 3 + random_.below(9); steps > 0; --steps) step();
  }
  return script_;
}

std::uint8_t StreamScripts::vacant_slot() {
  for (std::uint8_t slot = 0; slot < roles_.size(); ++slot) {
    if (roles_[slot] == Role::nothing) return slot;
  }
  return static_cast<std::uint8_t>(random_.below(roles_.size()));
}

/// Any slot, if there is no such slot.
std::uint8_t StreamScripts::slot_in(Role role) {
  const auto first = static_cast<std::uint8_t>(random_.below(roles_.size()));
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    const auto slot = static_cast<std::uint8_t>((first + i) % roles_.size());
    if (roles_[slot] == role) return slot;
  }
  return first;
}

std::uint32_t StreamScripts::some_size() {
  return random_.one_of({1U, 5U, 60U, 300U, 2'000U, 5'000U});
}

// --- phrases ------------------------------------------------------------------------------------

void StreamScripts::phrase() {
  switch (random_.below(6)) {
    case 0: {
      const std::uint8_t one = vacant_slot();
      roles_[one] = Role::stream;
      const std::uint8_t other = vacant_slot();
      roles_[other] = Role::stream;
      peers_[one] = other;
      peers_[other] = one;
      return add({random_.chance(80) ? Kind::adopt_pair : Kind::adopt_pipe, one, other,
                  random_.below(256)});
    }
    case 1: {
      const std::uint8_t one = vacant_slot();
      roles_[one] = Role::datagrams;
      add({Kind::open_datagrams, one, 0, random_.below(64)});
      const std::uint8_t other = vacant_slot();
      roles_[other] = Role::datagrams;
      return random_.chance(50) ? add({Kind::open_datagrams, other, 0, random_.below(64)})
                                : add({Kind::connect_datagrams, other, one});
    }
    case 2: {
      const std::uint8_t slot = vacant_slot();
      roles_[slot] = Role::stream;
      return add({Kind::dial_deserted, slot, 0, random_.below(2)});
    }
    default:
      return server_and_clients();
  }
}

void StreamScripts::server_and_clients() {
  const std::uint8_t server = vacant_slot();
  roles_[server] = Role::server;
  add({Kind::serve, server, 0, random_.below(1'024)});
  for (std::uint32_t clients = 1 + random_.below(2); clients > 0; --clients) {
    const std::uint8_t client = vacant_slot();
    if (client == server) return;
    roles_[client] = Role::stream;
    add({Kind::dial, client, server, random_.below(9)});
  }
}

// --- steps --------------------------------------------------------------------------------------

void StreamScripts::step() {
  std::uint8_t slot = static_cast<std::uint8_t>(random_.below(roles_.size()));
  for (int tries = 0; roles_[slot] == Role::nothing && tries < 20; ++tries) {
    slot = static_cast<std::uint8_t>(random_.below(roles_.size()));
  }
  switch (roles_[slot]) {
    case Role::nothing:
      return phrase();
    case Role::stream:
      return step_on_stream(slot);
    case Role::server:
      return step_on_server(slot);
    case Role::datagrams:
      return step_on_datagrams(slot);
  }
}

void StreamScripts::output(std::uint8_t slot) {
  const Kind kind = random_.one_of({Kind::stream_write, Kind::stream_write,
                                    Kind::stream_write_parts, Kind::stream_write_owned,
                                    Kind::stream_send_file, Kind::stream_pass_descriptor});
  add({kind, slot, 0, some_size()});
}

/// Other steps may happen before it passes.
void StreamScripts::deadline(std::uint8_t slot) {
  const Kind kind = random_.one_of({Kind::idle_timeout, Kind::read_timeout, Kind::write_timeout,
                                    Kind::lifetime, Kind::close_timeout});
  const bool needs_output = kind == Kind::write_timeout || kind == Kind::close_timeout;
  if (needs_output && random_.chance(70)) {
    if (peers_[slot] != slot) add({Kind::stream_pause, peers_[slot]});
    add({Kind::stream_fill, slot});
  }
  add({kind, slot});
  for (std::uint32_t steps = random_.below(4); steps > 1; --steps) step();
  add({Kind::pass_time, slot});
}

void StreamScripts::step_on_stream(std::uint8_t slot) {
  const std::uint32_t choice = random_.below(100);
  if (choice < 34) return output(slot);
  if (choice < 40) return add({Kind::stream_fill, slot});
  if (choice < 54) {
    return add({random_.one_of({Kind::stream_pause, Kind::stream_resume, Kind::stream_resume,
                                Kind::stream_flush}),
                slot});
  }
  if (choice < 60) return add({Kind::stream_manner, slot, 0, random_.below(9)});
  if (choice < 72) {
    return add(
        {random_.one_of({Kind::pause_reading_when_full, Kind::linger_never, Kind::linger_always,
                         Kind::write_high_water, Kind::overflow, Kind::stream_release}),
         slot, 0, some_size()});
  }
  if (choice < 79) return add({Kind::stream_finish, slot});
  if (choice < 88) return deadline(slot);
  if (choice < 93) return add({Kind::stream_close, slot});
  if (choice < 96) return add({Kind::stream_abort, slot});
  roles_[slot] = Role::nothing;
  add({random_.chance(50) ? Kind::stream_destroy : Kind::stream_let_go, slot});
}

void StreamScripts::step_on_server(std::uint8_t slot) {
  const std::uint32_t choice = random_.below(10);
  if (choice < 5) {
    const std::uint8_t client = vacant_slot();
    if (client == slot) return;
    roles_[client] = Role::stream;
    return add({Kind::dial, client, slot, random_.below(9)});
  }
  if (choice < 7) return add({Kind::server_manner, slot, 0, random_.below(9)});
  add({random_.one_of(
           {Kind::stop_accepting, Kind::drain_server, Kind::abort_server, Kind::destroy_server}),
       slot});
}

void StreamScripts::step_on_datagrams(std::uint8_t slot) {
  switch (random_.below(6)) {
    case 0:
      return add({random_.chance(40) ? Kind::datagrams_pause : Kind::datagrams_resume, slot});
    case 1:
    case 2:
      return add({Kind::datagram_to_peer, slot, 0, some_size()});
    default:
      return add({Kind::datagram_to, slot, slot_in(Role::datagrams), some_size()});
  }
}

}  // namespace rondo::test
