// SPDX-License-Identifier: MIT
#include "options.h"

#include <map>

#include <CLI/CLI.hpp>

namespace load {
namespace {

constexpr std::size_t size_max = std::size_t{1} << 20;
constexpr std::size_t clients_max = 1'000'000;
constexpr double seconds_max = 3600;
constexpr double rate_max = 100'000;
constexpr std::size_t datagram_size_max = 1400;  // fits a frame

constexpr const char* idle_help =
    "connect, report, then read standard input: each line is a number of seconds to measure; at "
    "its "
    "end the program ends";
constexpr const char* kind_help =
    "exchange: a message in flight for each client; churn: each connects, exchanges one and "
    "leaves, so many at once; pings: each sends one every 100 ms; datagrams: over UDP, so many in "
    "flight";

const std::map<std::string, Kind> kinds = {{"exchange", Kind::exchange},
                                           {"churn", Kind::churn},
                                           {"pings", Kind::pings},
                                           {"datagrams", Kind::datagrams}};

/// Throws if an option does nothing for the kind of load.
void check(const Options& options) {
  if (options.kind == Kind::datagrams && options.size > datagram_size_max)
    throw CLI::ValidationError("--size", "a datagram has at most 1400 bytes");
  if (options.kind == Kind::datagrams && options.tls)
    throw CLI::ValidationError("--tls", "it is over TCP");
  if (options.kind != Kind::churn && options.rate > 0)
    throw CLI::ValidationError("--rate", "it is of a churn");
  if (options.kind != Kind::pings && options.firehose)
    throw CLI::ValidationError("--firehose", "it is of pings");
  if (options.firehose && options.tls) throw CLI::ValidationError("--firehose", "it has no TLS");
}

}  // namespace

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app{
      "Exchanges messages with an echo server, checks what comes back, and prints figures as JSON.",
      "load"};
  app.add_option("--connect", options.connect, "the server, IPV4:PORT")->required();
  app.add_option("--load", options.kind, kind_help)
      ->transform(CLI::CheckedTransformer(kinds))
      ->option_text("KIND");
  app.add_flag("--firehose", options.firehose,
               "of pings: beside them, one client streams as much as the server takes");
  app.add_option("--clients", options.clients, "connections")
      ->check(CLI::Range(std::size_t{1}, clients_max))
      ->capture_default_str();
  app.add_option("--size", options.size, "bytes of a message")
      ->check(CLI::Range(std::size_t{1}, size_max))
      ->capture_default_str();
  auto* const seconds = app.add_option("--seconds", options.seconds, "how long to measure")
                            ->check(CLI::Range(0.0, seconds_max))
                            ->capture_default_str();
  app.add_option("--messages", options.messages, "how many to exchange, instead of --seconds")
      ->excludes(seconds);
  app.add_option("--warm-up", options.warm_up_seconds, "seconds before the measuring begins")
      ->check(CLI::Range(0.0, seconds_max))
      ->capture_default_str();
  app.add_flag("--idle", options.idle, idle_help);
  auto* const tls = app.add_flag("--tls", options.tls, "TLS 1.3, AES-128-GCM; over TCP");
  app.add_option("--group", options.group, "of the key exchange")
      ->needs(tls)
      ->capture_default_str();
  app.add_flag("--resume", options.resumes, "resume sessions")->needs(tls);
  app.add_option("--rate", options.rate,
                 "of a churn: begin so many connections a second, as far as --clients allows")
      ->check(CLI::Range(0.0, rate_max));
  app.add_option("--server-pid", options.server_pid, "count this process's CPU time");
  app.add_flag("--progress", options.progress, "report on standard error, terminal or not");
  try {
    app.parse(argc, argv);
    check(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

}  // namespace load
