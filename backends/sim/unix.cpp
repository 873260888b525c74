// SPDX-License-Identifier: MIT
#include "unix.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "machine.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::size_t chunk_size_max = std::size_t{32} << 10U;
constexpr std::size_t header_of_message = 32;  // the send buffer less this is the largest message
constexpr std::size_t datagrams_waiting_max = 10;  // net.unix.max_dgram_qlen
constexpr int backlog_max = 4096;

/// The memory that the kernel counts for a message, as in sock_alloc_send_pskb: up to 16 KiB in a
/// power of two, with a head and a tail, and the rest in pages.
std::size_t cost_of_message(std::size_t size) noexcept {
  constexpr std::size_t page = 4096;
  constexpr std::size_t tail = 320;
  constexpr std::size_t head = 256;
  constexpr std::size_t unpaged_max = 4 * page - tail;
  constexpr std::size_t paged_max = 17 * page;
  const std::size_t beyond = size - std::min(size, unpaged_max);
  const std::size_t paged = std::min((beyond + page - 1) / page * page, paged_max);
  return std::bit_ceil(size - std::min(size, paged) + tail) + paged + head;
}

}  // namespace

UnixSocket::UnixSocket(Machine& machine, SocketType of_type) noexcept
    : Object(machine, AddressFamily::unix_domain, of_type),
      local_(unnamed_endpoint()),
      remote_(unnamed_endpoint()) {}

UnixSocket::~UnixSocket() { machine_.carriers.erase(this); }

void UnixSocket::pair(UnixSocket& one, UnixSocket& other) {
  one.is_connected_ = other.is_connected_ = true;
  one.knows_peer_ = other.knows_peer_ = true;
  one.peer_ = Ref<UnixSocket>{&other};
  other.peer_ = Ref<UnixSocket>{&one};
}

/// Objects in flight have no descriptor, so they must vanish here.
void UnixSocket::vanish() noexcept {
  is_closed_ = true;
  peer_ = {};
  const std::list<Chunk> input = std::exchange(input_, {});
  for (const Chunk& chunk : input) {
    for (const Ref<Object>& right : chunk.rights) right->vanish();
  }
  queue_.clear();
}

bool UnixSocket::has_room() const noexcept { return owed_ * 4 <= options.send_room() * 2; }

bool UnixSocket::serves() const noexcept {
  return is_listening_ || (is_datagram() && !is_connected_);
}

Ready UnixSocket::ready() const noexcept {
  if (error_ != 0 || (input_shut_ && output_shut_)) return detail::ready_for_all;
  if (is_listening_) return queue_.empty() && !input_shut_ ? Ready::none : Ready::read;
  if (!is_datagram() && !is_connected_) return detail::ready_for_all;  // OUT and HUP
  Ready ready = Ready::none;
  if (input_shut_) ready |= Ready::peer_closed;
  if (!input_.empty() || input_shut_) ready |= Ready::read;
  if (has_room() && (!is_datagram() || !peer_ || peer_->takes_from(*this))) ready |= Ready::write;
  return ready;
}

/// Whether the queue of datagrams has room, as in unix_recvq_full. If the two sockets are connected
/// to each other, only the sender's buffer counts.
bool UnixSocket::takes_from(const UnixSocket& sender) const noexcept {
  return &sender == this || peer_.get() == &sender || is_closed_ ||
         input_.size() <= datagrams_waiting_max;
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

/// Each socket type has its own abstract names; all types share the paths.
std::string UnixSocket::key_of(const std::string& name) const {
  return name.starts_with('@') ? name + '\0' + static_cast<char>(type) : name;
}

int UnixSocket::bind(const Endpoint& local) {
  if (local.family() != AddressFamily::unix_domain) return -EINVAL;
  const std::string name = local.host();
  if (name.empty()) return -EINVAL;
  // The kernel makes the file before it checks anything else.
  const bool is_bound = !local_.host().empty();
  if (is_bound && name.starts_with('@')) return -EINVAL;
  if (machine_.unix_names.contains(key_of(name))) return -EADDRINUSE;
  if (is_bound) return -EINVAL;
  machine_.unix_names.emplace(key_of(name), this);
  local_ = local;
  return 0;
}

int UnixSocket::listen(int backlog) {
  if (is_datagram()) return -EOPNOTSUPP;
  if (local_.host().empty() || is_connected_) return -EINVAL;
  is_listening_ = knows_peer_ = true;
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
  if (peer != nullptr) *peer = client->peer_ ? client->peer_->local_ : client->remote_;
  accepted = client;
  return 0;
}

int UnixSocket::connect(const Endpoint& peer) {
  if (peer.family() != AddressFamily::unix_domain) return -EINVAL;
  UnixSocket* other = nullptr;
  if (const int result = find(peer, other); result != 0) return result;
  if (!is_datagram()) return connect_stream(*other);
  if (!other->hears(*this)) return -EPERM;
  const Ref<UnixSocket> before = std::exchange(peer_, Ref<UnixSocket>{other});
  remote_ = other->local_;
  is_connected_ = true;
  if (before.get() != other) other->senders_.push_back(this);
  if (before && before.get() != other) parted_from(*before);
  changed();
  return 0;
}

/// Finds the socket with that name.
int UnixSocket::find(const Endpoint& address, UnixSocket*& other) const {
  if (address.family() != AddressFamily::unix_domain) return -EINVAL;
  const std::string name = address.host();
  if (name.empty()) return -EINVAL;
  const auto found = machine_.unix_names.find(key_of(name));
  if (found == machine_.unix_names.end()) return name.starts_with('@') ? -ECONNREFUSED : -ENOENT;
  other = found->second;
  return other->type == type ? 0 : -EPROTOTYPE;
}

/// A connected datagram socket receives only from its peer.
bool UnixSocket::hears(const UnixSocket& sender) const noexcept {
  return !is_connected_ || !peer_ || peer_.get() == &sender;
}

/// Drops queued datagrams of the former peer, and gives it an error if it is still connected to
/// this socket.
void UnixSocket::parted_from(UnixSocket& before) noexcept {
  std::erase(before.senders_, this);
  if (input_.empty()) return;
  while (!input_.empty()) drop_front();
  if (before.is_closed_ || before.peer_.get() != this) return;
  before.error_ = ECONNRESET;
  before.changed();
}

/// Connects at once; the connection waits to be accepted.
int UnixSocket::connect_stream(UnixSocket& listener) {
  if (!listener.is_listening_ || listener.input_shut_) return -ECONNREFUSED;
  if (listener.queue_.size() > listener.backlog_) return -EAGAIN;
  if (is_connected_) return -EISCONN;
  if (is_listening_) return -EINVAL;
  const Ref<UnixSocket> accepted{new UnixSocket{machine_, type}};
  accepted->options.inherit(listener.options, 0);
  accepted->local_ = listener.local_;
  accepted->remote_ = local_;
  remote_ = listener.local_;
  pair(*this, *accepted);
  accepted->knows_peer_ = true;
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
    const auto found = machine_.unix_names.find(key_of(name));
    if (found != machine_.unix_names.end() && found->second == this) {
      machine_.unix_names.erase(found);
    }
  }
  // Since Linux 6.x a single empty message does not count as unread.
  const bool unread = input_.size() > 1 || (!input_.empty() && !input_.front().data.empty());
  while (!input_.empty()) drop_front();
  const std::deque<Ref<UnixSocket>> queue = std::move(queue_);
  for (const Ref<UnixSocket>& client : queue) {
    client->was_never_accepted_ = true;
    client->closed();
  }
  const Ref<UnixSocket> peer = std::exchange(peer_, {});
  if (peer) std::erase(peer->senders_, this);
  if (peer && peer->peer_.get() == this) peer->peer_gone(unread || was_never_accepted_);
}

void UnixSocket::peer_gone(bool unread) noexcept {
  if (is_datagram()) {
    changed();
    return;  // it gets an error when it sends
  }
  remote_ = peer_->local_;
  peer_ = {};
  input_shut_ = output_shut_ = true;
  if (unread) error_ = ECONNRESET;
  changed();
}

int UnixSocket::shutdown(Direction direction) {
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
  address = peer_ ? peer_->local_ : remote_;
  return 0;
}

int UnixSocket::credentials(Credentials& peer) const {
  if (!knows_peer_) return -ENOTCONN;
  peer = {.process = 1000 + std::int64_t{machine_.id()}, .user = 1000, .group = 1000};
  return 0;
}

// --- sending and receiving ------------------------------------------------------------------

/// The errors that do not depend on the receiver.
int UnixSocket::refusal_to_send(const Message& message) noexcept {
  if (type == SocketType::stream) {
    if (message.address != nullptr) return is_connected_ ? -EISCONN : -EOPNOTSUPP;
    if (!is_connected_) return -ENOTCONN;
    if (output_shut_) return -EPIPE;
    return size_of(message) != 0 && error_ != 0 ? -std::exchange(error_, 0) : 0;
  }
  if (!is_datagram() && error_ != 0) return -std::exchange(error_, 0);
  if (!is_datagram() && !is_connected_) return -ENOTCONN;
  if (size_of(message) + header_of_message > options.send_room() * 2) return -EMSGSIZE;
  if (error_ != 0) return -std::exchange(error_, 0);
  if (output_shut_) return -EPIPE;
  return owed_ >= options.send_room() * 2 ? -EAGAIN : 0;
}

int UnixSocket::send(Message& message, Rights rights) {
  const bool goes_to_address = is_datagram() && message.address != nullptr;
  if (goes_to_address && message.address->family() != AddressFamily::unix_domain) return -EINVAL;
  if (goes_to_address && message.address->host().empty()) return -EINVAL;
  if (const int refusal = refusal_to_send(message); refusal != 0) return refusal;
  if (!is_connected_ && !goes_to_address) return -ENOTCONN;
  Ref<UnixSocket> to = peer_;
  if (goes_to_address) {
    UnixSocket* other = nullptr;
    if (const int result = find(*message.address, other); result != 0) return result;
    to = Ref<UnixSocket>{other};
  }
  if (is_datagram() && !to->hears(*this)) return -EPERM;
  if (!to || to->is_closed_) {
    if (!is_datagram()) return -EPIPE;
    is_connected_ = false;  // the peer is gone
    parted_from(*std::exchange(peer_, {}));
    return -ECONNREFUSED;
  }
  return send_to(*to, message, std::move(rights));
}

int UnixSocket::send_to(UnixSocket& to, Message& message, Rights rights) {
  if (!rights.empty()) machine_.carriers.insert(&to);
  const std::size_t size = size_of(message);
  const bool is_stream = type == SocketType::stream;
  if (is_stream && size == 0) return 0;
  if (to.input_shut_) return -EPIPE;
  if (is_datagram() && !to.takes_from(*this)) return -EAGAIN;
  std::size_t room = options.send_room() * 2 - std::min(owed_, options.send_room() * 2);
  if (is_stream && room == 0) return -EAGAIN;
  // A message is accepted whole if there is any room.
  if (!is_stream) room = size;
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
      if (!goes_on) to.input_.push_back({{}, 0, std::exchange(rights, {}), Ref<UnixSocket>{this}});
      Chunk& chunk = to.input_.back();
      chunk.data.insert(chunk.data.end(), taken.begin(), taken.end());
    }
  }
  if (size == 0) to.input_.push_back({{}, 0, std::move(rights), Ref<UnixSocket>{this}});
  owed_ += is_stream ? message.size : cost_of_message(message.size);
  machine_.note("unix sends", {message.size});
  to.changed();
  changed();
  return 0;
}

int UnixSocket::receive(Message& message, Rights& rights) {
  const bool is_stream = type == SocketType::stream;
  if (!is_datagram() && !is_connected_) return is_stream ? -EINVAL : -ENOTCONN;
  // For messages an error comes first; reading 0 bytes of a stream always succeeds.
  if (error_ != 0 && (!is_stream || input_.empty())) return -std::exchange(error_, 0);
  if (input_.empty()) {
    const bool ends = input_shut_ && !is_datagram();
    return ends || (is_stream && size_of(message) == 0) ? 0 : -EAGAIN;
  }
  if (is_stream) return receive_bytes(message, rights);
  receive_record(message, rights);
  return 0;
}

/// One read ends after data that came with descriptors.
int UnixSocket::receive_bytes(Message& message, Rights& rights) {
  const std::size_t wanted = size_of(message);
  if (message.address != nullptr) *message.address = input_.front().payer->local_;
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
  changed();
  return 0;
}

void UnixSocket::receive_record(Message& message, Rights& rights) {
  Chunk& chunk = input_.front();
  message.size = fill(message, 0, chunk.data);
  message.truncated = message.size < chunk.data.size();
  if (message.address != nullptr) *message.address = chunk.payer->local_;
  if (message.info != nullptr) *message.info = {.whole_size = chunk.data.size()};
  rights = std::exchange(chunk.rights, {});
  drop_front();
  changed();
}

void UnixSocket::drop_front() {
  const Chunk chunk = std::move(input_.front());
  input_.pop_front();
  const std::size_t size = chunk.data.size() - chunk.taken;
  if (chunk.payer) chunk.payer->pay(type == SocketType::stream ? size : cost_of_message(size));
  for (const Ref<Object>& right : chunk.rights) right->released();
  tell_senders();
}

/// Call it when there is room in the queue again.
void UnixSocket::tell_senders() noexcept {
  for (UnixSocket* const sender : senders_) sender->changed();
}

void UnixSocket::pay(std::size_t size) noexcept {
  owed_ -= std::min(owed_, size);
  changed();
}

}  // namespace rondo::sim
