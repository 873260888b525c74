// SPDX-License-Identifier: MIT
// An echo server on libuv's streams, uv_tcp_t. All connections read into one buffer and reply from
// it by uv_try_write, which needs no request. What the kernel does not take is copied, and nothing
// more is read until uv_write has sent it.
#include <uv.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "listener.h"

namespace {

char buffer[bench::echo_buffer_size];

struct Client {
  uv_tcp_t tcp;
  uv_write_t request;
  std::vector<char> rest;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp); }
};

void drop(Client* client) {
  auto* const handle = reinterpret_cast<uv_handle_t*>(&client->tcp);
  if (uv_is_closing(handle) != 0) return;
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<Client*>(closed->data); });
}

void lend_buffer(uv_handle_t*, std::size_t, uv_buf_t* lent) {
  *lent = uv_buf_init(buffer, sizeof buffer);
}

void on_data(uv_stream_t* stream, ssize_t size, const uv_buf_t* data);

void on_rest_sent(uv_write_t* request, int status) {
  auto* const client = static_cast<Client*>(request->handle->data);
  if (status < 0 || uv_read_start(client->stream(), lend_buffer, on_data) != 0) drop(client);
}

void send_rest(Client* client, const char* data, std::size_t size) {
  client->rest.assign(data, data + size);
  const uv_buf_t rest = uv_buf_init(client->rest.data(), static_cast<unsigned>(size));
  uv_read_stop(client->stream());
  if (uv_write(&client->request, client->stream(), &rest, 1, on_rest_sent) != 0) drop(client);
}

void on_data(uv_stream_t* stream, ssize_t size, const uv_buf_t* data) {
  auto* const client = static_cast<Client*>(stream->data);
  if (size < 0) return drop(client);
  if (size == 0) return;  // nothing for now
  const uv_buf_t reply = uv_buf_init(data->base, static_cast<unsigned>(size));
  const int tried = uv_try_write(stream, &reply, 1);
  if (tried < 0 && tried != UV_EAGAIN) return drop(client);
  const ssize_t sent = tried < 0 ? 0 : tried;
  if (sent < size) send_rest(client, data->base + sent, static_cast<std::size_t>(size - sent));
}

void on_connection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  auto* const client = new Client{};
  uv_tcp_init(listener->loop, &client->tcp);
  client->tcp.data = client;
  if (uv_accept(listener, client->stream()) != 0 ||
      uv_read_start(client->stream(), lend_buffer, on_data) != 0)
    drop(client);
}

}  // namespace

int main(int argc, char** argv) {
  uv_loop_t* const loop = uv_default_loop();
  uv_tcp_t listener{};
  uv_tcp_init(loop, &listener);
  if (uv_tcp_open(&listener, bench::open_listener(argc, argv)) != 0) std::abort();
  auto* const stream = reinterpret_cast<uv_stream_t*>(&listener);
  if (uv_listen(stream, bench::backlog, on_connection) != 0) std::abort();
  return uv_run(loop, UV_RUN_DEFAULT);
}
