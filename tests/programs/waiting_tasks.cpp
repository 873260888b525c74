// SPDX-License-Identifier: MIT
// Tasks that wait for different things, on two reactors, for the test of tools/gdb/rondo_tasks.py.
// It prints what describe_tasks() says of them, where that test stops it: in a turn, and then
// outside of one.
#include <rondo/coroutine.h>

#include <cstdio>
#include <future>
#include <string>
#include <string_view>
#include <thread>

#include "coroutine/task_context.h"
#include "stream/stream_impl.h"

// The library of the tests has debug information for lines only. The types that the script reads
// are described here, with -g2.
namespace rondo::detail {
[[gnu::used]] constinit CoroutineContext* described_context = nullptr;
[[gnu::used]] constinit StreamContext* described_streams = nullptr;
[[gnu::used]] constinit StreamImpl* described_stream = nullptr;
}  // namespace rondo::detail

namespace {

using namespace std::chrono_literals;

/// The test sets a breakpoint here.
[[gnu::noinline]] void stop_here(const std::string& report) {
  std::fputs(report.c_str(), stdout);
  std::fputs("end of the report\n", stdout);
  std::fflush(stdout);
}

rondo::Task<std::string> text_of(rondo::Event& event) {
  co_await event.wait();
  co_return "text";
}
rondo::Task<> nested(rondo::Event& event) { (void)co_await text_of(event); }
rondo::Task<> several(rondo::Queue<int>& queue, rondo::Event& event) {
  co_await rondo::when_all(queue.pop(), rondo::timeout(1h, text_of(event)), rondo::sleep(2h));
}
rondo::Task<> reads(rondo::Connection& client) { (void)co_await client.read(); }
rondo::Task<> read_by_another(rondo::Connection& client) { co_await reads(client); }
rondo::Task<> read_with_another(rondo::Connection& client) {
  co_await rondo::when_any(reads(client), client.closed());  // that is kept elsewhere
}
rondo::Task<> talks(std::string where) {
  const auto server = co_await rondo::open_connection(where);
  const auto read = [](rondo::Connection& peer) -> rondo::Task<> {
    (void)co_await peer.read_exactly(10);
  };
  co_await read(*server);
}

/// Both servers and both clients.
bool all_wait(std::string_view report) {
  int count = 0;
  for (const std::string_view what : {"\nConnection::read", "\nConnection: input"})
    for (std::size_t at = 0; (at = report.find(what, at)) != std::string_view::npos; ++at) ++count;
  return count == 4;
}

/// Another reactor, on another thread.
class Other {
 public:
  Other() { started_.get_future().get(); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() {
    reactor_.post([this] { reactor_.stop(); });
    thread_.join();
  }

 private:
  void run() {
    rondo::Event event;
    rondo::TaskGroup group{reactor_};
    group.spawn(nested(event));
    (void)reactor_.run_for(1ms);  // the test sees whether the task waits
    started_.set_value();
    const auto guard = reactor_.work_guard();
    (void)reactor_.run();  // until stop()
  }

  rondo::Reactor reactor_;
  std::promise<void> started_;
  std::thread thread_{[this] { run(); }};
};

}  // namespace

int main() {
  const Other other;
  rondo::Reactor reactor;
  rondo::Event event;
  rondo::Queue<int> queue{1};
  auto server = rondo::serve(reactor, "127.0.0.1:0", read_by_another);
  if (!server) return rondo::print_error(server.error());
  auto another = rondo::serve(reactor, "127.0.0.1:0", read_with_another);
  if (!another) return rondo::print_error(another.error());
  rondo::TaskGroup group{reactor};
  group.spawn(nested(event));
  group.spawn(several(queue, event));
  group.spawn(talks(server->local_endpoint().to_string()));
  group.spawn(talks(another->local_endpoint().to_string()));
  do {
    if (!reactor.run_for(300ms)) return 1;
  } while (!all_wait(rondo::describe_tasks(reactor)));
  reactor.defer([&] { stop_here(rondo::describe_tasks(reactor)); });
  if (!reactor.run_for(10ms)) return 1;
  stop_here(rondo::describe_tasks(reactor));
}
