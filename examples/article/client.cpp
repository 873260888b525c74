// SPDX-License-Identifier: MIT
// The client of many articles on sockets: make a socket, connect to ("127.0.0.1", 8888), send
// bytes and receive bytes; then wrap the socket for text.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include <rondo/client.h>
#include <rondo/reactor.h>
#include <rondo/stop_on_signals.h>
#include <rondo/text_stream.h>

struct Visitor final : rondo::TextHandler {
  explicit Visitor(std::string_view own_name) : name(own_name) {}

  void on_line(rondo::TextStream& server, std::string_view line) override {
    std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    if (line == "who is there?") {
      server.write_line(name);
      server.stream().shutdown_output();  // that was all; the answer still comes
    }
  }
  void on_close(rondo::TextStream&, const rondo::Close& why) override {
    failed = why.reason != rondo::CloseReason::eof;
    if (failed) std::fprintf(stderr, "%s\n", why.message().c_str());
  }

  std::string name;
  bool failed = false;
};

int main(int argc, char** argv) try {
  rondo::Reactor reactor;
  Visitor visitor{argc > 2 ? argv[2] : "a friend"};
  const char* const target = argc > 1 ? argv[1] : "127.0.0.1:8888";
  const auto server = rondo::TextStream::connect(reactor, target, visitor);
  const rondo::StopOnSignals stop{reactor};
  const auto ran = reactor.run();
  if (!ran) return rondo::print_error(ran.error());
  return visitor.failed ? 1 : 0;
} catch (const std::exception& error) {
  return rondo::print_error(error);
}
