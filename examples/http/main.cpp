// SPDX-License-Identifier: MIT
// http: a server of files and of handlers, for HTTP/1.1 and 1.0, with or without TLS.
//
//   parser      reads the head of a request where it lies in the reactor's buffer
//   body        what may follow: a length that is known, or chunks
//   connection  a session: parses, answers, and keeps what has not arrived whole
//   site        finds the handler, or the files, for a path
//   files       opens what a path names; conditions decides which part of it is sent, if any
//   answer      writes heads and bodies; live a page with the server's state; log the access log
//
// Nothing is allocated for a request that arrives whole and goes to a handler. All requests that
// arrive together are answered together, in one system call.
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/stop_on_signals.h>
#include <CLI/CLI.hpp>

#include "connection.h"
#include "secure.h"

namespace {

struct Options {
  std::string backend;
  std::string listen = "127.0.0.1:8080";
  std::string root;
  std::string cert;
  std::string key;
  std::string log;
  http::Limits limits;
  std::size_t per_address_max = rondo::unlimited;
  double head_timeout = 10;
  double body_timeout = 60;
  double idle_timeout = 60;
};

rondo::Duration seconds(double count) {
  return std::chrono::duration_cast<rondo::Duration>(std::chrono::duration<double>{count});
}

http::Limits limits_of(const Options& options) {
  http::Limits limits = options.limits;
  limits.head_timeout = seconds(options.head_timeout);
  limits.body_timeout = seconds(options.body_timeout);
  return limits;
}

void add_handlers(http::Service& service) {
  http::Site& site = service.site;
  site.add("/hello", "GET, HEAD, OPTIONS",
           [hello = http::Prepared{"text/plain", "hello\n"}](
               const http::Request&, http::Answer& answer) { answer.send(200, hello); });
  site.add("/echo", "POST, PUT, OPTIONS", [](const http::Request& request, http::Answer& answer) {
    answer.send(200, "application/octet-stream", request.body);
  });
  site.add("/live", "GET, HEAD, OPTIONS", [&](const http::Request& request, http::Answer& answer) {
    service.live.answer_page(request, answer);
  });
  site.add("/events", "GET, HEAD, OPTIONS",
           [&](const http::Request& request, http::Answer& answer) {
             service.live.answer_events(request, answer);
           });
}

rondo::ServerOptions server_options(const Options& options, rondo::StreamLayers* secure) {
  rondo::ServerOptions all = rondo::internet_facing();
  all.stream.handshake_timeout = rondo::forever;  // each head has a timeout, not the first alone
  all.stream.idle_timeout = seconds(options.idle_timeout);
  all.connections_per_address_max = options.per_address_max;
  all.secure = secure;
  return all;
}

int serve(rondo::Reactor& reactor, const Options& options) {
  secure::Layers layers;
  if (!options.cert.empty()) {
    auto made = secure::server(options.cert, options.key);
    if (!made) return rondo::print_error(made.error());
    layers = std::move(*made);
  }
  std::optional<http::Log> log;
  if (!options.log.empty()) {
    auto file = http::Log::open(options.log);
    if (!file) return rondo::print_error(file.error());
    log.emplace(reactor, std::move(*file));
  }
  http::Service service{reactor, limits_of(options), log ? &*log : nullptr};
  if (!options.root.empty()) {
    auto files = http::Files::make(options.root);
    if (!files) return rondo::print_error(files.error());
    service.site.add_files(std::move(*files));
  }
  add_handlers(service);
  auto server = rondo::serve<http::Connection>(reactor, options.listen,
                                               server_options(options, layers.get()), service);
  if (!server) return rondo::print_error(server.error());
  service.live.watch(*server);
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Serves files and a few pages of its own by HTTP.", "http"};
  app.add_option("--backend", options.backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", options.listen, "HOST:PORT; with port 0 the system chooses")
      ->capture_default_str();
  app.add_option("--root", options.root, "serve the files below this DIRECTORY");
  auto* const cert = app.add_option("--tls-cert", options.cert,
                                    "speak TLS: the certificate, and its chain, in this FILE");
  cert->needs(app.add_option("--tls-key", options.key, "the FILE of its key")->needs(cert));
  app.add_option("--log", options.log, "write a line for each answer to this FILE; -: to stdout");
  const auto add = [&](const char* name, auto& value, const char* text) {
    app.add_option(name, value, text)->capture_default_str();
  };
  add("--line-max", options.limits.line_max, "bytes of a request line or a field");
  add("--head-max", options.limits.head_max, "bytes of a head");
  add("--fields-max", options.limits.fields_max, "fields of a head");
  add("--body-max", options.limits.body_max, "bytes of a request's body");
  add("--requests-max", options.limits.requests_max, "requests of one connection");
  add("--connections-per-address-max", options.per_address_max, "connections of one client");
  add("--head-timeout", options.head_timeout, "SECONDS in which a head must arrive");
  add("--body-timeout", options.body_timeout, "SECONDS in which a body must arrive");
  add("--idle-timeout", options.idle_timeout, "SECONDS after which a silent client is closed");
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  return reactor ? serve(**reactor, options) : rondo::print_error(reactor.error());
}
