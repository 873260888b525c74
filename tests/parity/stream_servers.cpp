// SPDX-License-Identifier: MIT
// Steps on servers and datagram sockets.
#include <chrono>
#include <utility>

#include "parity/stream_player.h"

namespace rondo::test {
namespace {

constexpr Duration patience_of_a_drain = std::chrono::hours{1};

}  // namespace

void StreamPlayer::open_datagrams(const Step& step) {
  clear(step.slot);
  Slot& slot = at(step.slot);
  slot.datagram_log.replies = step.number % 3 == 1;
  const Endpoint local = Endpoint::parse(target_of(step.number)).value();
  auto made = DatagramSocket::make(reactor_, local, slot.datagram_log);
  result_ = made ? "ok" : made.error().code.message();
  if (!made) return;
  slot.datagrams = std::make_unique<DatagramSocket>(std::move(*made));
  names_.chosen(slot.datagrams->local_endpoint().value_or(Endpoint{}));
  if (local.family() == AddressFamily::unix_domain && !local.host().starts_with('@')) {
    slot.path = local.host();
  }
}

void StreamPlayer::connect_datagrams(const Step& step) {
  if (!at(step.other).datagrams || step.slot == step.other) return;
  const auto to = at(step.other).datagrams->local_endpoint();
  if (!to) return;
  clear(step.slot);
  Slot& slot = at(step.slot);
  auto made = DatagramSocket::connect(reactor_, *to, slot.datagram_log);
  result_ = made ? "ok" : made.error().code.message();
  if (!made) return;
  slot.datagrams = std::make_unique<DatagramSocket>(std::move(*made));
  names_.chosen(slot.datagrams->local_endpoint().value_or(Endpoint{}));
}

void StreamPlayer::play_on_server(const Step& step, Slot& slot) {
  result_ = "done";
  switch (step.kind) {
    case Kind::server_manner:
      *slot.server_manner =
          static_cast<Manner>(step.number % static_cast<std::uint32_t>(Manner::count));
      return;
    case Kind::stop_accepting:
      return slot.server->stop_accepting();
    case Kind::drain_server:
      return slot.server->drain(patience_of_a_drain);
    case Kind::abort_server:
      return slot.server->abort();
    default:
      return slot.server.reset();
  }
}

void StreamPlayer::play_on_datagrams(const Step& step, Slot& slot) {
  const std::vector<std::byte> bytes = content_of(++written_, step.number);
  result_ = "done";
  switch (step.kind) {
    case Kind::datagram_to: {
      const Slot& other = at(step.other);
      if (!other.datagrams) return;
      const auto to = other.datagrams->local_endpoint();
      if (!to || *to == Endpoint{}) return;
      result_ = slot.datagrams->send(bytes, *to) ? "sent" : "dropped";
      return;
    }
    case Kind::datagram_to_peer:
      result_ = slot.datagrams->send(bytes) ? "sent" : "dropped";
      return;
    case Kind::datagrams_pause:
      return slot.datagrams->pause();
    default:
      return slot.datagrams->resume();
  }
}

}  // namespace rondo::test
