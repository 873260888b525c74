// A Net that forwards to another, except for the call that must fail.
#pragma once

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>
#include <span>

#include <rondo/net.h>

#include "inject/injection.h"
#include "support/allocation_counter.h"

namespace rondo::test {

/// Whether operator new may also fail below the port, or allocations succeed there.
enum class Below : bool { is_starved, is_spared };

class InjectingNet final : public Net {
 public:
  InjectingNet(Net& inner, Injector& injector, Below below) noexcept
      : inner_(inner), injector_(injector), below_(below) {}

  int socket(AddressFamily family, SocketType type) noexcept override {
    if (const int error = injector_.next(Call::socket)) return -error;
    const Inside inside{*this};
    return inner_.socket(family, type);
  }
  int pair(SocketType type, int (&fds)[2]) noexcept override {
    if (const int error = injector_.next(Call::pair)) return -error;
    const Inside inside{*this};
    return inner_.pair(type, fds);
  }
  int bind(int fd, const Endpoint& where) noexcept override {
    if (const int error = injector_.next(Call::bind)) return -error;
    const Inside inside{*this};
    return inner_.bind(fd, where);
  }
  int listen(int fd, int backlog) noexcept override {
    if (const int error = injector_.next(Call::listen)) return -error;
    const Inside inside{*this};
    return inner_.listen(fd, backlog);
  }
  int accept(int fd, Endpoint* from) noexcept override {
    if (const int error = injector_.next(Call::accept)) return -error;
    const Inside inside{*this};
    return inner_.accept(fd, from);
  }
  int connect(int fd, const Endpoint& to) noexcept override {
    if (const int error = injector_.next(Call::connect)) return -error;
    const Inside inside{*this};
    return inner_.connect(fd, to);
  }
  int receive(int fd, std::span<Message> messages) noexcept override {
    const int error = injector_.next(Call::receive);
    if (error > 0) return -error;
    const Inside inside{*this};
    return inner_.receive(fd, error == moves_one ? messages.first(1) : messages);
  }
  int send(int fd, std::span<Message> messages) noexcept override {
    const int error = injector_.next(Call::send);
    if (error > 0) return -error;
    const Inside inside{*this};
    return inner_.send(fd, error == moves_one ? messages.first(1) : messages);
  }
  int membership(int fd, const Endpoint& group, std::uint32_t interface,
                 bool member) noexcept override {
    if (const int error = injector_.next(Call::membership)) return -error;
    const Inside inside{*this};
    return inner_.membership(fd, group, interface, member);
  }
  int shutdown(int fd, Direction direction) noexcept override {
    if (const int error = injector_.next(Call::shutdown)) return -error;
    const Inside inside{*this};
    return inner_.shutdown(fd, direction);
  }
  int set(int fd, SocketOption option, int value) noexcept override {
    if (const int error = injector_.next(Call::set)) return -error;
    const Inside inside{*this};
    return inner_.set(fd, option, value);
  }
  int get(int fd, SocketOption option, int& value) noexcept override {
    if (const int error = injector_.next(Call::get)) return -error;
    const Inside inside{*this};
    return inner_.get(fd, option, value);
  }
  int option(int fd, int level, int name, MutableBytes value) noexcept override {
    if (const int error = injector_.next(Call::option)) return -error;
    const Inside inside{*this};
    return inner_.option(fd, level, name, value);
  }
  int set_option(int fd, int level, int name, Bytes value) noexcept override {
    if (const int error = injector_.next(Call::set_option)) return -error;
    const Inside inside{*this};
    return inner_.set_option(fd, level, name, value);
  }
  int local_endpoint(int fd, Endpoint& address) noexcept override {
    if (const int error = injector_.next(Call::local)) return -error;
    const Inside inside{*this};
    return inner_.local_endpoint(fd, address);
  }
  int remote_endpoint(int fd, Endpoint& address) noexcept override {
    if (const int error = injector_.next(Call::peer)) return -error;
    const Inside inside{*this};
    return inner_.remote_endpoint(fd, address);
  }
  int credentials(int fd, Credentials& of) noexcept override {
    if (const int error = injector_.next(Call::credentials)) return -error;
    const Inside inside{*this};
    return inner_.credentials(fd, of);
  }
  std::ptrdiff_t read(MutableBytes into, int fd) noexcept override {
    return move(Call::read, into.size(),
                [&](std::size_t size) { return inner_.read(into.first(size), fd); });
  }
  std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept override {
    return move_parts(Call::readv, into, [&](auto parts) { return inner_.readv(parts, fd); });
  }
  std::ptrdiff_t write(Bytes data, int fd) noexcept override {
    return move(Call::write, std::min(data.size(), write_max_),
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
  /// From now on a write() takes at most this number of bytes.
  void set_write_max(std::size_t size) noexcept { write_max_ = size; }

  int opened_for(int fd) noexcept override {
    if (const int error = injector_.next(Call::opened_for)) return -error;
    const Inside inside{*this};
    return inner_.opened_for(fd);
  }
  int set_nonblocking(int fd) noexcept override {
    if (const int error = injector_.next(Call::set_nonblocking)) return -error;
    const Inside inside{*this};
    return inner_.set_nonblocking(fd);
  }
  /// The descriptor is closed nevertheless.
  int close(int fd) noexcept override {
    const int error = injector_.next(Call::close);
    const Inside inside{*this};
    const int result = inner_.close(fd);
    closed_twice_ |= result == -EBADF;
    return error != 0 ? -error : result;
  }
  /// The error of a connection is a positive number, a failure of this call a negative one.
  int take_error(int fd) noexcept override {
    const Inside inside{*this};
    if (const int error = injector_.next(Call::take_error)) {
      return error == EBADF || error == EINVAL ? -error : error;
    }
    return inner_.take_error(fd);
  }
  [[nodiscard]] bool accepted_inherit_options() const noexcept override {
    return inner_.accepted_inherit_options();
  }
  [[nodiscard]] bool binds_files() const noexcept override { return inner_.binds_files(); }

  /// Whether close() was called with a number that was not open.
  [[nodiscard]] bool closed_twice() const noexcept { return closed_twice_; }

 private:
  class Inside {
   public:
    explicit Inside(const InjectingNet& net) noexcept {
      if (net.below_ == Below::is_spared) spared_.emplace();
    }

   private:
    std::optional<SparedAllocations> spared_;
  };

  template <typename Make>
  std::ptrdiff_t move(Call call, std::size_t size, Make make) noexcept {
    const int error = injector_.next(call);
    if (error > 0) {
      errno = error;
      return -1;
    }
    const Inside inside{*this};
    return make(error == moves_one ? std::min<std::size_t>(size, 1) : size);
  }
  template <typename Part, typename Make>
  std::ptrdiff_t move_parts(Call call, std::span<const Part> parts, Make make) noexcept {
    if (parts.empty()) return make(parts);
    const Part first_byte[] = {parts.front().first(std::min<std::size_t>(parts.front().size(), 1))};
    const int error = injector_.next(call);
    if (error > 0) {
      errno = error;
      return -1;
    }
    const Inside inside{*this};
    return make(error == moves_one ? std::span<const Part>{first_byte} : parts);
  }

  Net& inner_;
  Injector& injector_;
  const Below below_;
  std::size_t write_max_ = std::numeric_limits<std::size_t>::max();
  bool closed_twice_ = false;
};

}  // namespace rondo::test
