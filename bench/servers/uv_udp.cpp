// SPDX-License-Identifier: MIT
// The least that a UDP echo server on libuv can do: it receives several datagrams in a call
// (recvmmsg) and sends one in a call, because libuv has nothing else.
#include <uv.h>

#include <cstddef>
#include <cstdlib>

#include "listener.h"

namespace {

// libuv cuts a buffer into pieces of 64 KiB, and receives into 20 of them at most.
constexpr std::size_t buffer_size = std::size_t{20} * 64 * 1024;
char buffer[buffer_size];

void lend_buffer(uv_handle_t*, std::size_t, uv_buf_t* lent) {
  *lent = uv_buf_init(buffer, static_cast<unsigned>(buffer_size));
}

void on_datagram(uv_udp_t* socket, ssize_t size, const uv_buf_t* data, const sockaddr* sender,
                 unsigned) {
  if (size < 0 || sender == nullptr) return;  // nothing more for now
  const uv_buf_t answer = uv_buf_init(data->base, static_cast<unsigned>(size));
  uv_udp_try_send(socket, &answer, 1, sender);
}

}  // namespace

int main(int argc, char** argv) {
  uv_loop_t* const loop = uv_default_loop();
  const int fd = bench::open_datagram_socket(argc, argv);
  uv_udp_t socket{};
  if (uv_udp_init_ex(loop, &socket, UV_UDP_RECVMMSG) != 0) std::abort();
  if (uv_udp_open(&socket, fd) != 0) std::abort();
  if (uv_udp_recv_start(&socket, lend_buffer, on_datagram) != 0) std::abort();
  return uv_run(loop, UV_RUN_DEFAULT);
}
