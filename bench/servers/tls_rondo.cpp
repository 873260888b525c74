// rondo with TLS, for bench/costs and bench/run: an echo server, or with a target what hitch is,
// the end of TLS before a plain server. At SIGUSR1 it prints the bytes of the heap that are in use,
// after it has given free memory back to the system.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include <rondo/client.h>
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

/// One client, and its connection to the target.
class Tunnel final : public rondo::Session {
 public:
  Tunnel(rondo::Reactor& reactor, const std::string& target)
      : reactor_(reactor), address_(target) {}

  void on_open(rondo::Stream& client) override {
    down_ = &client;
    up_ = rondo::connect(reactor_, address_, target_);
  }
  void on_data(rondo::Stream& client, rondo::Bytes data) override { pass(data, client, *up_); }
  void on_end(rondo::Stream&) override { up_->shutdown_output(); }
  void on_writable(rondo::Stream&) override { up_->resume(); }
  void on_close(rondo::Stream&, const rondo::Close& why) override {
    down_ = nullptr;
    if (up_ == nullptr) return;
    if (why.reason != rondo::CloseReason::eof) return up_->abort();
    rondo::Stream::close_detached(std::move(up_));
  }

 private:
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
      if (tunnel.down_ == nullptr) return;
      if (why.reason != rondo::CloseReason::eof) return tunnel.down_->abort();
      tunnel.down_->close();
    }
    Tunnel& tunnel;
  };

  static void pass(rondo::Bytes data, rondo::Stream& from, rondo::Stream& to) {
    if (to.write(data) != rondo::WriteStatus::accepted) from.pause();
  }

  rondo::Reactor& reactor_;
  const std::string& address_;
  rondo::Stream* down_ = nullptr;
  Target target_{*this};
  std::unique_ptr<rondo::Stream> up_;
};

struct Options {
  std::string backend;
  std::string listen = "127.0.0.1:8443";
  std::string chain;
  std::string key;
  std::string target;
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
  auto server = options.target.empty() ? rondo::serve<Echo>(reactor, options.listen, settings)
                                       : rondo::serve<Tunnel>(reactor, options.listen, settings,
                                                              reactor, options.target);
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
  CLI::App app{"The end of TLS, before an echo or another server.", "tls_rondo"};
  app.add_option("--backend", options.backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("--listen", options.listen, "HOST:PORT")->capture_default_str();
  app.add_option("chain", options.chain, "the certificates, a file in PEM form")->required();
  app.add_option("key", options.key, "their private key, a file in PEM form")->required();
  app.add_option("target", options.target, "where to: HOST:PORT; without it, an echo");
  CLI11_PARSE(app, argc, argv);
  auto reactor = rondo::Reactor::make({.backend = options.backend});
  return reactor ? serve(**reactor, options) : rondo::print_error(reactor.error());
}
