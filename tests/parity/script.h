// SPDX-License-Identifier: MIT
// Scripts, which are played on the simulation and on a real kernel to compare the two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::test {

/// The action of a step. script.cpp has the names that a person reads.
enum class Kind : std::uint8_t {
  // descriptors
  make_socket,
  make_pair,
  make_pipe,
  close,
  close_with_reset,
  // addresses
  bind_loopback,
  bind_any,
  bind_taken,
  bind_foreign,
  bind_other_family,
  bind_path,
  bind_abstract,
  ask_local,
  ask_peer,
  ask_credentials,
  // connections
  listen,
  accept,
  accept_with_peer,
  connect,
  connect_deserted,
  connect_self,
  connect_path,
  connect_abstract,
  connect_other_family,
  shut_read,
  shut_write,
  shut_both,
  take_error,
  // bytes
  read,
  read_parts,
  read_nothing,
  write,
  write_parts,
  write_nothing,
  write_file,
  send_file,
  fill,
  drain,
  // messages
  send,
  send_to,
  send_to_deserted,
  send_to_path,
  send_empty,
  send_batch,
  receive,
  receive_truncated,
  receive_whole_size,
  receive_batch,
  pass_descriptor,
  receive_descriptor,
  receive_without_room,
  // options and groups
  set_option,
  get_option,
  join_group,
  leave_group,
  // readiness
  watch_read,
  watch_write,
  watch_both,
  watch_nothing,
  unwatch,
  // streams: from here on these are not steps of the port
  adopt_pair,
  adopt_pipe,
  dial,
  dial_deserted,
  stream_write,
  stream_write_parts,
  stream_write_owned,
  stream_fill,
  stream_flush,
  stream_send_file,
  stream_pass_descriptor,
  stream_finish,
  stream_close,
  stream_abort,
  stream_destroy,
  stream_let_go,
  stream_pause,
  stream_resume,
  stream_release,
  stream_manner,
  pause_reading_when_full,
  write_high_water,
  overflow,
  linger_never,
  linger_always,
  idle_timeout,
  read_timeout,
  write_timeout,
  lifetime,
  close_timeout,
  pass_time,
  // servers
  serve,
  server_manner,
  stop_accepting,
  drain_server,
  abort_server,
  destroy_server,
  // datagrams
  open_datagrams,
  connect_datagrams,
  datagram_to,
  datagram_to_peer,
  datagrams_pause,
  datagrams_resume,
  count
};
constexpr std::size_t kind_count = static_cast<std::size_t>(Kind::count);
constexpr std::size_t port_kind_count = static_cast<std::size_t>(Kind::adopt_pair);

struct Step {
  Kind kind{};
  std::uint8_t slot = 0;
  std::uint8_t other = 0;
  std::uint32_t number = 0;
};
using Script = std::vector<Step>;

[[nodiscard]] std::string_view name_of(Kind kind) noexcept;
/// `s1 connect s0`: the slot, the action, and another slot or a number.
[[nodiscard]] std::string to_text(const Step& step);

}  // namespace rondo::test
