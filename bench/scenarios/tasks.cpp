// SPDX-License-Identifier: MIT
// Awaits something again and again, within one resumption.
// bench/costs counts its instructions. Usage: tasks ready|empty|result COUNT
//
//   ready   an Event that is set
//   empty   a task that does nothing
//   result  a task that returns a number, which is added up
//
// Four stand in a row, so that the loop around them counts for little. COUNT is a multiple of four.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <rondo/reactor.h>
#include <rondo/sync.h>
#include <rondo/task_group.h>

namespace {

rondo::Task<> empty() { co_return; }

rondo::Task<std::uint64_t> result(std::uint64_t number) { co_return number; }

rondo::Task<> await_ready(std::uint64_t count) {
  rondo::Event event;
  event.set();
  for (std::uint64_t i = 0; i < count; i += 4) {
    co_await event.wait();
    co_await event.wait();
    co_await event.wait();
    co_await event.wait();
  }
}

rondo::Task<> await_empty(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; i += 4) {
    co_await empty();
    co_await empty();
    co_await empty();
    co_await empty();
  }
}

rondo::Task<> await_result(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; i += 4) {
    sum += co_await result(i);
    sum += co_await result(i);
    sum += co_await result(i);
    sum += co_await result(i);
  }
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 3 ? argv[1] : "";
  auto* const task = what == "ready"    ? await_ready
                     : what == "empty"  ? await_empty
                     : what == "result" ? await_result
                                        : nullptr;
  if (task == nullptr) {
    std::fprintf(stderr, "usage: tasks ready|empty|result COUNT\n");
    return EXIT_FAILURE;
  }
  rondo::Reactor reactor;
  rondo::TaskGroup group{reactor};
  group.spawn(task(std::strtoull(argv[2], nullptr, 10)));
  return reactor.run() ? EXIT_SUCCESS : EXIT_FAILURE;
}
