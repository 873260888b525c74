// SPDX-License-Identifier: MIT
// Slots, readiness, addresses and connections.
#include "parity/port_player.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>

#include "support/collecting_sink.h"

namespace rondo::test {
namespace {

constexpr AddressFamily families[] = {AddressFamily::ipv4, AddressFamily::ipv6,
                                      AddressFamily::unix_domain};
constexpr SocketType types[] = {SocketType::stream, SocketType::datagram, SocketType::seqpacket};

Endpoint parsed(const std::string& text) { return Endpoint::parse(text).value(); }

std::string text_of(Ready ready) {
  if (ready == Ready::none) return "-";
  return std::string{can_read(ready) ? "r" : ""} + (can_write(ready) ? "w" : "");
}

}  // namespace

PortPlayer::PortPlayer(Kernel& kernel)
    : kernel_(kernel), net_(kernel.net()), backend_(kernel.backend()), names_(kernel.prefix()) {
  deserted_[0] = make_deserted(AddressFamily::ipv4);
  deserted_[1] = make_deserted(AddressFamily::ipv6);
}

PortPlayer::~PortPlayer() {
  for (std::size_t at = 0; at < slot_count; ++at) empty(at);
  for (const Deserted& one : deserted_) {
    for (const int fd : {one.tcp, one.udp}) {
      if (fd >= 0) (void)net_.close(fd);  // it was only made to reserve a port
    }
  }
}

/// Binds a TCP socket that does not listen, and a UDP socket that is connected to itself. So no
/// other socket gets these ports, and whatever is sent there is refused.
PortPlayer::Deserted PortPlayer::make_deserted(AddressFamily family) {
  Deserted made;
  made.tcp = net_.socket(family, SocketType::stream);
  made.udp = net_.socket(family, SocketType::datagram);
  const Endpoint any_port = Endpoint::loopback(0, family);
  const bool is_made = made.tcp >= 0 && made.udp >= 0 && net_.bind(made.tcp, any_port) == 0 &&
                       net_.bind(made.udp, any_port) == 0 &&
                       net_.local_endpoint(made.tcp, made.tcp_address) == 0 &&
                       net_.local_endpoint(made.udp, made.udp_address) == 0 &&
                       net_.connect(made.udp, made.udp_address) == 0;
  if (!is_made) made.tcp_address = made.udp_address = Endpoint::loopback(1, family);
  return made;
}

void PortPlayer::play(const Step& step) {
  retry_ = {};
  result_ = "no such slot";
  for (Slot& slot : slots_) {
    if (can_write(slot.reported)) slot.is_filled = false;
  }
  const bool makes = step.kind <= Kind::make_pipe;
  const bool has_port = local_of(step.slot).port() != 0;
  if (makes || fd_of(step.slot) >= 0) (this->*actions()[static_cast<std::size_t>(step.kind)])(step);
  const bool is_given = step.kind == Kind::bind_taken || step.kind == Kind::receive_descriptor;
  if (!has_port && !is_given) names_.chosen(local_of(step.slot));
}

std::string PortPlayer::look() {
  if (retry_) {
    result_ = retry_();
    // Data after the end of a drain still arrives after shutdown(2).
    const bool drains = result_.ends_with("filling, end");
    if (!drains && !result_.ends_with(too_early)) retry_ = {};
  }
  return result_ + " |" + readiness();
}

// --- slots --------------------------------------------------------------------------------------

Token PortPlayer::token_of(std::size_t at) const {
  return Token{(std::uint64_t{slots_[at].generation} << Sink::generation_shift) |
               at * Sink::slot_size};
}

void PortPlayer::put(std::size_t at, int fd) {
  empty(at);
  slots_[at] = {.fd = fd, .generation = ++generation_};
  // Otherwise small pieces wait until the peer acknowledges the last one.
  (void)net_.set(fd, SocketOption::nodelay, 1);  // a socket without this option does not need it
  watch(at, Ready::both);
}

void PortPlayer::empty(std::size_t at) {
  Slot& slot = slots_[at];
  if (slot.fd < 0) return;
  unwatch(at);
  record(net_.close(slot.fd));
  if (!slot.path.empty()) kernel_.remove(slot.path);
  slot = {};
}

void PortPlayer::watch(std::size_t at, Ready interest) {
  Slot& slot = slots_[at];
  const std::error_code error = backend_.watch(slot.fd, slot.interest, interest, token_of(at));
  if (error) {
    result_ += " watch: " + error.message();
    return;
  }
  slot.interest = interest;
  slot.is_watched = true;
  result_ = "ok";
}

void PortPlayer::unwatch(std::size_t at) {
  Slot& slot = slots_[at];
  if (slot.is_watched) backend_.unwatch(slot.fd, slot.interest);
  slot.interest = Ready::none;
  slot.is_watched = false;
}

std::string PortPlayer::readiness() {
  CollectingSink sink;
  const std::error_code error = backend_.wait(sink, backend_.now());
  std::string text;
  if (error) text += " wait: " + error.message();
  for (std::size_t at = 0; at < slot_count; ++at) {
    if (slots_[at].fd < 0 || !slots_[at].is_watched) continue;
    // Readiness that is not awaited may or may not be reported.
    Slot& slot = slots_[at];
    slot.reported = sink.reported(token_of(at)) & slot.interest;
    if (slot.reported != Ready::none && kernel_.hangs(slot.fd)) slot.reported = slot.interest;
    text += " s" + std::to_string(at) + ':' + text_of(slot.reported);
  }
  return text;
}

// --- results ------------------------------------------------------------------------------------

void PortPlayer::record(int result) {
  result_ = result >= 0 ? std::to_string(result) : error_text(-result);
}

void PortPlayer::tell_transfer(std::ptrdiff_t result) {
  result_ = result >= 0 ? std::to_string(result) : error_text(errno);
}

void PortPlayer::attempt(std::function<std::string()> action) {
  result_ = action();
  if (result_.ends_with(too_early) || result_.ends_with("filling, end")) {
    retry_ = std::move(action);
  }
}

Endpoint PortPlayer::path_endpoint(std::uint32_t number) const {
  return parsed("unix:" + kernel_.prefix() + std::to_string(number));
}
Endpoint PortPlayer::abstract_endpoint(std::uint32_t number) const {
  return parsed("unix:@" + kernel_.prefix() + std::to_string(number));
}

AddressFamily PortPlayer::family_of(std::size_t at) {
  Endpoint local;
  return net_.local_endpoint(fd_of(at), local) == 0 ? local.family() : AddressFamily::unix_domain;
}

Endpoint PortPlayer::local_of(std::size_t at) {
  Endpoint local;
  return fd_of(at) >= 0 && net_.local_endpoint(fd_of(at), local) == 0 ? local : Endpoint{};
}

std::string PortPlayer::into(std::size_t at, int fd) {
  if (fd < 0) return error_text(-fd);
  put(at, fd);
  return "ok";
}

// --- making and closing -------------------------------------------------------------------------

void PortPlayer::make_socket(const Step& step) {
  const int fd = net_.socket(families[step.number / 3 % 3], types[step.number % 3]);
  result_ = into(step.slot, fd);
}

void PortPlayer::make_pair(const Step& step) {
  int fds[2];
  const int result = net_.pair(types[step.number % 3], fds);
  if (result >= 0) {
    put(step.slot, fds[0]);
    put(step.other, fds[1]);
  }
  record(result);
}

void PortPlayer::make_pipe(const Step& step) {
  int fds[2];
  const int result = kernel_.pipe(fds);
  if (result >= 0) {
    put(step.slot, fds[0]);
    put(step.other, fds[1]);
  }
  record(result);
}

void PortPlayer::close(const Step& step) { empty(step.slot); }

void PortPlayer::close_with_reset(const Step& step) {
  // A socket without this option gets a plain close.
  (void)net_.set(fd_of(step.slot), SocketOption::linger, 0);
  empty(step.slot);
}

// --- addresses ----------------------------------------------------------------------------------

void PortPlayer::bind(std::size_t at, const Endpoint& to) {
  const int result = net_.bind(fd_of(at), to);
  if (result == 0) slots_[at].owns_port = true;
  if (result == 0 && to.family() == AddressFamily::unix_domain && !to.host().starts_with('@')) {
    slots_[at].path = to.host();
  }
  record(result);
}

void PortPlayer::bind_loopback(const Step& step) {
  bind(step.slot,
       Endpoint::loopback(0, family_of(step.slot) == AddressFamily::ipv6 ? AddressFamily::ipv6
                                                                         : AddressFamily::ipv4));
}
void PortPlayer::bind_any(const Step& step) {
  bind(step.slot,
       Endpoint::any(0, family_of(step.slot) == AddressFamily::ipv6 ? AddressFamily::ipv6
                                                                    : AddressFamily::ipv4));
}
/// A port that a connection chose may also be in use elsewhere on this system, or for a minute
/// after its end, so a script cannot know whether it can be bound.
void PortPlayer::bind_taken(const Step& step) {
  Endpoint taken;
  if (fd_of(step.other) < 0 || net_.local_endpoint(fd_of(step.other), taken) != 0) return;
  const bool is_known = taken.family() == AddressFamily::unix_domain || taken.port() == 0 ||
                        (slots_[step.other].owns_port && type_of(step.slot) == type_of(step.other));
  if (!is_known) return;
  // Linux would choose a name if none is given.
  if (!taken.host().empty()) {
    bind(step.slot, taken);
  }
}
/// An address without a host: RFC 5737, RFC 3849.
void PortPlayer::bind_foreign(const Step& step) {
  bind(step.slot,
       parsed(family_of(step.slot) == AddressFamily::ipv6 ? "[2001:db8::1]:0" : "192.0.2.1:0"));
}
void PortPlayer::bind_other_family(const Step& step) {
  switch (family_of(step.slot)) {
    case AddressFamily::ipv4:
      return bind(step.slot, Endpoint::loopback(0, AddressFamily::ipv6));
    case AddressFamily::ipv6:
      return bind(step.slot, path_endpoint(9));
    case AddressFamily::unix_domain:
      return bind(step.slot, Endpoint::loopback(0));
  }
}
void PortPlayer::bind_path(const Step& step) { bind(step.slot, path_endpoint(step.number)); }
void PortPlayer::bind_abstract(const Step& step) {
  bind(step.slot, abstract_endpoint(step.number));
}

void PortPlayer::ask_local(const Step& step) {
  Endpoint address;
  const int result = net_.local_endpoint(fd_of(step.slot), address);
  record(result);
  if (result >= 0) result_ = names_.name(address);
}
void PortPlayer::ask_peer(const Step& step) {
  Endpoint address;
  const int result = net_.remote_endpoint(fd_of(step.slot), address);
  record(result);
  if (result >= 0) result_ = names_.name(address);
}
/// The identity differs.
void PortPlayer::ask_credentials(const Step& step) {
  Credentials peer;
  record(net_.credentials(fd_of(step.slot), peer));
}

// --- connections --------------------------------------------------------------------------------

void PortPlayer::listen(const Step& step) {
  record(net_.listen(fd_of(step.slot), static_cast<int>(step.number)));
}

void PortPlayer::accept(const Step& step) {
  attempt([this, step] { return into(step.other, net_.accept(fd_of(step.slot), nullptr)); });
}
void PortPlayer::accept_with_peer(const Step& step) {
  attempt([this, step] {
    Endpoint peer;
    const std::string text = into(step.other, net_.accept(fd_of(step.slot), &peer));
    return text == "ok" ? names_.name(peer) : text;
  });
}

void PortPlayer::connect(const Step& step) {
  Endpoint to;
  if (fd_of(step.other) < 0 || net_.local_endpoint(fd_of(step.other), to) != 0) return;
  record(net_.connect(fd_of(step.slot), to));
}
void PortPlayer::connect_deserted(const Step& step) {
  const Deserted& deserted = deserted_[family_of(step.slot) == AddressFamily::ipv6 ? 1 : 0];
  record(net_.connect(fd_of(step.slot), deserted.tcp_address));
}
void PortPlayer::connect_self(const Step& step) {
  Endpoint own;
  if (net_.local_endpoint(fd_of(step.slot), own) != 0) return;
  record(net_.connect(fd_of(step.slot), own));
}
void PortPlayer::connect_path(const Step& step) {
  record(net_.connect(fd_of(step.slot), path_endpoint(step.number)));
}
void PortPlayer::connect_abstract(const Step& step) {
  record(net_.connect(fd_of(step.slot), abstract_endpoint(step.number)));
}
void PortPlayer::connect_other_family(const Step& step) {
  const bool is_ipv4 = family_of(step.slot) == AddressFamily::ipv4;
  const Endpoint to = is_ipv4 ? Endpoint::loopback(1, AddressFamily::ipv6) : Endpoint::loopback(1);
  record(net_.connect(fd_of(step.slot), to));
}

/// If the reader of a full TCP connection has shut down its input, the filling arrives when the
/// closed window is probed, after an unspecified time. So a script does not combine the two.
bool PortPlayer::may_shut_input(std::size_t at) {
  if (type_of(at) != SOCK_STREAM || family_of(at) == AddressFamily::unix_domain) return true;
  if (!tcp_was_filled_) tcp_input_shut_ = true;
  return !tcp_was_filled_;
}

void PortPlayer::shut_read(const Step& step) {
  if (!may_shut_input(step.slot)) return record(-EBUSY);
  record(net_.shutdown(fd_of(step.slot), Direction::read));
}
void PortPlayer::shut_write(const Step& step) {
  record(net_.shutdown(fd_of(step.slot), Direction::write));
}
void PortPlayer::shut_both(const Step& step) {
  if (!may_shut_input(step.slot)) return record(-EBUSY);
  record(net_.shutdown(fd_of(step.slot), Direction::both));
}
void PortPlayer::take_error(const Step& step) {
  const int result = net_.take_error(fd_of(step.slot));
  result_ = result > 0    ? error_text(result)
            : result == 0 ? "none"
                          : "failed " + error_text(-result);
}

// --- readiness ----------------------------------------------------------------------------------

void PortPlayer::watch_read(const Step& step) { watch(step.slot, Ready::read); }
void PortPlayer::watch_write(const Step& step) { watch(step.slot, Ready::write); }
void PortPlayer::watch_both(const Step& step) { watch(step.slot, Ready::both); }
void PortPlayer::watch_nothing(const Step& step) { watch(step.slot, Ready::none); }
void PortPlayer::unwatch(const Step& step) { unwatch(step.slot); }

}  // namespace rondo::test
