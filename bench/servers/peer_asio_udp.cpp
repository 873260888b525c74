// SPDX-License-Identifier: MIT
// A UDP echo server on Asio, as its example of one: a datagram is received and its sender's address
// with it, and is sent back before the next is received. Asio has no call for several at once.
#include <array>
#include <system_error>

#include <asio.hpp>

#include "listener.h"

namespace {

using asio::ip::udp;

class Server {
 public:
  explicit Server(asio::io_context& loop) : socket_(loop) {}

  void start(int fd) {
    socket_.assign(udp::v4(), fd);
    receive();
  }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(buffer_), sender_,
                               [this](std::error_code error, std::size_t size) {
                                 if (error) return receive();
                                 reply(size);
                               });
  }

  void reply(std::size_t size) {
    socket_.async_send_to(asio::buffer(buffer_.data(), size), sender_,
                          [this](std::error_code, std::size_t) { receive(); });
  }

  udp::socket socket_;
  udp::endpoint sender_;
  std::array<char, bench::echo_buffer_size> buffer_{};
};

}  // namespace

int main(int argc, char** argv) {
  asio::io_context loop{ASIO_CONCURRENCY_HINT_UNSAFE};
  Server server{loop};
  server.start(bench::open_datagram_socket(argc, argv));
  loop.run();
}
