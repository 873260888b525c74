// SPDX-License-Identifier: MIT
// Measures round trips to a UDP echo server: udp_ping HOST:PORT [COUNT]
#include <cstdio>
#include <cstdlib>
#include <string>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

rondo::Task<> answer(rondo::Datagrams& socket, const std::string& text) {
  while (const auto received = co_await socket.receive())
    if (received->text() == text) co_return;  // others are late answers
}

rondo::Task<int> ping(rondo::Reactor& reactor, std::string target, int count) {
  const auto addresses = co_await rondo::resolve(target);
  auto socket = rondo::Datagrams::connect(reactor, addresses.front());
  if (!socket) co_return rondo::print_error(socket.error());
  int answered = 0;
  for (int number = 1; number <= count; ++number) {
    const std::string text = std::to_string(number);
    const auto begin = rondo::Clock::now();
    socket->send(text);
    if (co_await rondo::timeout(1s, answer(*socket, text))) {
      const std::chrono::duration<double, std::milli> time = rondo::Clock::now() - begin;
      std::printf("%d: %.3f ms\n", number, time.count());
      ++answered;
    } else {
      std::printf("%d: lost\n", number);
    }
  }
  std::printf("%d of %d answered\n", answered, count);
  co_return answered == count ? 0 : 1;
}

int main(int argc, char** argv) {
  const int count = argc > 2 ? std::atoi(argv[2]) : 5;
  if (argc < 2 || count < 1) {
    std::fprintf(stderr, "usage: udp_ping HOST:PORT [COUNT]\n");
    return 1;
  }
  return rondo::run([&](rondo::Reactor& reactor) { return ping(reactor, argv[1], count); });
}
