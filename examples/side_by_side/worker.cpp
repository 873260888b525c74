// SPDX-License-Identifier: MIT
// Counts the primes below LIMIT on another thread, while the loop ticks: worker LIMIT
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <variant>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

int count_primes(int limit, const std::atomic<bool>& is_stopped) {
  int count = 0;
  for (int number = 2; number < limit && !is_stopped; ++number) {
    bool is_prime = true;
    for (int i = 2; is_prime && i * i <= number; ++i) is_prime = number % i != 0;
    count += is_prime ? 1 : 0;
  }
  return count;
}

rondo::Task<> tick() {
  while (true) {
    co_await rondo::sleep(50ms);
    std::cout << "tick" << std::endl;
  }
}

rondo::Task<int> program(int limit, std::atomic<bool>& is_stopped) {
  const auto ended = co_await rondo::when_any(
      rondo::off_thread(count_primes, limit, std::cref(is_stopped)), tick(), rondo::stopping());
  is_stopped = true;
  if (ended.index() != 0) co_return 130;
  std::cout << std::get<0>(ended) << " primes below " << limit << '\n';
  co_return 0;
}

int main(int argc, char** argv) {
  const int limit = argc > 1 ? std::atoi(argv[1]) : 0;
  if (limit < 1) {
    std::cerr << "usage: worker LIMIT\n";
    return 1;
  }
  std::atomic<bool> is_stopped = false;  // outlives the thread
  return rondo::run([&](rondo::Reactor&) { return program(limit, is_stopped); });
}
