// SPDX-License-Identifier: MIT
// A chat in one screen: what a member writes, all members get. A member who is silent for an hour
// is sent home.
#include <cstdio>
#include <set>
#include <string>
#include <string_view>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

using Members = std::set<rondo::Connection*>;

void say(const Members& members, const std::string& text) {
  for (rondo::Connection* member : members) member->write(text);
}

rondo::Task<> chat(rondo::Connection& client, Members& members) {
  client.write("your name: ");
  std::string name{(co_await client.read_until("\n", 64)).text()};
  if (name.empty()) co_return;
  name.erase(name.find_last_not_of("\r\n") + 1);

  struct Membership {  // also when the client leaves in another way
    Members& members;
    rondo::Connection& client;
    std::string name;
    ~Membership() {
      members.erase(&client);
      say(members, name + " has left\n");
    }
  };
  say(members, name + " has come\n");
  members.insert(&client);
  const Membership membership{members, client, name};
  while (const auto line = co_await timeout(1h, client.read_until("\n"))) {
    if (line->empty()) co_return;
    say(members, name + ": " + std::string{line->text()});
  }
  client.write("good night\n");
}

rondo::Task<int> program(rondo::Reactor& reactor, std::string_view where) {
  Members members;
  auto server = rondo::serve(reactor, where,
                             [&](rondo::Connection& client) { return chat(client, members); });
  if (!server) co_return rondo::print_error(server.error());
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  co_await rondo::stopping();
  co_return EXIT_SUCCESS;
}

int main(int argc, char** argv) {
  const std::string_view where = argc > 1 ? argv[1] : "127.0.0.1:8888";
  return rondo::run([where](rondo::Reactor& reactor) { return program(reactor, where); });
}
