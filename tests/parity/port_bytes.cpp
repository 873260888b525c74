// SPDX-License-Identifier: MIT
// Steps on bytes, messages, options and groups.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "parity/port_player.h"

namespace rondo::test {
namespace {

constexpr std::size_t fill_size = std::size_t{32} << 10U;
constexpr std::size_t fills_max = 4'096;
constexpr std::size_t batch_size = 3;

std::string sum_of(Bytes room, std::ptrdiff_t size) {
  Sum sum;
  sum.add(room.first(static_cast<std::size_t>(size)));
  return sum.to_string();
}

}  // namespace

std::vector<std::byte> PortPlayer::content(std::size_t size) {
  return content_of(++written_, size);
}

// --- bytes --------------------------------------------------------------------------------------

/// If there is filling, reads the rest as well, because its amount differs.
void PortPlayer::take(const Step& step, std::function<std::string()> once) {
  attempt([this, step, once = std::move(once), rest = Sum{}, drains = false]() mutable {
    if (!drains) {
      std::string text = once();
      drains = text.find(Sum::filling_text) != std::string::npos || may_be_full(step.slot);
      if (!drains) return text;
    }
    return "filling, " + drain_into(rest, fd_of(step.slot));
  });
}

/// Whether others of the datagrams that wait there may be `filling`, behind what was sent before.
/// Linux gives back the room of a part of a queue later, so it is read whole.
bool PortPlayer::may_be_full(std::size_t at) {
  return datagrams_were_filled_ && type_of(at) == SOCK_DGRAM;
}

std::string PortPlayer::drain_into(Sum& sum, int fd) {
  std::vector<std::byte> room(fill_size);
  for (;;) {
    const std::ptrdiff_t result = net_.read(room, fd);
    if (result <= 0) {
      const std::string end = result == 0 ? "end" : error_text(errno);
      return sum.to_string() + ", " + end;
    }
    sum.add(Bytes{room}.first(static_cast<std::size_t>(result)));
  }
}

void PortPlayer::read(const Step& step) {
  take(step, [this, step] {
    std::vector<std::byte> room(step.number);
    const std::ptrdiff_t result = net_.read(room, fd_of(step.slot));
    return result < 0 ? error_text(errno) : sum_of(room, result);
  });
}

void PortPlayer::read_parts(const Step& step) {
  take(step, [this, step] {
    std::vector<std::byte> room(step.number);
    const MutableBytes all{room};
    const std::size_t half = all.size() / 2;
    const std::array<MutableBytes, 3> parts{all.first(half), MutableBytes{}, all.subspan(half)};
    const std::ptrdiff_t result = net_.readv(parts, fd_of(step.slot));
    return result < 0 ? error_text(errno) : sum_of(room, result);
  });
}

void PortPlayer::read_nothing(const Step& step) { tell_transfer(net_.read({}, fd_of(step.slot))); }

void PortPlayer::write(const Step& step) {
  if (fills_again(step)) return;
  tell_transfer(net_.write(content(step.number), fd_of(step.slot)));
}

void PortPlayer::write_parts(const Step& step) {
  if (fills_again(step)) return;
  const std::vector<std::byte> bytes = content(step.number);
  const std::size_t half = bytes.size() / 2;
  const std::array<Bytes, 3> parts{Bytes{bytes}.first(half), Bytes{}, Bytes{bytes}.subspan(half)};
  tell_transfer(net_.writev(parts, fd_of(step.slot)));
}

void PortPlayer::write_nothing(const Step& step) {
  tell_transfer(net_.write({}, fd_of(step.slot)));
}

void PortPlayer::write_file(const Step& step) {
  if (fills_again(step)) return;
  const std::vector<std::byte> bytes = content(step.number);
  tell_transfer(net_.write_file(std::array{Bytes{bytes}}, fd_of(step.slot)));
}

void PortPlayer::send_file(const Step& step) {
  if (fills_again(step)) return;
  // Filling a pipe takes whole pages.
  if (type_of(step.slot) == 0) return write_file(step);
  tell_transfer(net_.send_file(kernel_.sample_file(), 100, step.number, fd_of(step.slot)));
}

/// 0 if it is not a socket.
int PortPlayer::type_of(std::size_t at) {
  int type = 0;
  const std::span bytes = std::as_writable_bytes(std::span{&type, 1});
  return net_.option(fd_of(at), SOL_SOCKET, SO_TYPE, bytes) < 0 ? 0 : type;
}

/// Writes until the socket takes no more. If datagrams are counted, each has one byte, so that
/// their number fills the queue.
void PortPlayer::fill(const Step& step) {
  const int type = type_of(step.slot);
  const bool is_tcp = type == SOCK_STREAM && family_of(step.slot) != AddressFamily::unix_domain;
  if (is_tcp && tcp_input_shut_) return record(-EBUSY);
  tcp_was_filled_ = tcp_was_filled_ || is_tcp;
  datagrams_were_filled_ = datagrams_were_filled_ || type == SOCK_DGRAM;
  slots_[step.slot].is_filled = true;
  const std::size_t size = type == SOCK_DGRAM ? 1 : fill_size;
  attempt([this, step, size] {
    const std::vector<std::byte> bytes(size, filling);
    for (std::size_t i = 0; i < fills_max; ++i) {
      if (net_.write_file(std::array{Bytes{bytes}}, fd_of(step.slot)) < 0) return error_text(errno);
    }
    return std::string{"endless"};
  });
}

/// A full buffer may have gained a little room meanwhile: fill it again.
bool PortPlayer::fills_again(const Step& step) {
  if (!slots_[step.slot].is_filled) return false;
  fill(step);
  return true;
}

void PortPlayer::drain(const Step& step) {
  attempt([this, step, sum = Sum{}]() mutable { return drain_into(sum, fd_of(step.slot)); });
}

// --- messages -----------------------------------------------------------------------------------

void PortPlayer::send_message(int fd, std::uint32_t size, Endpoint* to) {
  std::vector<std::byte> bytes = content(size);
  MutableBytes part{bytes};
  Message message{.address = to, .parts = {&part, 1}};
  const int result = net_.send(fd, {&message, 1});
  record(result);
  if (result > 0) result_ = "sent " + std::to_string(message.size);
}

void PortPlayer::send(const Step& step) {
  if (!fills_again(step)) send_message(fd_of(step.slot), step.number, nullptr);
}
void PortPlayer::send_empty(const Step& step) { send_message(fd_of(step.slot), 0, nullptr); }
void PortPlayer::send_to(const Step& step) {
  Endpoint to;
  if (fd_of(step.other) < 0 || net_.local_endpoint(fd_of(step.other), to) != 0) return;
  send_message(fd_of(step.slot), step.number, &to);
}
void PortPlayer::send_to_deserted(const Step& step) {
  Endpoint to = deserted_[family_of(step.slot) == AddressFamily::ipv6 ? 1 : 0].udp_address;
  send_message(fd_of(step.slot), step.number, &to);
}
void PortPlayer::send_to_path(const Step& step) {
  Endpoint to = path_endpoint(step.number % 4);
  send_message(fd_of(step.slot), step.number, &to);
}

void PortPlayer::send_batch(const Step& step) {
  if (fills_again(step)) return;
  std::vector<std::byte> bytes = content(step.number * batch_size);
  std::array<MutableBytes, batch_size> parts;
  std::array<Message, batch_size> messages;
  for (std::size_t i = 0; i < batch_size; ++i) {
    parts[i] = MutableBytes{bytes}.subspan(i * step.number, step.number);
    messages[i].parts = {&parts[i], 1};
  }
  record(net_.send(fd_of(step.slot), messages));
}

namespace {

/// Buffers for messages, and their results as text.
struct Arrival {
  Arrival(std::size_t size, std::size_t control_size) : room(size), control(control_size) {
    message = {.address = &from, .parts = {&part, 1}, .control = control};
  }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
  ~Arrival() = default;

  [[nodiscard]] std::string to_string(const std::string& sender) const {
    Sum sum;
    sum.add(Bytes{room}.first(std::min(message.size, room.size())));
    std::string text = sum.to_string();
    if (!sender.empty()) text += " from " + sender;
    if (message.truncated) text += ", truncated";
    if (message.control_truncated) text += ", control truncated";
    return text;
  }

  std::vector<std::byte> room;
  std::vector<std::byte> control;
  MutableBytes part{room};
  Endpoint from;
  Message message;
};

/// The one descriptor for which there was room, or -1.
int descriptor_in(const Message& message) {
  if (message.control_size < CMSG_LEN(sizeof(int))) return -1;
  cmsghdr head{};
  std::memcpy(&head, message.control.data(), sizeof(head));
  if (head.cmsg_level != SOL_SOCKET || head.cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  std::memcpy(&fd, message.control.data() + CMSG_LEN(0), sizeof(fd));
  return fd;
}

}  // namespace

void PortPlayer::receive(const Step& step) {
  take(step, [this, step] {
    Arrival arrival{step.number, 0};
    const int result = net_.receive(fd_of(step.slot), {&arrival.message, 1});
    if (result < 0) return error_text(-result);
    return arrival.to_string(names_.name(arrival.from));
  });
}

void PortPlayer::receive_truncated(const Step& step) { receive(step); }

void PortPlayer::receive_whole_size(const Step& step) {
  // With this option Linux discards the bytes of a stream.
  if (type_of(step.slot) == SOCK_STREAM) return receive(step);
  take(step, [this, step] {
    Arrival arrival{step.number, 0};
    MessageInfo info;
    arrival.message.info = &info;
    const int result = net_.receive(fd_of(step.slot), {&arrival.message, 1});
    if (result < 0) return error_text(-result);
    return arrival.to_string({}) + ", whole " + std::to_string(info.whole_size);
  });
}

void PortPlayer::receive_batch(const Step& step) {
  take(step, [this, step] {
    std::array<std::unique_ptr<Arrival>, batch_size> arrivals;
    std::array<Message, batch_size> messages;
    for (std::size_t i = 0; i < batch_size; ++i) {
      arrivals[i] = std::make_unique<Arrival>(step.number, 0);
      messages[i] = arrivals[i]->message;
    }
    const int result = net_.receive(fd_of(step.slot), messages);
    if (result < 0) return error_text(-result);
    std::string text = std::to_string(result);
    for (std::size_t i = 0; i < static_cast<std::size_t>(result); ++i) {
      arrivals[i]->message.size = messages[i].size;
      arrivals[i]->message.truncated = messages[i].truncated;
      text += "; " + arrivals[i]->to_string({});
    }
    return text;
  });
}

void PortPlayer::pass_descriptor(const Step& step) {
  if (fills_again(step)) return;
  const int passed = fd_of(step.other);
  if (passed < 0) return;
  std::vector<std::byte> bytes = content(step.number);
  MutableBytes part{bytes};
  std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  cmsghdr head{};
  head.cmsg_level = SOL_SOCKET;
  head.cmsg_type = SCM_RIGHTS;
  head.cmsg_len = static_cast<decltype(head.cmsg_len)>(CMSG_LEN(sizeof(int)));
  std::memcpy(control.data(), &head, sizeof(head));
  std::memcpy(control.data() + CMSG_LEN(0), &passed, sizeof(passed));
  Message message{.parts = {&part, 1}, .control = control};
  const int result = net_.send(fd_of(step.slot), {&message, 1});
  record(result);
  if (result > 0) result_ = "sent " + std::to_string(message.size);
}

void PortPlayer::receive_descriptor(const Step& step) {
  take(step, [this, step] {
    Arrival arrival{step.number, CMSG_SPACE(sizeof(int))};
    const int result = net_.receive(fd_of(step.slot), {&arrival.message, 1});
    if (result < 0) return error_text(-result);
    const int fd = descriptor_in(arrival.message);
    const std::string text = arrival.to_string({});
    return fd < 0 ? text : text + ", a descriptor: " + into(step.other, fd);
  });
}

/// The kernel closes the passed descriptors.
void PortPlayer::receive_without_room(const Step& step) {
  take(step, [this, step] {
    Arrival arrival{step.number, 0};
    arrival.message.address = nullptr;
    const int result = net_.receive(fd_of(step.slot), {&arrival.message, 1});
    return result < 0 ? error_text(-result) : arrival.to_string({});
  });
}

// --- options and groups -------------------------------------------------------------------------

namespace {

/// Without the options that a world accepts without effect or does not have: see docs/parity.md.
constexpr SocketOption options[] = {
    SocketOption::reuse_address,    SocketOption::reuse_port,
    SocketOption::receive_buffer,   SocketOption::send_buffer,
    SocketOption::linger,           SocketOption::broadcast,
    SocketOption::ipv6_only,        SocketOption::nodelay,
    SocketOption::keep_alive,       SocketOption::keep_alive_idle,
    SocketOption::keep_alive_count, SocketOption::keep_alive_interval,
    SocketOption::user_timeout,     SocketOption::ttl,
    SocketOption::multicast_ttl,    SocketOption::multicast_loop,
    SocketOption::packet_info,      SocketOption::multicast_interface,
};
constexpr int buffer_size = 40'000;
constexpr int no_interface = 7'000;
constexpr int values[] = {0, 1, 2, -1, 5, 200, 300, 5'000, 40'000, -2};

}  // namespace

void PortPlayer::set_option(const Step& step) {
  const SocketOption option = options[step.number % std::size(options)];
  int value = values[step.number / std::size(options) % std::size(values)];
  // A close that lingers blocks in real time, and small buffers are slow.
  if (option == SocketOption::linger && value > 0) value = 0;
  const bool is_buffer =
      option == SocketOption::receive_buffer || option == SocketOption::send_buffer;
  if (is_buffer && value >= 0) value = buffer_size;
  if (option == SocketOption::multicast_interface && value > 1) value = no_interface;
  record(net_.set(fd_of(step.slot), option, value));
  result_ = std::string{rondo::name_of(option)} + ' ' + std::to_string(value) + ": " + result_;
}

void PortPlayer::get_option(const Step& step) {
  const SocketOption option = options[step.number % std::size(options)];
  int value = 0;
  const int result = net_.get(fd_of(step.slot), option, value);
  // The default size of a buffer depends on the system.
  const bool is_buffer =
      option == SocketOption::receive_buffer || option == SocketOption::send_buffer;
  const bool is_known = !is_buffer || value == 2 * buffer_size;
  result_ = std::string{rondo::name_of(option)} + ": " +
            (result < 0 ? error_text(-result)
             : is_known ? std::to_string(value)
                        : "some");
}

/// On the loopback interface.
void PortPlayer::change_membership(const Step& step, bool member) {
  const bool is_ipv6 = family_of(step.slot) == AddressFamily::ipv6;
  const Endpoint group = Endpoint::parse(is_ipv6 ? "[ff01::7:7]:0" : "239.7.7.7:0").value();
  record(net_.membership(fd_of(step.slot), group, 1, member));
}

void PortPlayer::join_group(const Step& step) { change_membership(step, true); }
void PortPlayer::leave_group(const Step& step) { change_membership(step, false); }

}  // namespace rondo::test
