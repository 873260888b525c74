// SPDX-License-Identifier: MIT
// The client of that server, as a coroutine: starttls_client ROOTS HOST:PORT LINE... It says no
// LINE before the server has shown a certificate for HOST that leads to one of the ROOTS.
#include <cstdio>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <rondo/coroutine.h>
#include <rondo/tls.h>

namespace {

/// Prints the server's answer, which must begin with `code`.
rondo::Task<> expect(rondo::TextConnection& server, std::string_view code) {
  const auto line = co_await server.read_line();
  if (!line) throw std::runtime_error("the server has left");
  const std::string answer{line.text};
  if (!answer.starts_with(code)) throw std::runtime_error("the server says: " + answer);
  std::printf("%s\n", answer.c_str());
}

rondo::Task<> talk(std::string_view target, rondo::tls::Client& trust, std::span<char*> lines) {
  const auto connection = co_await rondo::open_connection(target);
  rondo::TextOptions options;
  options.newlines = rondo::Newlines::crlf;
  options.ending = rondo::LineEnding::crlf;
  rondo::TextConnection server{*connection, options};
  co_await expect(server, "220");
  server.write_line("STARTTLS");
  co_await expect(server, "220");
  server.upgrade(trust, target.substr(0, target.rfind(':'))).value_or_throw();
  for (const char* line : lines) {
    server.write_line(line);
    co_await expect(server, "250");
  }
  server.write_line("QUIT");
  co_await expect(server, "221");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: starttls_client ROOTS HOST:PORT LINE...\n");
    return EXIT_FAILURE;
  }
  auto roots = rondo::tls::Roots::load(argv[1]);
  if (!roots) return rondo::print_error(roots.error());
  rondo::tls::ClientOptions options;
  options.roots = *roots;
  rondo::tls::Client trust{options};
  return rondo::run([&](rondo::Reactor&) {
    return talk(argv[2], trust, std::span{argv, static_cast<std::size_t>(argc)}.subspan(3));
  });
}
