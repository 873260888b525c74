// SPDX-License-Identifier: MIT
// The server of many articles on sockets, as a coroutine: it asks for a name and greets, line by
// line, until the client leaves. One thread serves all clients.
#include <cstdio>
#include <string>
#include <string_view>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

rondo::Task<> greet(rondo::Connection& client) {
  client.write("who is there?\n");
  while (const auto line = co_await client.read_until("\n")) {
    client.write("hello, ");
    client.write(line);
  }
}

rondo::Task<int> program(rondo::Reactor& reactor, std::string_view where) {
  auto server = rondo::serve(reactor, where, greet);
  if (!server) co_return rondo::print_error(server.error());
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  co_await rondo::stopping();
  co_await rondo::drained(*server, 5s);
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  const std::string_view where = argc > 1 ? argv[1] : "127.0.0.1:8888";
  return rondo::run([where](rondo::Reactor& reactor) { return program(reactor, where); });
}
