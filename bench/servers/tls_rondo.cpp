// SPDX-License-Identifier: MIT
// rondo with TLS, for bench/costs and bench/run: an echo server. At SIGUSR1 it prints the bytes of
// the heap that are in use, after it has given free memory back to the system.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <string>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/signal.h>
#include <rondo/stop_on_signals.h>
#include <rondo/tls.h>
#include <CLI/CLI.hpp>

namespace {

class Echo final : public rondo::Session {
  void on_data(rondo::Stream& client, rondo::Bytes data) override { client.write(data); }
};

struct Options {
  std::string backend;
  std::string listen = "127.0.0.1:8443";
  std::string chain;
  std::string key;
};

void report_memory() {
  malloc_trim(0);
  const struct mallinfo2 heap = mallinfo2();
  std::printf("in use: %zu\n", heap.uordblks + heap.hblkhd);
  std::fflush(stdout);
}

int serve(rondo::Reactor& reactor, const Options& options) {
  const auto identity = rondo::tls::Identity::load(options.chain, options.key);
  if (!identity) return rondo::print_error(identity.error());
  rondo::tls::Server secure{*identity};
  const rondo::ServerOptions settings{.secure = &secure, .connections_max = rondo::unlimited};
  auto server = rondo::serve<Echo>(reactor, options.listen, settings);
  if (!server) return rondo::print_error(server.error());
  const auto trim = rondo::Signal::make(reactor, SIGUSR1, report_memory);
  if (!trim) return rondo::print_error(trim.error());
  const rondo::StopOnSignals stop{reactor};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"An echo server with TLS.", "tls_rondo"};
  app.add_option("--backend", options.backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", options.listen, "HOST:PORT")->capture_default_str();
  app.add_option("chain", options.chain, "the certificates, a file in PEM form")->required();
  app.add_option("key", options.key, "their private key, a file in PEM form")->required();
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  return reactor ? serve(**reactor, options) : rondo::print_error(reactor.error());
}
