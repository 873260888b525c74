// SPDX-License-Identifier: MIT
// load: drives an echo server with many clients from one thread, on epoll, without rondo. The last
// line on standard output is a JSON object.
#include <arpa/inet.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "datagrams.h"
#include "exchange.h"
#include "options.h"
#include "pings.h"

namespace {

constexpr double second_ns = 1e9;
constexpr double ns_per_us = 1e3;
constexpr rlim_t descriptors_besides_clients = 16;

std::optional<sockaddr_in> address_of(std::string_view endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string host{endpoint.substr(0, colon)};
  const std::string_view port = endpoint.substr(colon + 1);
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size()) return std::nullopt;
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return std::nullopt;
  address.sin_port = htons(number);
  return address;
}

// How many of the wanted clients the hard limit of descriptors allows.
std::size_t clients_that_fit(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t needed = wanted + descriptors_besides_clients;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return wanted;
  const std::size_t fitting = limit.rlim_cur > descriptors_besides_clients
                                  ? limit.rlim_cur - descriptors_besides_clients
                                  : 1;
  std::fprintf(stderr, "load: %zu clients instead of %zu: the hard limit is %llu descriptors\n",
               fitting, wanted, static_cast<unsigned long long>(limit.rlim_max));
  return fitting;
}

void print(const load::Measurement& measured, std::size_t clients, std::size_t lost,
           std::size_t size) {
  const double seconds = static_cast<double>(measured.duration_ns) / second_ns;
  const auto messages = static_cast<double>(measured.messages);
  const auto quantile_us = [&measured](double part) {
    return static_cast<double>(measured.latency_ns.quantile(part)) / ns_per_us;
  };
  std::printf("{\"clients\": %zu, \"lost\": %zu, \"size\": %zu, \"messages\": %llu, ", clients,
              lost, size, static_cast<unsigned long long>(measured.messages));
  std::printf("\"seconds\": %.4f, \"messages_per_second\": %.0f, ", seconds,
              seconds > 0 ? messages / seconds : 0);
  std::printf("\"server_cpu_ns_per_message\": %.1f, ",
              messages > 0 ? static_cast<double>(measured.server_cpu_ns) / messages : 0);
  std::printf("\"resumed\": %.4f, ",
              messages > 0 ? static_cast<double>(measured.resumed) / messages : 0);
  std::printf("\"streamed_bytes_per_second\": %.0f, ",
              seconds > 0 ? static_cast<double>(measured.streamed_bytes) / seconds : 0);
  std::printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"p99.9_us\": %.1f}\n", quantile_us(0.5),
              quantile_us(0.99), quantile_us(0.999));
  std::fflush(stdout);
}

std::uint64_t nanoseconds(double seconds) {
  return static_cast<std::uint64_t>(seconds * second_ns);
}

std::unique_ptr<load::Load> make_load(const load::Options& options, const load::Target& server,
                                      load::Progress& progress) {
  const auto [size, pid] = std::pair{options.size, options.server_pid};
  switch (options.kind) {
    case load::Kind::churn:
      return std::make_unique<load::Churn>(server, size, pid, progress, options.rate);
    case load::Kind::pings:
      return std::make_unique<load::Pings>(server, size, pid, progress, options.firehose);
    case load::Kind::datagrams:
      return std::make_unique<load::Datagrams>(server.address, size, pid, progress);
    case load::Kind::exchange:
      break;
  }
  return std::make_unique<load::Exchange>(server, size, pid, progress);
}

// Each line of standard input is a number of seconds to measure.
void measure_on_request(load::Load& clients, std::size_t connected, const load::Options& options) {
  std::printf("{\"connected\": %zu}\n", connected);
  std::fflush(stdout);
  for (double seconds = 0; std::cin >> seconds;)
    print(clients.measure(nanoseconds(options.warm_up_seconds), nanoseconds(seconds)),
          connected - clients.lost(), clients.lost(), options.size);
}

}  // namespace

int main(int argc, char** argv) {
  load::Options options;
  if (const auto exit_code = load::parse_options(argc, argv, options)) return *exit_code;
  const auto server = address_of(options.connect);
  if (!server) {
    std::fprintf(stderr, "load: not IPV4:PORT: %s\n", options.connect.c_str());
    return EXIT_FAILURE;
  }
  const std::size_t wanted = clients_that_fit(options.clients);
  load::Progress progress{options.progress};
  std::optional<load::Security> security;
  if (options.tls) security.emplace(options.resumes, options.group.c_str());
  const load::Target target{*server, security ? &*security : nullptr};
  const auto made = make_load(options, target, progress);
  load::Load& clients = *made;
  const std::size_t connected = clients.connect(wanted);
  if (clients.exhaustion() != 0)
    std::fprintf(stderr, "load: %zu clients instead of %zu: %s\n", connected, wanted,
                 std::strerror(clients.exhaustion()));

  if (options.idle) {
    measure_on_request(clients, connected, options);
  } else if (options.messages > 0) {
    print(clients.exchange(options.messages), connected, clients.lost(), options.size);
  } else {
    print(clients.measure(nanoseconds(options.warm_up_seconds), nanoseconds(options.seconds)),
          connected, clients.lost(), options.size);
  }
  return clients.lost() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
