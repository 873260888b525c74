// SPDX-License-Identifier: MIT
// A chat of lines: chat [HOST:PORT]. The first line of a client is its name. What it
// writes then goes to all. A client that does not read is disconnected, once 64 KiB wait for it.
#include <iostream>
#include <set>
#include <string>

#include <rondo/coroutine.h>

constexpr std::size_t line_max = 1000;

using Members = std::set<rondo::Connection*>;

void say(const Members& members, const std::string& line) {
  for (rondo::Connection* member : members) member->write(line + '\n');
}

std::string stripped(std::string_view line) {
  return std::string{line.substr(0, line.find_last_not_of("\r\n") + 1)};
}

rondo::Task<> chat(rondo::Connection& client, Members& members) {
  client.write("your name?\n");
  const auto first = co_await client.read_until("\n", line_max);
  const std::string name = stripped(first.text());
  if (name.empty()) co_return;
  say(members, name + " has come");

  struct Membership {  // it ends however the coroutine ends
    Members& members;
    rondo::Connection& client;
    const std::string& name;
    ~Membership() {
      members.erase(&client);
      say(members, name + " has left");
    }
  };
  members.insert(&client);
  const Membership membership{members, client, name};
  while (const auto line = co_await client.read_until("\n", line_max))
    say(members, name + ": " + stripped(line.text()));
}

rondo::Task<int> program(rondo::Reactor& reactor, std::string where) {
  Members members;
  const auto serve_client = [&](rondo::Connection& client) { return chat(client, members); };
  rondo::ServerOptions options;
  options.stream.write_buffer_max = std::size_t{64} << 10U;
  auto server = rondo::serve(reactor, where, serve_client, options);
  if (!server) co_return rondo::print_error(server.error());
  std::cout << "listening on " << server->local_endpoint().to_string() << std::endl;
  co_await rondo::stopping();
  co_return 0;
}

int main(int argc, char** argv) {
  const std::string where = argc > 1 ? argv[1] : "127.0.0.1:8888";
  return rondo::run([&](rondo::Reactor& reactor) { return program(reactor, where); });
}
