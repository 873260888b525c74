// SPDX-License-Identifier: MIT
// cache: a store of keys and values in memory that speaks the protocol of Redis, until SIGINT or
// SIGTERM. Read it in this order, from the bytes of a client to the memory of a key:
//
//   client     a session: takes requests out of the input, and executes them
//   request    the parser: a request that arrived whole is not copied
//   commands   the table of commands; strings, keys, connection and server have their functions
//   reply      gathers the replies to all requests of one read, which leave in one write
//   store      values, the time at which they end, and a limit of memory
//   table      the hash table, which grows bucket by bucket
//   channels   SUBSCRIBE and PUBLISH
//
// A GET, or a SET of a value of the same size, allocates nothing. A client that is idle costs its
// stream and 32 bytes: buffers belong to the service, which has one of each kind.
#include <cstdio>
#include <cstdlib>

#include <rondo/stop_on_signals.h>

#include "client.h"
#include "options.h"

namespace {

rondo::ServerOptions server_options() {
  // A reply may be a value of 512 MB. A client is served only as fast as it reads, so it has at
  // most one reply more than the high-water mark; a subscriber has a limit of its own (channels.h).
  constexpr std::size_t largest_reply = std::size_t{1} << 30U;
  rondo::ServerOptions options;
  options.stream.write_buffer_max = largest_reply;
  options.write_buffers_max = std::size_t{256} << 20U;
  return options;
}

int serve(rondo::Reactor& reactor, const cache::Options& options) {
  cache::Service service{reactor,
                         options.memory_max == 0 ? cache::Store::unlimited : options.memory_max};
  auto server = rondo::serve<cache::Client>(reactor, options.listen, server_options(), service);
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};

  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  cache::Options options;
  if (const auto exit_code = cache::parse_options(argc, argv, options)) return *exit_code;
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  if (!reactor) return rondo::print_error(reactor.error());
  return serve(**reactor, options);
}
