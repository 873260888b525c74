// SPDX-License-Identifier: MIT
// echo_tls CERTIFICATE KEY: a server and its client, which trusts that certificate only.
#include <rondo/coroutine.h>
#include <rondo/rondo.h>
#include <rondo/tls.h>

#include <iostream>
#include <string>

rondo::Task<> echo(rondo::Connection& client) {
  while (const auto data = co_await client.read()) client.write(data);
}

rondo::Task<int> program(rondo::Reactor& reactor, std::string certificate, std::string key) {
  const auto identity = rondo::tls::Identity::load(certificate, key);
  if (!identity) co_return rondo::print_error(identity.error());
  rondo::tls::Server secure{*identity};
  auto server = rondo::serve(reactor, "127.0.0.1:0", echo, {.secure = &secure});
  if (!server) co_return rondo::print_error(server.error());

  const auto roots = rondo::tls::Roots::load(certificate);
  if (!roots) co_return rondo::print_error(roots.error());
  rondo::tls::Client trust{{.roots = *roots}};
  const rondo::ConnectOptions options{.secure = &trust};
  const std::string where = server->local_endpoint().to_string();
  const auto connection = co_await rondo::open_connection(where, options);
  const std::string question = "the refrain comes back";
  connection->write(question);
  const auto answer = co_await connection->read_exactly(question.size());
  co_return answer.text() == question ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return rondo::run([&](rondo::Reactor& reactor) { return program(reactor, argv[1], argv[2]); });
}
