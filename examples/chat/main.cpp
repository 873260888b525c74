// SPDX-License-Identifier: MIT
// chat: the room of chat.h, on the network; try it with netcat, or with text_client.
#include <chrono>
#include <cstdio>
#include <string>

#include <rondo/reactor.h>
#include <rondo/stop_on_signals.h>
#include <CLI/CLI.hpp>

#include "chat.h"

namespace {

int serve(rondo::Reactor& reactor, const std::string& listen, const chat::Options& options) {
  chat::Chat chat{reactor, options};
  const auto local = chat.server().listen(listen);
  if (!local) return rondo::print_error(local.error());
  const rondo::StopOnSignals stop{reactor, chat.server(), std::chrono::seconds{1}};
  std::printf("listening on %s\n", local->to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  std::string backend;
  std::string listen = "127.0.0.1:8888";
  chat::Options options;
  CLI::App app{"A chat room; try it with netcat.", "chat"};
  app.add_option("--backend", backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", listen, "HOST:PORT or unix:PATH; with port 0 the system chooses")
      ->capture_default_str();
  app.add_option("--unread", options.unread_max, "bytes that a client may leave unread")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = backend});
  return reactor ? serve(**reactor, listen, options) : rondo::print_error(reactor.error());
}
