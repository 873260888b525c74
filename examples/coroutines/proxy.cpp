// SPDX-License-Identifier: MIT
// Passes each connection on to another server: proxy LISTEN TARGET. A side that is slow holds the
// other one back.
#include <cstdio>
#include <string>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

rondo::Task<> pump(rondo::Connection& from, rondo::Connection& to) {
  while (const auto data = co_await from.read()) co_await to.send(data);
  to.shutdown_output();
}

rondo::Task<> pass_on(rondo::Connection& client, const std::string& target) {
  const auto server = co_await rondo::open_connection(target);
  co_await rondo::when_all(pump(client, *server), pump(*server, client));
}

rondo::Task<int> program(rondo::Reactor& reactor, const char* where, const std::string& target) {
  auto server = rondo::serve(reactor, where,
                             [&](rondo::Connection& client) { return pass_on(client, target); });
  if (!server) co_return rondo::print_error(server.error());
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  co_await rondo::stopping();
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: coroutine_proxy LISTEN TARGET\n");
    return EXIT_FAILURE;
  }
  const std::string target = argv[2];
  return rondo::run([&](rondo::Reactor& reactor) { return program(reactor, argv[1], target); });
}
