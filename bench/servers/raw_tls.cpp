// SPDX-License-Identifier: MIT
// The least that an echo server with TLS can do: raw_epoll.cpp with SSL_read and SSL_write, over
// the socket BIO of OpenSSL. rondo is compared with it.
// Usage: raw_tls CHAIN KEY [--listen HOST:PORT]
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>

#include "listener.h"

namespace {

constexpr int events_per_wait_max = 1024;
char buffer[bench::echo_buffer_size];
epoll_event events[events_per_wait_max];

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  ERR_print_errors_fp(stderr);
  std::exit(EXIT_FAILURE);
}

SSL_CTX* make_context(const char* chain, const char* key) {
  SSL_CTX* const made = SSL_CTX_new(TLS_server_method());
  if (made == nullptr || SSL_CTX_use_certificate_chain_file(made, chain) != 1 ||
      SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1)
    die("the certificate and its key");
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(made, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made, 1);
  return made;
}

void watch(int poller, int fd, SSL* client) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = client;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

void accept_all(int poller, int listener, SSL_CTX* context) {
  const int on = 1;
  for (int fd = 0; (fd = bench::accept_client(listener)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL* const client = SSL_new(context);
    if (client == nullptr || SSL_set_fd(client, fd) != 1) die("SSL_new");
    SSL_set_accept_state(client);
    watch(poller, fd, client);
  }
}

// Waits while the client takes no more, since there is no backlog.
bool write_all(SSL* client, const char* data, int size) {
  while (size > 0) {
    const int sent = SSL_write(client, data, size);
    if (sent <= 0) {
      if (SSL_get_error(client, sent) != SSL_ERROR_WANT_WRITE) return false;
      pollfd waits{.fd = SSL_get_fd(client), .events = POLLOUT, .revents = 0};
      poll(&waits, 1, -1);
      continue;
    }
    data += sent;
    size -= sent;
  }
  return true;
}

// False: the client is to be closed.
bool echo_once(SSL* client) {
  if (ERR_peek_error() != 0) ERR_clear_error();
  do {
    const int received = SSL_read(client, buffer, sizeof buffer);
    if (received <= 0) return SSL_get_error(client, received) == SSL_ERROR_WANT_READ;
    if (!write_all(client, buffer, received)) return false;
  } while (SSL_has_pending(client) == 1);
  return true;
}

void end(SSL* client) {
  const int fd = SSL_get_fd(client);
  SSL_free(client);
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) die("usage: raw_tls CHAIN KEY [--listen HOST:PORT]");
  SSL_CTX* const context = make_context(argv[1], argv[2]);
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  const int listener = bench::open_listener(argc - 2, argv + 2);
  watch(poller, listener, nullptr);
  for (;;) {
    const int count = epoll_wait(poller, events, events_per_wait_max, -1);
    for (int i = 0; i < count; ++i) {
      auto* const client = static_cast<SSL*>(events[i].data.ptr);
      if (client == nullptr) {
        accept_all(poller, listener, context);
      } else if (!echo_once(client)) {
        end(client);
      }
    }
  }
}
