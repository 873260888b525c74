// SPDX-License-Identifier: MIT
// Tells which of 200 ports of a host are open: port_scan HOST FIRST
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

constexpr int port_count = 200;
constexpr std::size_t attempts_max = 50;  // at a time

rondo::Task<> attempt(rondo::Endpoint target, rondo::Semaphore& places, std::vector<int>& open) {
  const auto place = co_await places.acquire();
  const std::string text = target.to_string();
  try {
    if (co_await rondo::timeout(1s, rondo::open_connection(text))) open.push_back(target.port());
  } catch (const rondo::Disconnected&) {
    co_return;  // it is closed
  }
}

rondo::Task<> scan(rondo::Reactor& reactor, std::string host, int first) {
  const auto addresses = co_await rondo::resolve(host);
  rondo::Semaphore places{attempts_max};
  std::vector<int> open;
  rondo::TaskGroup group{reactor};
  for (int port = first; port < first + port_count; ++port)
    group.spawn(attempt(addresses[0].with_port(static_cast<std::uint16_t>(port)), places, open));
  co_await group.join();
  std::ranges::sort(open);
  for (const int port : open) std::cout << "port " << port << " is open\n";
  std::cout << open.size() << " of " << port_count << " ports are open\n";
}

int main(int argc, char** argv) {
  const int first = argc > 2 ? std::atoi(argv[2]) : 0;
  if (first < 1 || first + port_count > 65536) {
    std::cerr << "usage: port_scan HOST FIRST\n";
    return 1;
  }
  return rondo::run([&](rondo::Reactor& reactor) { return scan(reactor, argv[1], first); });
}
