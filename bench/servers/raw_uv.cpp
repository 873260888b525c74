// SPDX-License-Identifier: MIT
// The least that an echo server on libuv's uv_poll can do: one uv_poll_t for each client, one read
// and one write for each readiness. What rondo's uv backend is measured against.
#include <uv.h>

#include <cstdio>
#include <cstdlib>

#include "listener.h"

namespace {

char buffer[bench::echo_buffer_size];

struct Client {
  uv_poll_t poll;
};

void drop(Client* client) {
  const int fd = client->poll.io_watcher.fd;
  uv_close(reinterpret_cast<uv_handle_t*>(&client->poll),
           [](uv_handle_t* handle) { delete static_cast<Client*>(handle->data); });
  close(fd);
}

void on_readable(uv_poll_t* poll, int status, int) {
  auto* const client = static_cast<Client*>(poll->data);
  if (status < 0 || !bench::echo_once(poll->io_watcher.fd, buffer)) drop(client);
}

void on_connection(uv_poll_t* listener, int, int) {
  for (int fd = 0; (fd = bench::accept_client(listener->io_watcher.fd)) >= 0;) {
    auto* const client = new Client{};
    client->poll.data = client;
    if (uv_poll_init(listener->loop, &client->poll, fd) != 0) std::abort();
    uv_poll_start(&client->poll, UV_READABLE, on_readable);
  }
}

}  // namespace

int main(int argc, char** argv) {
  uv_loop_t* const loop = uv_default_loop();
  const int fd = bench::open_listener(argc, argv);
  uv_poll_t listener{};
  uv_poll_init(loop, &listener, fd);
  uv_poll_start(&listener, UV_READABLE, on_connection);
  return uv_run(loop, UV_RUN_DEFAULT);
}
