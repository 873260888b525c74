// SPDX-License-Identifier: MIT
// https_server CERTIFICATE KEY: as little HTTP over TLS as programs of others need. Each
// request gets the same answer; after one with `Connection: close` the connection ends. At its own
// end it prints what it has counted.
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include <rondo/rondo.h>
#include <rondo/tls.h>

namespace {

constexpr std::size_t head_max = std::size_t{16} << 10U;

class Hello final : public rondo::Session {
 public:
  explicit Hello(std::uint64_t& answers) : answers_(answers) {}

  void on_data(rondo::Stream& client, rondo::Bytes data) override {
    input_ += rondo::as_text(data);
    for (std::size_t end = 0; (end = input_.find("\r\n\r\n")) != std::string::npos;) {
      const bool is_last = input_.substr(0, end).find("Connection: close") != std::string::npos;
      input_.erase(0, end + 4);
      ++answers_;
      client.write(is_last ? "HTTP/1.1 200 OK\r\nConnection: close\r\n" : "HTTP/1.1 200 OK\r\n");
      client.write("Content-Length: 6\r\n\r\nhello\n");
      if (is_last) return client.close();
    }
    if (input_.size() > head_max) client.abort();
  }

 private:
  std::uint64_t& answers_;
  std::string input_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto identity = rondo::tls::Identity::load(argv[1], argv[2]);
  if (!identity) return rondo::print_error(identity.error());
  rondo::Reactor reactor;
  rondo::tls::Server secure{*identity};
  std::uint64_t answers = 0;
  auto server = rondo::serve<Hello>(reactor, "127.0.0.1:0", {.secure = &secure}, answers);
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  if (!reactor.run()) return 1;
  const auto [handshakes, resumed, failed] = secure.counters();
  std::printf("%llu handshakes, %llu resumed, %llu failed, %llu answers\n",
              static_cast<unsigned long long>(handshakes), static_cast<unsigned long long>(resumed),
              static_cast<unsigned long long>(failed), static_cast<unsigned long long>(answers));
  return 0;
}
