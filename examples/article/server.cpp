// SPDX-License-Identifier: MIT
// The server of many articles on sockets: make a socket, bind, listen, accept; then exchange lines.
// In Python this is `for line in client.makefile(): ...`, for one client at a time; here one thread
// serves all clients at once.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include <rondo/reactor.h>
#include <rondo/stop_on_signals.h>
#include <rondo/text_stream.h>

struct Greeter final : rondo::LineSession {
  void on_open(rondo::TextStream& client) override { client.write_line("who is there?"); }
  void on_line(rondo::TextStream& client, std::string_view line) override {
    client.write_line("hello, " + std::string{line});
  }
};

int main(int argc, char** argv) try {
  rondo::Reactor reactor;
  auto server = rondo::serve<Greeter>(reactor, argc > 1 ? argv[1] : "127.0.0.1:8888");
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? 0 : rondo::print_error(ran.error());
} catch (const std::exception& error) {
  return rondo::print_error(error);
}
