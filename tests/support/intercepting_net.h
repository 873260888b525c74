// SPDX-License-Identifier: MIT
// A Net that forwards each call to another, unless a derived class lets the call fail.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <rondo/net.h>

#include "support/allocation_counter.h"

namespace rondo::test {

/// The calls that can fail: those of the Net and the Backend, and operator new.
enum class Call : std::uint8_t {
  socket,
  pair,
  bind,
  listen,
  accept,
  connect,
  read,
  readv,
  write,
  writev,
  write_file,
  send_file,
  receive,
  send,
  membership,
  shutdown,
  close,
  set,
  get,
  option,
  set_option,
  local_endpoint,
  remote_endpoint,
  credentials,
  take_error,
  opened_for,
  set_nonblocking,
  watch,
  wait,
  reinit,
  allocate,
};
constexpr std::size_t call_count = static_cast<std::size_t>(Call::allocate) + 1;

[[nodiscard]] constexpr std::string_view name_of(Call call) noexcept {
  constexpr std::array<std::string_view, call_count> names = {"socket",
                                                              "pair",
                                                              "bind",
                                                              "listen",
                                                              "accept",
                                                              "connect",
                                                              "read",
                                                              "readv",
                                                              "write",
                                                              "writev",
                                                              "write_file",
                                                              "send_file",
                                                              "receive",
                                                              "send",
                                                              "membership",
                                                              "shutdown",
                                                              "close",
                                                              "set",
                                                              "get",
                                                              "option",
                                                              "set_option",
                                                              "local_endpoint",
                                                              "remote_endpoint",
                                                              "credentials",
                                                              "take_error",
                                                              "opened_for",
                                                              "set_nonblocking",
                                                              "watch",
                                                              "wait",
                                                              "reinit",
                                                              "allocate"};
  return names[static_cast<std::size_t>(call)];
}

/// Instead of an errno: the call moves one byte, or one message, and no more.
constexpr int moves_one = -1;

/// Whether operator new may also fail below the port, or allocations succeed there.
enum class Below : bool { is_starved, is_spared };

class InterceptingNet : public Net {
 public:
  int socket(AddressFamily family, SocketType type) noexcept override {
    return forward(Call::socket, [&] { return inner_.socket(family, type); });
  }
  int pair(SocketType type, int (&fds)[2]) noexcept override {
    return forward(Call::pair, [&] { return inner_.pair(type, fds); });
  }
  int bind(int fd, const Endpoint& local) noexcept override {
    return forward(Call::bind, [&] { return inner_.bind(fd, local); });
  }
  int listen(int fd, int backlog) noexcept override {
    return forward(Call::listen, [&] { return inner_.listen(fd, backlog); });
  }
  int accept(int fd, Endpoint* peer) noexcept override {
    return forward(Call::accept, [&] { return inner_.accept(fd, peer); });
  }
  int connect(int fd, const Endpoint& peer) noexcept override {
    return forward(Call::connect, [&] { return inner_.connect(fd, peer); });
  }
  std::ptrdiff_t read(MutableBytes into, int fd) noexcept override {
    return move(Call::read, into.size(),
                [&](std::size_t size) { return inner_.read(into.first(size), fd); });
  }
  std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept override {
    return move_parts(Call::readv, into, [&](auto parts) { return inner_.readv(parts, fd); });
  }
  std::ptrdiff_t write(Bytes data, int fd) noexcept override {
    return move(Call::write, data.size(),
                [&](std::size_t size) { return inner_.write(data.first(size), fd); });
  }
  std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept override {
    return move_parts(Call::writev, data, [&](auto parts) { return inner_.writev(parts, fd); });
  }
  std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept override {
    return move_parts(Call::write_file, data,
                      [&](auto parts) { return inner_.write_file(parts, fd); });
  }
  std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                           int fd) noexcept override {
    return move(Call::send_file, size,
                [&](std::size_t some) { return inner_.send_file(file, offset, some, fd); });
  }
  int opened_for(int fd) noexcept override {
    return forward(Call::opened_for, [&] { return inner_.opened_for(fd); });
  }
  int set_nonblocking(int fd) noexcept override {
    return forward(Call::set_nonblocking, [&] { return inner_.set_nonblocking(fd); });
  }
  [[nodiscard]] bool is_terminal(int fd) noexcept override { return inner_.is_terminal(fd); }
  int reopen(int fd) noexcept override { return inner_.reopen(fd); }
  std::ptrdiff_t read_shared(MutableBytes into, int fd) noexcept override {
    return move(Call::read, into.size(),
                [&](std::size_t size) { return inner_.read_shared(into.first(size), fd); });
  }
  std::ptrdiff_t write_shared(std::span<const Bytes> data, int fd) noexcept override {
    return move_parts(Call::write_file, data,
                      [&](auto parts) { return inner_.write_shared(parts, fd); });
  }
  int receive(int fd, std::span<Message> messages) noexcept override {
    return move_messages(Call::receive, messages,
                         [&](auto some) { return inner_.receive(fd, some); });
  }
  int send(int fd, std::span<Message> messages) noexcept override {
    return move_messages(Call::send, messages, [&](auto some) { return inner_.send(fd, some); });
  }
  int membership(int fd, const Endpoint& group, std::uint32_t interface,
                 bool member) noexcept override {
    return forward(Call::membership,
                   [&] { return inner_.membership(fd, group, interface, member); });
  }
  int source_membership(int fd, const Endpoint& group, const Endpoint& source,
                        std::uint32_t interface, bool member) noexcept override {
    return forward(Call::membership,
                   [&] { return inner_.source_membership(fd, group, source, interface, member); });
  }
  int disconnect(int fd) noexcept override {
    return forward(Call::connect, [&] { return inner_.disconnect(fd); });
  }
  int shutdown(int fd, Direction direction) noexcept override {
    return forward(Call::shutdown, [&] { return inner_.shutdown(fd, direction); });
  }
  /// The descriptor is closed also when the call fails.
  int close(int fd) noexcept override {
    const int error = next(Call::close);
    const Guard guard{below_};
    const int result = inner_.close(fd);
    closed_twice_ |= result == -EBADF;
    return error != 0 ? -error : result;
  }
  int set(int fd, SocketOption option, int value) noexcept override {
    return forward(Call::set, [&] { return inner_.set(fd, option, value); });
  }
  int get(int fd, SocketOption option, int& value) noexcept override {
    return forward(Call::get, [&] { return inner_.get(fd, option, value); });
  }
  [[nodiscard]] bool accepted_inherit_options() const noexcept override {
    return inner_.accepted_inherit_options();
  }
  int option(int fd, int level, int name, MutableBytes value) noexcept override {
    return forward(Call::option, [&] { return inner_.option(fd, level, name, value); });
  }
  int set_option(int fd, int level, int name, Bytes value) noexcept override {
    return forward(Call::set_option, [&] { return inner_.set_option(fd, level, name, value); });
  }
  int local_endpoint(int fd, Endpoint& address) noexcept override {
    return forward(Call::local_endpoint, [&] { return inner_.local_endpoint(fd, address); });
  }
  int remote_endpoint(int fd, Endpoint& address) noexcept override {
    return forward(Call::remote_endpoint, [&] { return inner_.remote_endpoint(fd, address); });
  }
  int credentials(int fd, Credentials& peer) noexcept override {
    return forward(Call::credentials, [&] { return inner_.credentials(fd, peer); });
  }
  /// The error of a connection is a positive number, a failure of this call a negative one.
  int take_error(int fd) noexcept override {
    if (const int error = next(Call::take_error))
      return error == EBADF || error == EINVAL ? -error : error;
    const Guard guard{below_};
    return inner_.take_error(fd);
  }
  [[nodiscard]] bool binds_files() const noexcept override { return inner_.binds_files(); }
  [[nodiscard]] std::size_t descriptors_max() const noexcept override {
    return inner_.descriptors_max();
  }

  /// Whether close() was called with a number that was not open.
  [[nodiscard]] bool closed_twice() const noexcept { return closed_twice_; }

 protected:
  explicit InterceptingNet(Net& inner, Below below = Below::is_starved) noexcept
      : inner_(inner), below_(below) {}

 private:
  class Guard {
   public:
    explicit Guard(Below below) noexcept {
      if (below == Below::is_spared) spared_.emplace();
    }

   private:
    std::optional<SparedAllocations> spared_;
  };

  /// Called before each call: the errno that it fails with, moves_one, or 0.
  virtual int next(Call call) noexcept = 0;

  template <typename Make>
  int forward(Call call, Make make) noexcept {
    if (const int error = next(call)) return -error;
    const Guard guard{below_};
    return make();
  }
  template <typename Make>
  int move_messages(Call call, std::span<Message> messages, Make make) noexcept {
    const int error = next(call);
    if (error > 0) return -error;
    const Guard guard{below_};
    return make(error == moves_one ? messages.first(1) : messages);
  }
  template <typename Make>
  std::ptrdiff_t move(Call call, std::size_t size, Make make) noexcept {
    const int error = next(call);
    if (error > 0) {
      errno = error;
      return -1;
    }
    const Guard guard{below_};
    return make(error == moves_one ? std::min<std::size_t>(size, 1) : size);
  }
  template <typename Part, typename Make>
  std::ptrdiff_t move_parts(Call call, std::span<const Part> parts, Make make) noexcept {
    const int error = next(call);
    if (error > 0) {
      errno = error;
      return -1;
    }
    const Guard guard{below_};
    if (error != moves_one || parts.empty()) return make(parts);
    const Part first_byte[] = {parts.front().first(std::min<std::size_t>(parts.front().size(), 1))};
    return make(std::span<const Part>{first_byte});
  }

  Net& inner_;
  const Below below_;
  bool closed_twice_ = false;
};

}  // namespace rondo::test
