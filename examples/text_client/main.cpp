// SPDX-License-Identifier: MIT
// text_client: exchanges text with a server from a terminal. It sends what you type, line by line,
// and prints what comes back. At the end of your input it shuts its output down, and the server may
// still reply.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <rondo/client.h>
#include <rondo/reactor.h>
#include <rondo/stop_on_signals.h>
#include <rondo/text_stream.h>
#include <CLI/CLI.hpp>

#include "secure.h"

namespace {

class Conversation {
 public:
  /// Sends what is typed.
  struct Keyboard final : rondo::StreamHandler {
    explicit Keyboard(Conversation& owner) : conversation(owner) {}
    void on_data(rondo::Stream& keyboard, rondo::Bytes typed) override {
      const auto status = conversation.server_->stream().write(typed);
      if (status != rondo::WriteStatus::accepted) keyboard.pause();
    }
    void on_end(rondo::Stream&) override { conversation.server_->stream().shutdown_output(); }
    Conversation& conversation;
  };

  /// Prints what the server says.
  struct Screen final : rondo::TextHandler {
    explicit Screen(Conversation& owner) : conversation(owner) {}
    void on_line(rondo::TextStream&, std::string_view line) override { print(line, "\n"); }
    void on_long_line(rondo::TextStream&, std::string_view piece) override { print(piece, ""); }
    void on_writable(rondo::TextStream&) override {
      if (conversation.keyboard_) conversation.keyboard_->resume();
    }
    void on_close(rondo::TextStream&, const rondo::Close& why) override { conversation.end(why); }
    static void print(std::string_view text, const char* end) {
      std::printf("%.*s%s", static_cast<int>(text.size()), text.data(), end);
      std::fflush(stdout);
    }
    Conversation& conversation;
  };

  int run(rondo::Reactor& reactor, const std::string& target, const secure::Layers& layers) {
    server_ = rondo::TextStream::connect(
        reactor, target, screen_, {.errors = rondo::TextErrors::replace}, {.secure = layers.get()});
    auto keyboard = rondo::Stream::standard_input(reactor, keys_);
    if (!keyboard) return rondo::print_error(keyboard.error());
    keyboard_ = std::move(*keyboard);
    // Ctrl-C sends what was typed before, and waits for the server to close.
    const rondo::StopOnSignals stop{reactor, [this] {
                                      keyboard_.reset();
                                      server_->stream().close();
                                    }};
    if (const auto ran = reactor.run(); !ran) return rondo::print_error(ran.error());
    return exit_code_;
  }

 private:
  void end(const rondo::Close& why) {
    keyboard_.reset();
    if (why.reason == rondo::CloseReason::eof || why.reason == rondo::CloseReason::closed) return;
    std::fprintf(stderr, "%s\n", why.message().c_str());
    exit_code_ = EXIT_FAILURE;
  }

  Keyboard keys_{*this};
  Screen screen_{*this};
  std::unique_ptr<rondo::TextStream> server_;
  std::unique_ptr<rondo::Stream> keyboard_;
  int exit_code_ = EXIT_SUCCESS;
};

}  // namespace

int main(int argc, char** argv) {
  std::string backend;
  std::string target;
  bool is_secure = false;
  std::string roots_file;
  CLI::App app{"Talks text with a server.", "text_client"};
  app.add_option("--backend", backend, "the poller (default: $RONDO_BACKEND, or uv)");
  app.add_option("target", target, "where to: HOST:PORT, NAME:PORT or unix:PATH")->required();
  app.add_flag("--tls", is_secure, "speak TLS; the server's certificate must be for its name");
  app.add_option(
      "--tls-roots", roots_file,
      "speak TLS; the certificate must lead to one in this FILE, in place of the system's");
  CLI11_PARSE(app, argc, argv);
  secure::Layers layers;
  if (is_secure || !roots_file.empty()) {
    auto made = secure::client(roots_file);
    if (!made) return rondo::print_error(made.error());
    layers = std::move(*made);
  }
  auto reactor = rondo::Reactor::make({.backend = backend});
  if (!reactor) return rondo::print_error(reactor.error());
  return Conversation{}.run(**reactor, target, layers);
}
