// A client is connecting, idle (nothing in flight), or waiting for the rest of an answer. Only
// `unsent_` decides whether an answer is followed by the next message: without limit while time is
// measured, a number in a run of so many messages, zero while draining. Between two measurements
// nothing is in flight.
#include "clients.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "system.h"

namespace load {
namespace {

constexpr std::size_t connecting_max = 256;
constexpr std::size_t events_per_wait_max = 1024;
constexpr int wait_max_ms = 100;
constexpr std::uint64_t silence_max_ns = 20'000'000'000;

}  // namespace

Clients::Clients(const sockaddr_in& server, std::size_t message_size, int server_pid,
                 Progress& progress)
    : server_(server),
      server_pid_(server_pid),
      progress_(progress),
      poller_(epoll_create1(EPOLL_CLOEXEC)),
      events_(events_per_wait_max),
      message_(message_size),
      input_(message_size + 1) {
  if (poller_ < 0) die_with_errno("epoll_create1");
}

Clients::~Clients() {
  for (const Client& client : clients_)
    if (client.fd >= 0) reset(client.fd);
  close(poller_);
}

// Connecting ------------------------------------------------------------------------------------

std::size_t Clients::connect(std::size_t count) {
  clients_.reserve(clients_.size() + count);
  std::size_t left = count;
  std::uint64_t progress_at = now_ns();
  std::size_t waiting = 0;
  while (left > 0 || connecting_ > 0) {
    while (left > 0 && connecting_ < connecting_max) {
      --left;
      if (!start_connecting()) left = 0;
    }
    turn(wait_max_ms);
    const std::uint64_t now = now_ns();
    if (connecting_ != waiting || left > 0) progress_at = now;
    waiting = connecting_;
    if (now - progress_at > silence_max_ns) die("the server does not answer new clients");
    if (progress_.is_due(now))
      progress_.show("connected", static_cast<double>(clients_.size() - connecting_), "clients");
  }
  return clients_.size() - lost_;
}

bool Clients::start_connecting() {
  Client client;
  client.fd = begin_connecting(server_);
  if (client.fd < 0) {
    exhaustion_ = errno;
    return false;
  }
  clients_.push_back(client);
  set_interest(clients_.back(), EPOLLOUT, EPOLL_CTL_ADD);
  ++connecting_;
  return true;
}

void Clients::finish_connecting(Client& client) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(client.fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    errno = error;
    die_with_errno("connect");
  }
  client.connecting = false;
  set_interest(client, EPOLLIN, EPOLL_CTL_MOD);
  send_message(client, now_ns());
}

void Clients::set_interest(const Client& client, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(&client - clients_.data());
  if (epoll_ctl(poller_, operation, client.fd, &event) != 0) die_with_errno("epoll_ctl");
}

// Exchanging ------------------------------------------------------------------------------------

void Clients::make_message(const Client& client) noexcept {
  message_.make(static_cast<std::uint64_t>(&client - clients_.data()), client.sequence);
}

void Clients::send_message(Client& client, std::uint64_t now) {
  ++client.sequence;
  client.sent = 0;
  client.received = 0;
  client.sent_at_ns = now;
  ++in_flight_;
  make_message(client);
  continue_sending(client);
}

// `message_` holds the client's message.
void Clients::continue_sending(Client& client) {
  const auto rest = message_.bytes().subspan(client.sent);
  const bool was_short = client.sent > 0;
  const ssize_t sent = send(client.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return lose(client);
  if (sent > 0) client.sent += static_cast<std::uint32_t>(sent);
  const bool is_short = client.sent < message_.size();
  if (is_short != was_short)
    set_interest(client, is_short ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void Clients::receive(Client& client) {
  const ssize_t got = recv(client.fd, input_.data(), input_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return lose(client);
  check(client, static_cast<std::size_t>(got));
  client.received += static_cast<std::uint32_t>(got);
  if (client.received == message_.size()) finish_message(client);
}

void Clients::check(const Client& client, std::size_t size) {
  if (size > client.sent - client.received) die("the server sent more than it was sent");
  make_message(client);
  if (!message_.has(std::span{input_}.first(size), client.received))
    die("the server sent back something else than it was sent");
}

void Clients::finish_message(Client& client) {
  const std::uint64_t now = now_ns();
  --in_flight_;
  ++measurement_.messages;
  measurement_.latency_ns.record(now - client.sent_at_ns);
  if (client.sequence == 1) {
    --connecting_;
  } else if (unsent_ > 0) {
    --unsent_;
    send_message(client, now);
  }
}

void Clients::lose(Client& client) {
  const bool is_waiting = client.received < message_.size();
  if (is_waiting) --in_flight_;
  if (is_waiting && client.sequence == 1) --connecting_;
  ++lost_;
  close(client.fd);
  client.fd = -1;
}

// Running ---------------------------------------------------------------------------------------

void Clients::turn(int wait_ms) {
  const int count = epoll_wait(poller_, events_.data(), static_cast<int>(events_.size()), wait_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    Client& client = clients_[event.data.u64];
    if (client.connecting) {
      finish_connecting(client);
      continue;
    }
    if ((event.events & EPOLLOUT) != 0) {
      make_message(client);
      continue_sending(client);
    }
    if (client.fd >= 0 && (event.events & ~std::uint32_t{EPOLLOUT}) != 0) receive(client);
  }
}

void Clients::send_to_all() {
  const std::uint64_t now = now_ns();
  for (Client& client : clients_) {
    if (client.fd < 0) continue;
    if (unsent_ == 0) return;
    --unsent_;
    send_message(client, now);
  }
}

// Ends at the deadline, or when the last answer has come.
void Clients::run_until(std::uint64_t deadline_ns) {
  std::uint64_t shown_at = now_ns();
  std::uint64_t shown = measurement_.messages;
  std::uint64_t heard_at = shown_at;
  std::uint64_t heard = shown;
  for (;;) {
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns || in_flight_ == 0) return;
    if (measurement_.messages != heard) {
      heard = measurement_.messages;
      heard_at = now;
    } else if (now - heard_at > silence_max_ns) {
      die("the server does not answer");
    }
    if (progress_.is_due(now) && now > shown_at) {
      const double seconds =
          static_cast<double>(now - shown_at) / static_cast<double>(ns_per_second);
      progress_.show("exchanging", static_cast<double>(heard - shown) / seconds, "messages/s");
      shown_at = now;
      shown = heard;
    }
    turn(static_cast<int>((deadline_ns - now) / 1'000'000 < wait_max_ms
                              ? (deadline_ns - now) / 1'000'000 + 1
                              : wait_max_ms));
  }
}

void Clients::drain() {
  unsent_ = 0;
  run_until(without_limit);
}

Measurement Clients::measure(std::uint64_t warm_up_ns, std::uint64_t duration_ns) {
  unsent_ = without_limit;
  send_to_all();
  run_until(now_ns() + warm_up_ns);
  measurement_ = {};
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  run_until(start + duration_ns);
  Measurement result = measurement_;
  result.duration_ns = now_ns() - start;
  result.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  drain();
  return result;
}

Measurement Clients::exchange(std::uint64_t messages) {
  measurement_ = {};
  unsent_ = messages;
  const std::uint64_t cpu_ns = cpu_ns_of(server_pid_);
  const std::uint64_t start = now_ns();
  send_to_all();
  run_until(without_limit);
  Measurement result = measurement_;
  result.duration_ns = now_ns() - start;
  result.server_cpu_ns = cpu_ns_of(server_pid_) - cpu_ns;
  return result;
}

}  // namespace load
