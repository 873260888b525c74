#include "unix.h"

#include <sys/socket.h>
#include <algorithm>
#include <cerrno>
#include <utility>

#include "machine.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::size_t chunk_size_max = std::size_t{32} << 10U;
constexpr std::size_t datagrams_waiting_max = 10;  // net.unix.max_dgram_qlen
constexpr int backlog_max = 4096;

Endpoint unnamed() noexcept {
  constexpr sa_family_t family = AF_UNIX;
  sockaddr address{};
  address.sa_family = family;
  const auto made = Endpoint::from_system(&address, offsetof(sockaddr, sa_data));
  return made ? *made : Endpoint{};
}

}  // namespace

UnixSocket::UnixSocket(Machine& machine, SocketType of_type) noexcept
    : Object(machine, Family::unix_domain, of_type), local_(unnamed()), remote_(unnamed()) {}

UnixSocket::~UnixSocket() = default;

void UnixSocket::pair(UnixSocket& one, UnixSocket& other) {
  one.is_connected_ = other.is_connected_ = true;
  one.peer_ = Ref<UnixSocket>{&other};
  other.peer_ = Ref<UnixSocket>{&one};
}

void UnixSocket::vanish() noexcept {
  is_closed_ = true;
  peer_ = {};
  input_.clear();
  queue_.clear();
}

bool UnixSocket::has_room() const noexcept { return owed_ * 4 <= options.send_room() * 2; }

bool UnixSocket::serves() const noexcept {
  return is_listening_ || (is_datagram() && !is_connected_);
}

Ready UnixSocket::ready() const noexcept {
  if (is_listening_) return queue_.empty() ? Ready::none : Ready::read;
  if (error_ != 0) return Ready::both;
  if (!is_datagram() && !is_connected_) return Ready::both;  // OUT and HUP
  const bool is_over = input_shut_ && output_shut_;
  if (is_over) return Ready::both;
  Ready ready = Ready::none;
  if (!input_.empty() || input_shut_) ready |= Ready::read;
  const bool peer_takes = !is_datagram() || !peer_ ||
                          peer_->input_.size() < datagrams_waiting_max || peer_.get() == this;
  if (has_room() && peer_takes) ready |= Ready::write;
  return ready;
}

std::string UnixSocket::describe() const {
  if (is_listening_) return local_.to_string() + ", listening";
  return local_.to_string() + " -> " + remote_.to_string();
}

std::size_t UnixSocket::unread() const noexcept {
  std::size_t size = 0;
  for (const Chunk& chunk : input_) size += chunk.data.size() - chunk.taken;
  return size;
}

int UnixSocket::bind(const Endpoint& local) {
  if (local.family() != Family::unix_domain) return -EINVAL;
  const std::string name = local.host();
  if (name.empty() || !local_.host().empty()) return -EINVAL;
  if (!machine_.unix_names.emplace(name, this).second) return -EADDRINUSE;
  local_ = local;
  return 0;
}

int UnixSocket::listen(int backlog) {
  if (is_datagram()) return -EOPNOTSUPP;
  if (local_.host().empty() || is_connected_) return -EINVAL;
  is_listening_ = true;
  backlog_ = static_cast<std::size_t>(std::clamp(backlog, 0, backlog_max));
  changed();
  return 0;
}

int UnixSocket::accept(Ref<Object>& accepted, Endpoint* peer) {
  if (is_datagram()) return -EOPNOTSUPP;
  if (!is_listening_) return -EINVAL;
  if (queue_.empty()) return -EAGAIN;
  const Ref<UnixSocket> client = std::move(queue_.front());
  queue_.pop_front();
  if (peer != nullptr) *peer = client->remote_;
  accepted = client;
  return 0;
}

int UnixSocket::connect(const Endpoint& peer) {
  if (peer.family() != Family::unix_domain) return -EINVAL;
  const std::string name = peer.host();
  const auto found = machine_.unix_names.find(name);
  if (found == machine_.unix_names.end()) {
    return name.starts_with('@') ? -ECONNREFUSED : -ENOENT;
  }
  UnixSocket& other = *found->second;
  if (other.type != type) return -EPROTOTYPE;
  if (!is_datagram()) {
    if (is_connected_) return -EISCONN;
    if (is_listening_) return -EINVAL;
    if (!other.is_listening_) return -ECONNREFUSED;
    return connect_stream(other);
  }
  peer_ = Ref<UnixSocket>{&other};
  remote_ = other.local_;
  is_connected_ = true;
  changed();
  return 0;
}

/// Connected at once, and waiting to be accepted.
int UnixSocket::connect_stream(UnixSocket& listener) {
  if (listener.queue_.size() > listener.backlog_) return -EAGAIN;
  const Ref<UnixSocket> accepted{new UnixSocket{machine_, type}};
  accepted->options.inherit(listener.options);
  accepted->local_ = listener.local_;
  accepted->remote_ = local_;
  remote_ = listener.local_;
  pair(*this, *accepted);
  listener.queue_.push_back(accepted);
  machine_.note("unix connects", {listener.queue_.size()});
  listener.changed();
  changed();
  return 0;
}

void UnixSocket::closed() {
  const Ref<UnixSocket> alive{this};
  is_closed_ = true;
  if (const std::string name = local_.host(); !name.empty()) {
    const auto found = machine_.unix_names.find(name);
    if (found != machine_.unix_names.end() && found->second == this) {
      machine_.unix_names.erase(found);
    }
  }
  const bool unread = !input_.empty();
  while (!input_.empty()) drop_front();
  const std::deque<Ref<UnixSocket>> queue = std::move(queue_);
  for (const Ref<UnixSocket>& client : queue) {
    client->input_.emplace_back();  // unread, as what was never accepted is
    client->closed();
  }
  const Ref<UnixSocket> peer = std::exchange(peer_, {});
  if (peer && peer->peer_.get() == this) peer->peer_gone(unread);
}

void UnixSocket::peer_gone(bool unread) noexcept {
  if (is_datagram()) {
    changed();
    return;  // it finds out when it sends
  }
  peer_ = {};
  input_shut_ = output_shut_ = true;
  if (unread) error_ = ECONNRESET;
  changed();
}

int UnixSocket::shutdown(Direction direction) {
  if (!is_connected_) return -ENOTCONN;
  const Ref<UnixSocket> peer = is_datagram() ? Ref<UnixSocket>{} : peer_;
  if (direction != Direction::write) {
    input_shut_ = true;
    if (peer) peer->output_shut_ = true;
  }
  if (direction != Direction::read) {
    output_shut_ = true;
    if (peer) peer->input_shut_ = true;
  }
  changed();
  if (peer) peer->changed();
  return 0;
}

int UnixSocket::local(Endpoint& address) const {
  address = local_;
  return 0;
}

int UnixSocket::peer(Endpoint& address) const {
  if (!is_connected_) return -ENOTCONN;
  address = remote_;
  return 0;
}

int UnixSocket::credentials(Credentials& peer) const {
  if (!is_connected_ || is_datagram()) return -ENOTCONN;
  peer = {.process = 1000 + std::int64_t{machine_.id()}, .user = 1000, .group = 1000};
  return 0;
}

int UnixSocket::take_error() { return std::exchange(error_, 0); }

// --- what is sent and received ------------------------------------------------------------------

int UnixSocket::destination(const Message& message, Ref<UnixSocket>& to) {
  if (!is_datagram() || message.address == nullptr) {
    to = peer_;
    if (is_datagram() && !is_connected_) return -ENOTCONN;
    return 0;
  }
  const std::string name = message.address->host();
  const auto found = machine_.unix_names.find(name);
  if (found == machine_.unix_names.end()) return name.starts_with('@') ? -ECONNREFUSED : -ENOENT;
  to = Ref<UnixSocket>{found->second};
  return to->type == type ? 0 : -EPROTOTYPE;
}

int UnixSocket::send(Message& message, Rights rights) {
  if (error_ != 0) return -std::exchange(error_, 0);
  if (!is_datagram() && !is_connected_) return -ENOTCONN;
  if (output_shut_) return -EPIPE;
  Ref<UnixSocket> to;
  if (const int result = destination(message, to); result != 0) return result;
  if (!to || to->is_closed_) return is_datagram() ? -ECONNREFUSED : -EPIPE;
  return send_to(*to, message, std::move(rights));
}

int UnixSocket::send_to(UnixSocket& to, Message& message, Rights rights) {
  if (to.input_shut_) return -EPIPE;
  const std::size_t size = size_of(message);
  const std::size_t room = options.send_room() * 2 - std::min(owed_, options.send_room() * 2);
  const bool is_stream = type == SocketType::stream;
  if (!is_stream && size > options.send_room() * 2) return -EMSGSIZE;
  if (is_datagram() && to.input_.size() >= datagrams_waiting_max && &to != this) return -EAGAIN;
  if (size != 0 && (room == 0 || (!is_stream && room < size))) return -EAGAIN;
  if (is_stream && size == 0) return 0;
  std::size_t left = std::min(size, room);
  for (const Bytes part : message.parts) {
    Bytes rest = part.first(std::min(part.size(), left));
    left -= rest.size();
    while (!rest.empty()) {
      const Bytes taken =
          rest.first(is_stream ? std::min(rest.size(), chunk_size_max) : rest.size());
      rest = rest.subspan(taken.size());
      message.size += taken.size();
      const bool goes_on = !is_stream && message.size > taken.size();
      if (!goes_on) to.input_.push_back({{}, 0, std::exchange(rights, {}), local_, {}});
      Chunk& chunk = to.input_.back();
      chunk.data.insert(chunk.data.end(), taken.begin(), taken.end());
      chunk.payer = Ref<UnixSocket>{this};
    }
  }
  if (size == 0) to.input_.push_back({{}, 0, std::move(rights), local_, Ref<UnixSocket>{this}});
  owed_ += message.size;
  machine_.note("unix sends", {message.size});
  to.changed();
  changed();
  return 0;
}

int UnixSocket::receive(Message& message, Rights& rights) {
  if (!is_datagram() && !is_connected_) return is_listening_ ? -EINVAL : -ENOTCONN;
  if (input_.empty()) {
    if (error_ != 0) return -std::exchange(error_, 0);
    return input_shut_ ? 0 : -EAGAIN;
  }
  if (type == SocketType::stream) return receive_bytes(message, rights);
  receive_record(message, rights);
  return 0;
}

/// Ends behind what came with descriptors.
int UnixSocket::receive_bytes(Message& message, Rights& rights) {
  const std::size_t wanted = size_of(message);
  while (message.size < wanted && !input_.empty()) {
    Chunk& chunk = input_.front();
    const bool has_rights = !chunk.rights.empty();
    const Bytes data = Bytes{chunk.data}.subspan(chunk.taken);
    const std::size_t count = fill(message, message.size, data);
    message.size += count;
    chunk.taken += count;
    if (chunk.payer) chunk.payer->pay(count);
    if (has_rights) rights = std::exchange(chunk.rights, {});
    if (chunk.taken == chunk.data.size()) input_.pop_front();
    if (has_rights) break;
  }
  if (message.address != nullptr) *message.address = unnamed();
  changed();
  return 0;
}

void UnixSocket::receive_record(Message& message, Rights& rights) {
  Chunk& chunk = input_.front();
  message.size = fill(message, 0, chunk.data);
  message.truncated = message.size < chunk.data.size();
  if (message.address != nullptr) *message.address = chunk.from;
  if (message.info != nullptr) *message.info = {.whole_size = chunk.data.size()};
  rights = std::exchange(chunk.rights, {});
  drop_front();
  changed();
}

void UnixSocket::drop_front() {
  const Chunk chunk = std::move(input_.front());
  input_.pop_front();
  if (chunk.payer) chunk.payer->pay(chunk.data.size() - chunk.taken);
  for (const Ref<Object>& right : chunk.rights) right->released();
}

void UnixSocket::pay(std::size_t size) noexcept {
  owed_ -= std::min(owed_, size);
  changed();
}

}  // namespace rondo::sim
