// SPDX-License-Identifier: MIT
// The function that plays each kind of step.
#include "parity/port_player.h"

namespace rondo::test {

const std::array<PortPlayer::Action, port_kind_count>& PortPlayer::actions() {
  using P = PortPlayer;
  static constexpr std::array<Action, port_kind_count> all{
      &P::make_socket,
      &P::make_pair,
      &P::make_pipe,
      &P::close,
      &P::close_with_reset,
      &P::bind_loopback,
      &P::bind_any,
      &P::bind_taken,
      &P::bind_foreign,
      &P::bind_other_family,
      &P::bind_path,
      &P::bind_abstract,
      &P::ask_local,
      &P::ask_peer,
      &P::ask_credentials,
      &P::listen,
      &P::accept,
      &P::accept_with_peer,
      &P::connect,
      &P::connect_deserted,
      &P::connect_self,
      &P::connect_path,
      &P::connect_abstract,
      &P::connect_other_family,
      &P::shut_read,
      &P::shut_write,
      &P::shut_both,
      &P::take_error,
      &P::read,
      &P::read_parts,
      &P::read_nothing,
      &P::write,
      &P::write_parts,
      &P::write_nothing,
      &P::write_file,
      &P::send_file,
      &P::fill,
      &P::drain,
      &P::send,
      &P::send_to,
      &P::send_to_deserted,
      &P::send_to_path,
      &P::send_empty,
      &P::send_batch,
      &P::receive,
      &P::receive_truncated,
      &P::receive_whole_size,
      &P::receive_batch,
      &P::pass_descriptor,
      &P::receive_descriptor,
      &P::receive_without_room,
      &P::set_option,
      &P::get_option,
      &P::join_group,
      &P::leave_group,
      &P::watch_read,
      &P::watch_write,
      &P::watch_both,
      &P::watch_nothing,
      &P::unwatch,
  };
  return all;
}

}  // namespace rondo::test
