// SPDX-License-Identifier: MIT
// Ticks ten times a second until Ctrl-C, and then says how often it has ticked.
#include <iostream>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

rondo::Task<> tick(rondo::TimePoint begin, int& ticks) {
  while (true) {
    co_await rondo::sleep_until(begin + (ticks + 1) * 100ms);
    std::cout << "tick " << ++ticks << std::endl;
  }
}

rondo::Task<> program(rondo::Reactor& reactor) {
  const auto begin = reactor.now();
  int ticks = 0;
  co_await rondo::when_any(tick(begin, ticks), rondo::stopping());
  std::cout << ticks << " ticks in " << (reactor.now() - begin) / 1ms << " ms\n";
}

int main() { return rondo::run(program); }
