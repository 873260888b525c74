#include "options.h"

#include <CLI/CLI.hpp>

namespace load {
namespace {

constexpr std::size_t size_max = std::size_t{1} << 20;
constexpr std::size_t clients_max = 1'000'000;
constexpr double seconds_max = 3600;

constexpr const char* idle_help =
    "connect, report, then obey standard input: each line is a number of seconds to measure; its "
    "end is ours";

}  // namespace

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app{
      "Exchanges messages with an echo server, one in flight for each client, checks what comes "
      "back, and prints figures as JSON.",
      "load"};
  app.add_option("--connect", options.connect, "the server, IPV4:PORT")->required();
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
  app.add_option("--server-pid", options.server_pid, "count this process's CPU time");
  app.add_flag("--progress", options.progress, "report on standard error, terminal or not");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  return std::nullopt;
}

}  // namespace load
