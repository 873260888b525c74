// proxy: a TCP proxy. Each client is connected to another address. What either side sends goes to
// the other, no faster than that side takes it; an end of input is passed on too.
//
//   client <-> Tunnel (down)   up <-> target
#include <cstdio>
#include <memory>
#include <string>

#include <rondo/client.h>
#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/stop_on_signals.h>
#include <CLI/CLI.hpp>

namespace {

/// One client, and the connection to the target that is made for it.
class Tunnel final : public rondo::Session {
 public:
  Tunnel(const rondo::Endpoint& peer, rondo::Reactor& reactor, const std::string& target)
      : peer_(peer), reactor_(reactor), address_(target) {}

  void on_open(rondo::Stream& client) override {
    down_ = &client;
    up_ = rondo::connect(reactor_, address_, target_);
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
        std::fprintf(stderr, "%s: %s\n", tunnel.peer_.to_string().c_str(), why.message().c_str());
      if (tunnel.down_ == nullptr) return;
      if (why.reason != rondo::CloseReason::eof) return tunnel.down_->abort();
      tunnel.down_->close();
    }
    Tunnel& tunnel;
  };

  static void pass(rondo::Bytes data, rondo::Stream& from, rondo::Stream& to) {
    if (to.write(data) != rondo::WriteStatus::accepted) from.pause();
  }

  const rondo::Endpoint peer_;
  rondo::Reactor& reactor_;
  const std::string& address_;
  rondo::Stream* down_ = nullptr;
  Target target_{*this};
  std::unique_ptr<rondo::Stream> up_;
};

int serve(rondo::Reactor& reactor, const std::string& listen, const std::string& target) {
  auto server = rondo::serve<Tunnel>(reactor, listen, {}, reactor, target);
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  std::string backend;
  std::string listen = "127.0.0.1:8080";
  std::string target;
  CLI::App app{"Passes TCP connections on to another address.", "proxy"};
  app.add_option("--backend", backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", listen, "HOST:PORT; with port 0 the system chooses")
      ->capture_default_str();
  app.add_option("target", target, "where to: HOST:PORT, NAME:PORT or unix:PATH")->required();
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = backend});
  return reactor ? serve(**reactor, listen, target) : rondo::print_error(reactor.error());
}
