// proxy: a TCP proxy. Whoever connects to it is connected to another address; what either side
// sends goes to the other, no faster than that one takes it; so do the ends.
//
//   client <-> Session (down)   up <-> target
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include <rondo/client.h>
#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/signal.h>
#include <CLI/CLI.hpp>

namespace {

struct Settings {
  rondo::Reactor& reactor;
  std::string target;
};

/// One client, and the connection made for him.
class Tunnel final : public rondo::Session {
 public:
  explicit Tunnel(Settings& settings) noexcept : settings_(settings) {}

  void on_open(rondo::Stream& client) override {
    down_ = &client;
    up_ = rondo::connect(settings_.reactor, settings_.target, target_);
  }
  void on_data(rondo::Stream& client, rondo::Bytes data) override { pass(data, client, *up_); }
  void on_end(rondo::Stream&) override { up_->shutdown_output(); }
  void on_writable(rondo::Stream&) override { up_->resume(); }
  void on_close(rondo::Stream&, const rondo::Close& why) override {
    down_ = nullptr;
    // What a client who left in good order has said is still to be passed on.
    if (why.reason != rondo::CloseReason::eof) return up_->abort();
    rondo::Stream::close_detached(std::move(up_));
  }

 private:
  /// The calls of the stream to the target.
  struct Target final : rondo::StreamHandler {
    explicit Target(Tunnel& owner) noexcept : tunnel(owner) {}
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
      if (why.reason == rondo::CloseReason::not_connected)
        std::fprintf(stderr, "%s\n", why.message().c_str());
      if (tunnel.down_ == nullptr) return;
      if (why.reason == rondo::CloseReason::eof) tunnel.down_->close();
      if (why.reason != rondo::CloseReason::eof) tunnel.down_->abort();
    }
    Tunnel& tunnel;
  };

  static void pass(rondo::Bytes data, rondo::Stream& from, rondo::Stream& to) {
    if (!to.write(data)) from.pause();
  }

  Settings& settings_;
  rondo::Stream* down_ = nullptr;
  Target target_{*this};
  std::unique_ptr<rondo::Stream> up_;
};

int serve(Settings& settings, const std::string& listen) {
  auto server = rondo::serve<Tunnel>(settings.reactor, listen, {}, settings);
  if (!server) return rondo::print_error(server.error());
  const rondo::Signal interrupt{settings.reactor, SIGINT, [&] { settings.reactor.stop(); }};
  const rondo::Signal terminate{settings.reactor, SIGTERM, [&] { settings.reactor.stop(); }};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  if (const auto ran = settings.reactor.run(); !ran) return rondo::print_error(ran.error());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  std::string backend;
  std::string listen = "127.0.0.1:8080";
  std::string target;
  CLI::App app{"Passes TCP connections on to another address.", "proxy"};
  app.add_option("--backend", backend, "the poller below (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes any")->capture_default_str();
  app.add_option("target", target, "where to: HOST:PORT, NAME:PORT or unix:PATH")->required();
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = backend});
  if (!reactor) return rondo::print_error(reactor.error());
  Settings settings{**reactor, target};
  return serve(settings, listen);
}
