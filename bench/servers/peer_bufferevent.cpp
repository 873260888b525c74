// SPDX-License-Identifier: MIT
// An echo server on libevent's bufferevents, as in its manual: the input buffer moves to the output
// buffer, without a copy. Above a high mark nothing is read until all has been sent.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "listener.h"

namespace {

constexpr std::size_t output_max = bench::echo_buffer_size;

void on_data(bufferevent* client, void*) {
  evbuffer* const output = bufferevent_get_output(client);
  evbuffer_add_buffer(output, bufferevent_get_input(client));
  if (evbuffer_get_length(output) > output_max) bufferevent_disable(client, EV_READ);
}

void on_sent(bufferevent* client, void*) {
  if ((bufferevent_get_enabled(client) & EV_READ) == 0) bufferevent_enable(client, EV_READ);
}

void on_event(bufferevent* client, short events, void*) {
  if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) bufferevent_free(client);
}

void on_connection(evconnlistener* listener, evutil_socket_t fd, sockaddr*, int, void*) {
  event_base* const base = evconnlistener_get_base(listener);
  bufferevent* const client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(client, on_data, on_sent, on_event, nullptr);
  bufferevent_enable(client, EV_READ | EV_WRITE);
}

}  // namespace

int main(int argc, char** argv) {
  event_base* const base = event_base_new();
  const int fd = bench::open_listener(argc, argv);
  constexpr unsigned flags = LEV_OPT_CLOSE_ON_EXEC;
  if (evconnlistener_new(base, on_connection, nullptr, flags, 0, fd) == nullptr) return 1;
  return event_base_dispatch(base);
}
