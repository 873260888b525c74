// SPDX-License-Identifier: MIT
// The least that an echo server on epoll can do: level-triggered, one read and one write for each
// readiness, and no state for a client but its descriptor. rondo is compared with it.
#include <sys/epoll.h>

#include <cstdio>
#include <cstdlib>

#include "listener.h"

namespace {

constexpr int events_per_wait_max = 1024;
char buffer[bench::echo_buffer_size];
epoll_event events[events_per_wait_max];

void watch(int poller, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
    std::perror("epoll_ctl");
    std::exit(EXIT_FAILURE);
  }
}

void accept_all(int poller, int listener) {
  for (int fd = 0; (fd = bench::accept_client(listener)) >= 0;) watch(poller, fd);
}

}  // namespace

int main(int argc, char** argv) {
  const int poller = epoll_create1(EPOLL_CLOEXEC);
  const int listener = bench::open_listener(argc, argv);
  watch(poller, listener);
  for (;;) {
    const int count = epoll_wait(poller, events, events_per_wait_max, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(poller, listener);
      } else if (!bench::echo_once(fd, buffer)) {
        close(fd);
      }
    }
  }
}
