// SPDX-License-Identifier: MIT
// An echo server on Asio with C++20 coroutines, as its example of one: a coroutine for each client,
// with a buffer of its own. Errors are results, because an exception for each client that leaves
// would be dear. There is one thread, so Asio is told to do without locks.
#include <system_error>
#include <utility>
#include <vector>

#define ASIO_HAS_CO_AWAIT 1  // Asio 1.22 does not find out that clang has it
#include <asio.hpp>
#include <asio/experimental/as_tuple.hpp>

#include "listener.h"

namespace {

using asio::ip::tcp;
constexpr asio::experimental::as_tuple_t<asio::use_awaitable_t<>> results;

asio::awaitable<void> echo(tcp::socket client, std::size_t buffer_size) {
  std::vector<char> buffer(buffer_size);
  for (;;) {
    const auto [failed, size] = co_await client.async_read_some(asio::buffer(buffer), results);
    if (failed) co_return;
    const auto reply = asio::buffer(buffer.data(), size);
    const auto [broken, sent] = co_await asio::async_write(client, reply, results);
    if (broken) co_return;
  }
}

asio::awaitable<void> serve(tcp::acceptor& listener, std::size_t buffer_size) {
  for (;;) {
    auto [failed, client] = co_await listener.async_accept(results);
    if (failed) continue;
    asio::co_spawn(listener.get_executor(), echo(std::move(client), buffer_size), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::prepare(argc, argv);
  asio::io_context loop{ASIO_CONCURRENCY_HINT_UNSAFE};
  tcp::acceptor listener{loop};
  listener.assign(tcp::v4(), bench::open_listener(options));
  asio::co_spawn(loop, serve(listener, options.buffer_size), asio::detached);
  loop.run();
}
