// SPDX-License-Identifier: MIT
// The least that an echo server on libevent can do: one bare struct event for each client.
#include <event2/event.h>
#include <event2/event_struct.h>

#include "listener.h"

namespace {

char buffer[bench::echo_buffer_size];
event_base* base = nullptr;

struct Client {
  event readable;
};

void on_readable(evutil_socket_t fd, short, void* argument) {
  if (bench::echo_once(fd, buffer)) return;
  auto* const client = static_cast<Client*>(argument);
  event_del(&client->readable);
  delete client;
  close(fd);
}

void on_connection(evutil_socket_t listener, short, void*) {
  for (int fd = 0; (fd = bench::accept_client(listener)) >= 0;) {
    auto* const client = new Client{};
    event_assign(&client->readable, base, fd, EV_READ | EV_PERSIST, on_readable, client);
    event_add(&client->readable, nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  base = event_base_new();
  const int fd = bench::open_listener(argc, argv);
  event* const listener = event_new(base, fd, EV_READ | EV_PERSIST, on_connection, nullptr);
  event_add(listener, nullptr);
  return event_base_dispatch(base);
}
