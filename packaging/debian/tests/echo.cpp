// SPDX-License-Identifier: MIT
// A server and its client in one program, which ends with 0 if each backend returned what was sent.
#include <rondo/coroutine.h>
#include <rondo/rondo.h>

#include <iostream>
#include <string>

rondo::Task<> echo(rondo::Connection& client) {
  while (const auto data = co_await client.read()) client.write(data);
}

rondo::Task<bool> ask(std::string where, std::string question) {
  const auto connection = co_await rondo::open_connection(where);
  connection->write(question);
  const auto answer = co_await connection->read_exactly(question.size());
  co_return answer.text() == question;
}

rondo::Task<int> program(rondo::Reactor& reactor) {
  auto server = rondo::serve(reactor, "127.0.0.1:0", echo);
  if (!server) co_return rondo::print_error(server.error());
  const std::string where = server->local_endpoint().to_string();
  co_return co_await ask(where, "the refrain comes back") ? 0 : 1;
}

int main() {
  for (const rondo::BuiltBackend& built : rondo::built_backends()) {
    const int status = rondo::run(program, {.reactor = {.backend = built.name}});
    if (status != 0) return status;
    std::cout << built.name << ' ';
  }
  std::cout << rondo::library_version_string() << '\n';
}
