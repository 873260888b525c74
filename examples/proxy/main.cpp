// SPDX-License-Identifier: MIT
// proxy: a TCP proxy. Each client is connected to another address. What either side sends goes to
// the other, no faster than that side takes it; an end of input is passed on too. TLS may end here,
// or begin here, or both.
//
//   client <-> Tunnel (down)   up <-> target
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <rondo/client.h>
#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/stop_on_signals.h>
#include <CLI/CLI.hpp>

#include "secure.h"

namespace {

struct Target {
  std::string address;
  secure::Layers layers;  // null: without TLS
};

/// One client, and the connection to the target that is made for it.
class Tunnel final : public rondo::Session {
 public:
  Tunnel(const rondo::Endpoint& peer, rondo::Reactor& reactor, const Target& target)
      : peer_(peer), reactor_(reactor), target_(target) {}

  void on_open(rondo::Stream& client) override {
    down_ = &client;
    up_ = rondo::connect(reactor_, target_.address, answers_, {.secure = target_.layers.get()});
  }
  void on_data(rondo::Stream& client, rondo::Bytes data) override { pass(data, client, *up_); }
  void on_end(rondo::Stream&) override { up_->shutdown_output(); }
  void on_writable(rondo::Stream&) override { up_->resume(); }
  void on_close(rondo::Stream&, const rondo::Close& why) override {
    down_ = nullptr;
    if (why.reason != rondo::CloseReason::eof) return up_->abort();
    rondo::Stream::close_detached(std::move(up_));  // sends what the client has sent before
  }

 private:
  /// The calls of the stream to the target.
  struct Answers final : rondo::StreamHandler {
    explicit Answers(Tunnel& owner) noexcept : tunnel(owner) {}
    void on_open(rondo::Stream&) override { is_open = true; }
    void on_data(rondo::Stream& stream, rondo::Bytes data) override {
      if (tunnel.down_ != nullptr) pass(data, stream, *tunnel.down_);
    }
    void on_end(rondo::Stream&) override {
      if (tunnel.down_ != nullptr) tunnel.down_->shutdown_output();
    }
    void on_writable(rondo::Stream&) override {
      if (tunnel.down_ != nullptr) tunnel.down_->resume();
    }
    void on_close(rondo::Stream&, const rondo::Close& why) override {
      if (!is_open)
        std::fprintf(stderr, "%s: %s\n", tunnel.peer_.to_string().c_str(), why.message().c_str());
      if (tunnel.down_ == nullptr) return;
      if (why.reason != rondo::CloseReason::eof) return tunnel.down_->abort();
      tunnel.down_->close();
    }
    Tunnel& tunnel;
    bool is_open = false;
  };

  static void pass(rondo::Bytes data, rondo::Stream& from, rondo::Stream& to) {
    if (to.write(data) != rondo::WriteStatus::accepted) from.pause();
  }

  const rondo::Endpoint peer_;
  rondo::Reactor& reactor_;
  const Target& target_;
  rondo::Stream* down_ = nullptr;
  Answers answers_{*this};
  std::unique_ptr<rondo::Stream> up_;
};

struct Options {
  std::string backend;
  std::string listen = "127.0.0.1:8080";
  std::string cert;
  std::string key;
  std::string target;
  bool is_target_secure = false;
  std::string roots_file;
};

int serve(rondo::Reactor& reactor, const Options& options) {
  secure::Layers clients;
  if (!options.cert.empty()) {
    auto made = secure::server(options.cert, options.key);
    if (!made) return rondo::print_error(made.error());
    clients = std::move(*made);
  }
  Target target{options.target, nullptr};
  if (options.is_target_secure || !options.roots_file.empty()) {
    auto made = secure::client(options.roots_file);
    if (!made) return rondo::print_error(made.error());
    target.layers = std::move(*made);
  }
  auto server =
      rondo::serve<Tunnel>(reactor, options.listen, {.secure = clients.get()}, reactor, target);
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Passes TCP connections on to another address.", "proxy"};
  app.add_option("--backend", options.backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", options.listen, "HOST:PORT; with port 0 the system chooses")
      ->capture_default_str();
  auto* const cert =
      app.add_option("--tls-cert", options.cert,
                     "speak TLS with clients: the certificate, and its chain, in this FILE");
  cert->needs(app.add_option("--tls-key", options.key, "the FILE of its key")->needs(cert));
  app.add_flag("--tls-target", options.is_target_secure,
               "speak TLS with the target; its certificate must be for its name");
  app.add_option("--tls-roots", options.roots_file,
                 "speak TLS with the target; its certificate must lead to one in this FILE, in "
                 "place of the system's");
  app.add_option("target", options.target, "where to: HOST:PORT, NAME:PORT or unix:PATH")
      ->required();
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  return reactor ? serve(**reactor, options) : rondo::print_error(reactor.error());
}
