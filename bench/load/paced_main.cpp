// SPDX-License-Identifier: MIT
// paced: asks a server of HTTP, of Redis' protocol or of memcached's for one thing, over and over,
// at a fixed rate that does not depend on the answers. It prints one JSON object.
#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

#include <CLI/CLI.hpp>

#include "paced.h"
#include "system.h"

namespace {

constexpr double second_ns = 1e9;
constexpr double ns_per_us = 1e3;
constexpr double ns_per_ms = 1e6;
constexpr std::size_t clients_max = 10'000;
constexpr double rate_max = 1'000'000;
constexpr double seconds_max = 3600;

const std::map<std::string, paced::Protocol> protocols = {
    {"http", paced::Protocol::http},
    {"resp", paced::Protocol::resp},
    {"memcached", paced::Protocol::memcached}};

sockaddr_in address_of(std::string_view endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) load::die("--connect is not IPV4:PORT");
  const std::string host{endpoint.substr(0, colon)};
  const std::string_view port = endpoint.substr(colon + 1);
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size() ||
      inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    load::die("--connect is not IPV4:PORT");
  address.sin_port = htons(number);
  return address;
}

void print(const paced::Result& result) {
  constexpr std::array percentiles = {50.0, 90.0, 99.0, 99.9, 99.99, 100.0};
  std::printf("{\"requests\": %llu, \"failed\": %llu, \"seconds\": %.4f, ",
              static_cast<unsigned long long>(result.requests),
              static_cast<unsigned long long>(result.failed),
              static_cast<double>(result.duration_ns) / second_ns);
  constexpr double rare = 0.999;
  std::printf("\"longest_gap_ms\": %.3f, \"late_us\": %.1f, \"latency_us\": {",
              static_cast<double>(result.longest_gap_ns) / ns_per_ms,
              static_cast<double>(result.lateness_ns.quantile(rare)) / ns_per_us);
  const char* separator = "";
  for (const double each : percentiles) {
    constexpr double whole = 100;
    std::printf("%s\"%g\": %.1f", separator, each,
                static_cast<double>(result.latency_ns.quantile(each / whole)) / ns_per_us);
    separator = ", ";
  }
  std::puts("}}");
}

}  // namespace

int main(int argc, char** argv) {
  paced::Options options;
  CLI::App app{"Sends a request over and over, at a fixed rate, and prints latencies as JSON.",
               "paced"};
  app.add_option("--connect", options.connect, "the server, IPV4:PORT")->required();
  app.add_option("--protocol", options.protocol, "http, resp or memcached")
      ->transform(CLI::CheckedTransformer(protocols))
      ->required();
  app.add_option("--request", options.request, "the bytes to send")->required();
  app.add_option("--clients", options.clients, "connections")
      ->check(CLI::Range(std::size_t{1}, clients_max));
  app.add_option("--rate", options.rate, "requests a second; without it, as many as are answered")
      ->check(CLI::Range(1.0, rate_max));
  auto* const seconds =
      app.add_option("--seconds", options.seconds, "how long")->check(CLI::Range(0.0, seconds_max));
  app.add_option("--requests", options.requests, "how many, instead")->excludes(seconds);
  app.add_flag("--survive", options.survives, "count failed requests, and connect again");
  CLI11_PARSE(app, argc, argv);
  print(paced::Clients{options, address_of(options.connect)}.run());
  return EXIT_SUCCESS;
}
