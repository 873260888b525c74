// Awaits something again and again, within one resumption.
// bench/costs counts its instructions. Usage: tasks ready|empty|result|loop COUNT
//
//   ready   an Event that is set
//   empty   a task that does nothing
//   result  a task that returns a number, which is added up
//   loop    nothing, so that the cost of the loop can be subtracted
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
  for (std::uint64_t i = 0; i < count; ++i) co_await event.wait();
}

rondo::Task<> await_empty(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await empty();
}

rondo::Task<> await_result(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += co_await result(i);
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}

rondo::Task<> loop(std::uint64_t count) {
  volatile std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < count; ++i) last = i;
  co_return static_cast<void>(last);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 3 ? argv[1] : "";
  auto* const task = what == "ready"    ? await_ready
                     : what == "empty"  ? await_empty
                     : what == "result" ? await_result
                     : what == "loop"   ? loop
                                        : nullptr;
  if (task == nullptr) {
    std::fprintf(stderr, "usage: tasks ready|empty|result|loop COUNT\n");
    return EXIT_FAILURE;
  }
  rondo::Reactor reactor;
  rondo::TaskGroup group{reactor};
  group.spawn(task(std::strtoull(argv[2], nullptr, 10)));
  return reactor.run() ? EXIT_SUCCESS : EXIT_FAILURE;
}
