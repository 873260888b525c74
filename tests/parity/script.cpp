// SPDX-License-Identifier: MIT
#include "parity/script.h"

#include <array>

namespace rondo::test {
namespace {

/// The argument of each kind of step beside its slot.
enum class With : std::uint8_t { nothing, other, number, both };

struct About {
  Kind kind;
  std::string_view name;
  With with;
};

constexpr std::array<About, kind_count> about{{
    {Kind::make_socket, "socket", With::number},
    {Kind::make_pair, "pair", With::both},
    {Kind::make_pipe, "pipe", With::other},
    {Kind::close, "close", With::nothing},
    {Kind::close_with_reset, "close_with_reset", With::nothing},
    {Kind::bind_loopback, "bind_loopback", With::nothing},
    {Kind::bind_any, "bind_any", With::nothing},
    {Kind::bind_taken, "bind_to_that_of", With::other},
    {Kind::bind_foreign, "bind_foreign", With::nothing},
    {Kind::bind_other_family, "bind_other_family", With::nothing},
    {Kind::bind_path, "bind_path", With::number},
    {Kind::bind_abstract, "bind_abstract", With::number},
    {Kind::ask_local, "local", With::nothing},
    {Kind::ask_peer, "peer", With::nothing},
    {Kind::ask_credentials, "credentials", With::nothing},
    {Kind::listen, "listen", With::number},
    {Kind::accept, "accept_into", With::other},
    {Kind::accept_with_peer, "accept_with_peer_into", With::other},
    {Kind::connect, "connect_to", With::other},
    {Kind::connect_deserted, "connect_deserted", With::nothing},
    {Kind::connect_self, "connect_self", With::nothing},
    {Kind::connect_path, "connect_path", With::number},
    {Kind::connect_abstract, "connect_abstract", With::number},
    {Kind::connect_other_family, "connect_other_family", With::nothing},
    {Kind::shut_read, "shut_read", With::nothing},
    {Kind::shut_write, "shut_write", With::nothing},
    {Kind::shut_both, "shut_both", With::nothing},
    {Kind::take_error, "take_error", With::nothing},
    {Kind::read, "read", With::number},
    {Kind::read_parts, "readv", With::number},
    {Kind::read_nothing, "read_nothing", With::nothing},
    {Kind::write, "write", With::number},
    {Kind::write_parts, "writev", With::number},
    {Kind::write_nothing, "write_nothing", With::nothing},
    {Kind::write_file, "write_file", With::number},
    {Kind::send_file, "send_file", With::number},
    {Kind::fill, "fill", With::nothing},
    {Kind::drain, "drain", With::nothing},
    {Kind::send, "send", With::number},
    {Kind::send_to, "send_to", With::both},
    {Kind::send_to_deserted, "send_to_deserted", With::number},
    {Kind::send_to_path, "send_to_path", With::number},
    {Kind::send_empty, "send_empty", With::nothing},
    {Kind::send_batch, "send_batch", With::number},
    {Kind::receive, "receive", With::number},
    {Kind::receive_truncated, "receive_into", With::number},
    {Kind::receive_whole_size, "receive_whole_size_into", With::number},
    {Kind::receive_batch, "receive_batch", With::number},
    {Kind::pass_descriptor, "pass_descriptor_of", With::both},
    {Kind::receive_descriptor, "receive_descriptor_into", With::both},
    {Kind::receive_without_room, "receive_without_room", With::number},
    {Kind::set_option, "set_option", With::number},
    {Kind::get_option, "get_option", With::number},
    {Kind::join_group, "join_group", With::nothing},
    {Kind::leave_group, "leave_group", With::nothing},
    {Kind::watch_read, "watch_read", With::nothing},
    {Kind::watch_write, "watch_write", With::nothing},
    {Kind::watch_both, "watch_both", With::nothing},
    {Kind::watch_nothing, "watch_nothing", With::nothing},
    {Kind::unwatch, "unwatch", With::nothing},
    {Kind::adopt_pair, "adopt_pair", With::both},
    {Kind::adopt_pipe, "adopt_pipe", With::both},
    {Kind::dial, "dial", With::both},
    {Kind::dial_deserted, "dial_deserted", With::number},
    {Kind::stream_write, "stream_write", With::number},
    {Kind::stream_write_parts, "stream_write_parts", With::number},
    {Kind::stream_write_owned, "stream_write_owned", With::number},
    {Kind::stream_fill, "stream_fill", With::nothing},
    {Kind::stream_flush, "stream_flush", With::nothing},
    {Kind::stream_send_file, "stream_send_file", With::number},
    {Kind::stream_pass_descriptor, "stream_pass_descriptor", With::number},
    {Kind::stream_finish, "stream_finish", With::nothing},
    {Kind::stream_close, "stream_close", With::nothing},
    {Kind::stream_abort, "stream_abort", With::nothing},
    {Kind::stream_destroy, "stream_destroy", With::nothing},
    {Kind::stream_let_go, "stream_let_go", With::nothing},
    {Kind::stream_pause, "stream_pause", With::nothing},
    {Kind::stream_resume, "stream_resume", With::nothing},
    {Kind::stream_release, "stream_release", With::nothing},
    {Kind::stream_manner, "stream_manner", With::number},
    {Kind::pause_reading_when_full, "pause_reading_when_full", With::nothing},
    {Kind::write_high_water, "write_high_water", With::number},
    {Kind::overflow, "overflow", With::nothing},
    {Kind::linger_never, "linger_never", With::nothing},
    {Kind::linger_always, "linger_always", With::nothing},
    {Kind::idle_timeout, "idle_timeout", With::nothing},
    {Kind::read_timeout, "read_timeout", With::nothing},
    {Kind::write_timeout, "write_timeout", With::nothing},
    {Kind::lifetime, "lifetime", With::nothing},
    {Kind::close_timeout, "close_timeout", With::nothing},
    {Kind::pass_time, "pass_time", With::nothing},
    {Kind::serve, "serve", With::number},
    {Kind::server_manner, "server_manner", With::number},
    {Kind::stop_accepting, "stop_accepting", With::nothing},
    {Kind::drain_server, "drain_server", With::nothing},
    {Kind::abort_server, "abort_server", With::nothing},
    {Kind::destroy_server, "destroy_server", With::nothing},
    {Kind::open_datagrams, "open_datagrams", With::number},
    {Kind::connect_datagrams, "connect_datagrams", With::other},
    {Kind::datagram_to, "datagram_to", With::both},
    {Kind::datagram_to_peer, "datagram_to_peer", With::number},
    {Kind::datagrams_pause, "datagrams_pause", With::nothing},
    {Kind::datagrams_resume, "datagrams_resume", With::nothing},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < about.size(); ++i) {
    if (about[i].kind != static_cast<Kind>(i) || about[i].name.empty()) return false;
  }
  return true;
}
static_assert(is_in_order());

}  // namespace

std::string_view name_of(Kind kind) noexcept { return about[static_cast<std::size_t>(kind)].name; }

std::string to_text(const Step& step) {
  const With with = about[static_cast<std::size_t>(step.kind)].with;
  std::string text = "s" + std::to_string(step.slot) + ' ' + std::string{name_of(step.kind)};
  if (with == With::other || with == With::both) text += " s" + std::to_string(step.other);
  if (with == With::number || with == With::both) text += ' ' + std::to_string(step.number);
  return text;
}

}  // namespace rondo::test
