// SPDX-License-Identifier: MIT
// Sends back what each client sends, until Ctrl-C: echo [HOST:PORT]
#include <iostream>
#include <string>

#include <rondo/coroutine.h>

rondo::Task<> echo(rondo::Connection& client) {
  while (const auto data = co_await client.read()) co_await client.send(data);
}

rondo::Task<int> program(rondo::Reactor& reactor, std::string where) {
  auto server = rondo::serve(reactor, where, echo);
  if (!server) co_return rondo::print_error(server.error());
  std::cout << "listening on " << server->local_endpoint().to_string() << std::endl;
  co_await rondo::stopping();
  co_return 0;
}

int main(int argc, char** argv) {
  const std::string where = argc > 1 ? argv[1] : "127.0.0.1:8888";
  return rondo::run([&](rondo::Reactor& reactor) { return program(reactor, where); });
}
