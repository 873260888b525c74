// SPDX-License-Identifier: MIT
// A protocol of lines that begins without TLS, as those of mail do: starttls_server CHAIN KEY
// [HOST:PORT]. It answers nothing that matters before the client has said STARTTLS.
#include <cstdio>
#include <string>

#include <rondo/rondo.h>
#include <rondo/tls.h>

namespace {

class Session final : public rondo::LineSession {
 public:
  explicit Session(rondo::tls::Server& tls)
      : LineSession({.newlines = rondo::Newlines::crlf, .ending = rondo::LineEnding::crlf}),
        tls_(tls) {}

  void on_open(rondo::TextStream& client) override { client.write_line("220 ready"); }

  void on_line(rondo::TextStream& client, std::string_view line) override {
    const auto info = rondo::tls::info(client.stream());
    if (line == "QUIT") {
      client.write_line("221 bye");
      client.stream().close();
    } else if (info) {
      client.write_line("250 by " + info->version + " you say " + std::string{line});
    } else if (line == "STARTTLS") {
      client.write_line("220 go ahead");
      // What the client has sent behind its request, without TLS, ends the connection.
      if (!client.upgrade(tls_)) client.stream().abort();
    } else {
      client.write_line("530 STARTTLS first");
    }
  }

 private:
  rondo::tls::Server& tls_;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: starttls_server CHAIN KEY [HOST:PORT]\n");
    return EXIT_FAILURE;
  }
  const auto identity = rondo::tls::Identity::load(argv[1], argv[2]);
  if (!identity) return rondo::print_error(identity.error());
  rondo::tls::Server tls{*identity};
  rondo::Reactor reactor;
  auto server = rondo::serve<Session>(reactor, argc > 3 ? argv[3] : "127.0.0.1:8888", tls);
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
} catch (const std::exception& error) {
  return rondo::print_error(error);
}
