// SPDX-License-Identifier: MIT
// udp_echo: sends back all datagrams, until SIGINT or SIGTERM.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include <rondo/datagram.h>
#include <rondo/reactor.h>
#include <rondo/stop_on_signals.h>

#include "options.h"

namespace {

struct Echo final : rondo::DatagramHandler {
  void on_datagrams(rondo::DatagramSocket& socket,
                    std::span<const rondo::Datagram> received) override {
    for (const rondo::Datagram& datagram : received) socket.reply(datagram, datagram.data);
  }
};

int serve(rondo::Reactor& reactor, const udp_echo::Options& options) {
  const auto endpoint = rondo::Endpoint::parse(options.listen);
  if (!endpoint) return rondo::print_error(endpoint.error());
  // Bound to all addresses of this host, it has to answer from the address that was used.
  const bool is_any = endpoint->family() != rondo::AddressFamily::unix_domain &&
                      *endpoint == rondo::Endpoint::any(endpoint->port(), endpoint->family());
  Echo echo;
  const auto socket = rondo::DatagramSocket::make(
      reactor, *endpoint, echo,
      {.packet_info = is_any, .receive_offload = options.offload, .send_offload = options.offload});
  if (!socket) return rondo::print_error(socket.error());
  for (const rondo::UnappliedOption& option : socket->unapplied()) rondo::print_error(option.error);
  const rondo::StopOnSignals stop{reactor};

  std::printf("listening on %s\n", socket->local_endpoint()->to_string().c_str());
  std::fflush(stdout);
  if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());

  const rondo::DatagramSocket::Counters& counters = socket->counters();
  std::printf("received %" PRIu64 " datagrams, sent %" PRIu64 ", dropped %" PRIu64 "\n",
              counters.received, counters.sent, counters.dropped + counters.overflowed);
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  udp_echo::Options options;
  if (const auto exit_code = udp_echo::parse_options(argc, argv, options)) return *exit_code;
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  if (!reactor) return rondo::print_error(reactor.error());
  return serve(**reactor, options);
}
