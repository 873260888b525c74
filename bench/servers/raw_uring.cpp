// SPDX-License-Identifier: MIT
// The least that an echo server on io_uring can do, as its manual recommends: one multishot accept,
// one multishot receive for each client into buffers that all clients share, and replies from the
// buffer that was received into. A client has one send at a time, because the kernel may reorder
// them; what arrives meanwhile waits in a list of buffers.
#include <liburing.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "listener.h"

namespace {

constexpr unsigned entries = 4096;
constexpr std::uint16_t buffers_max = 4096;
constexpr std::size_t buffer_size = std::size_t{16} * 1024;
constexpr std::uint16_t none = buffers_max;  // no buffer
constexpr int group = 0;

enum class Step : std::uint8_t { accept, receive, send };

struct Buffer {
  unsigned size = 0;
  std::uint16_t next = none;
};

struct Client {
  std::uint16_t first = none;  // the buffers that are still to be sent
  std::uint16_t last = none;
  bool has_ended = false;
};

io_uring ring;
io_uring_buf_ring* provided = nullptr;
char bytes[buffers_max][buffer_size];
std::array<Buffer, buffers_max> buffers;
std::vector<Client> clients;  // by descriptor

Client& client_of(int fd) { return clients[static_cast<std::size_t>(fd)]; }

[[noreturn]] void die(const char* what, int error) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(error));
  std::exit(EXIT_FAILURE);
}

io_uring_sqe* next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  while (entry == nullptr) {
    io_uring_submit(&ring);
    entry = io_uring_get_sqe(&ring);
  }
  return entry;
}

// After the call has been prepared, because that may clear it.
void mark(io_uring_sqe* entry, Step step, int fd) {
  entry->user_data = static_cast<std::uint64_t>(step) << 32 | static_cast<unsigned>(fd);
}

void accept_clients(int listener) {
  io_uring_sqe* const entry = next_entry();
  io_uring_prep_multishot_accept(entry, listener, nullptr, nullptr, SOCK_CLOEXEC);
  mark(entry, Step::accept, listener);
}

void receive(int fd) {
  io_uring_sqe* const entry = next_entry();
  io_uring_prep_recv_multishot(entry, fd, nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = group;
  mark(entry, Step::receive, fd);
}

// All of it: with MSG_WAITALL the kernel goes on after a part.
void send_first(int fd) {
  const std::uint16_t first = client_of(fd).first;
  io_uring_sqe* const entry = next_entry();
  io_uring_prep_send(entry, fd, bytes[first], buffers[first].size, MSG_WAITALL | MSG_NOSIGNAL);
  mark(entry, Step::send, fd);
}

void give_back(std::uint16_t buffer) {
  io_uring_buf_ring_add(provided, bytes[buffer], buffer_size, buffer,
                        io_uring_buf_ring_mask(buffers_max), 0);
  io_uring_buf_ring_advance(provided, 1);
}

void on_accepted(int listener, const io_uring_cqe& done) {
  if (done.res >= 0) {
    const auto number = static_cast<std::size_t>(done.res);
    if (clients.size() <= number) clients.resize(2 * number);
    clients[number] = {};
    receive(done.res);
  }
  if ((done.flags & IORING_CQE_F_MORE) == 0) accept_clients(listener);
}

void on_received(int fd, const io_uring_cqe& done) {
  Client& client = client_of(fd);
  const bool was_sending = client.first != none;
  if (done.res > 0) {
    const auto buffer = static_cast<std::uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT);
    buffers[buffer] = {.size = static_cast<unsigned>(done.res)};
    (was_sending ? buffers[client.last].next : client.first) = buffer;
    client.last = buffer;
    if (!was_sending) send_first(fd);
  }
  if ((done.flags & IORING_CQE_F_MORE) != 0) return;
  if (done.res > 0 || done.res == -ENOBUFS) return receive(fd);
  client.has_ended = true;
  if (!was_sending) close(fd);
}

void on_sent(int fd) {
  Client& client = client_of(fd);
  const std::uint16_t sent = client.first;
  client.first = buffers[sent].next;
  give_back(sent);
  if (client.first != none) {
    send_first(fd);
  } else if (client.has_ended) {
    close(fd);
  }
}

void on_completion(const io_uring_cqe& done) {
  const int fd = static_cast<int>(done.user_data & 0xffff'ffff);
  switch (static_cast<Step>(done.user_data >> 32)) {
    case Step::accept:
      return on_accepted(fd, done);
    case Step::receive:
      return on_received(fd, done);
    case Step::send:
      return on_sent(fd);
  }
}

void open_ring() {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  parameters.flags |= IORING_SETUP_CQSIZE;
  parameters.cq_entries = 16 * entries;
  const int opened = io_uring_queue_init_params(entries, &ring, &parameters);
  if (opened < 0) die("io_uring", -opened);
  void* memory = nullptr;
  if (posix_memalign(&memory, 4096, buffers_max * sizeof(io_uring_buf)) != 0) std::abort();
  provided = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_ring_init(provided);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(provided);
  registration.ring_entries = buffers_max;
  registration.bgid = group;
  const int registered = io_uring_register_buf_ring(&ring, &registration, 0);
  if (registered < 0) die("io_uring, shared buffers", -registered);
  for (std::uint16_t i = 0; i < buffers_max; ++i) give_back(i);
}

}  // namespace

int main(int argc, char** argv) {
  open_ring();
  accept_clients(bench::open_listener(argc, argv));
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    io_uring_cqe* done = nullptr;
    unsigned head = 0;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring, head, done) {
      on_completion(*done);
      ++count;
    }
    io_uring_cq_advance(&ring, count);
  }
}
