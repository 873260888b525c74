// SPDX-License-Identifier: MIT
// The least that an echo server on libev can do: one ev_io for each client.
#include <ev.h>

#include "listener.h"

namespace {

char buffer[bench::echo_buffer_size];

struct Client {
  ev_io readable;
};

void on_readable(struct ev_loop* loop, ev_io* readable, int) {
  const int fd = readable->fd;
  if (bench::echo_once(fd, buffer)) return;
  ev_io_stop(loop, readable);
  delete static_cast<Client*>(readable->data);
  close(fd);
}

void on_connection(struct ev_loop* loop, ev_io* listener, int) {
  for (int fd = 0; (fd = bench::accept_client(listener->fd)) >= 0;) {
    auto* const client = new Client{};
    ev_io_init(&client->readable, on_readable, fd, EV_READ);
    client->readable.data = client;
    ev_io_start(loop, &client->readable);
  }
}

}  // namespace

int main(int argc, char** argv) {
  struct ev_loop* const loop = ev_default_loop(0);
  const int fd = bench::open_listener(argc, argv);
  ev_io listener;
  ev_io_init(&listener, on_connection, fd, EV_READ);
  ev_io_start(loop, &listener);
  return ev_run(loop, 0);
}
