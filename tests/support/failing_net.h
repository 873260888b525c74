// A Net that passes everything on to another, but for the calls a test wants to see failing.
#pragma once

#include <cerrno>
#include <map>
#include <string_view>

#include <rondo/net.h>

namespace rondo::test {

class FailingNet : public Net {
 public:
  explicit FailingNet(Net& inner) : inner_(inner) {}

  /// After `skip` calls of that name, the next `times` give `-error` without having been made.
  void fail(std::string_view call, int error, int times = 1, int skip = 0) {
    plans_[call] = {error, times, skip};
  }
  /// How often that call was made, the failed ones included.
  [[nodiscard]] int calls(std::string_view call) const {
    const auto found = calls_.find(call);
    return found == calls_.end() ? 0 : found->second;
  }

  int socket(AddressFamily family, SocketType type) noexcept override {
    const int error = next("socket");
    return error != 0 ? error : inner_.socket(family, type);
  }
  int pair(SocketType type, int (&fds)[2]) noexcept override {
    const int error = next("pair");
    return error != 0 ? error : inner_.pair(type, fds);
  }
  int bind(int fd, const Endpoint& local) noexcept override {
    const int error = next("bind");
    return error != 0 ? error : inner_.bind(fd, local);
  }
  int listen(int fd, int backlog) noexcept override {
    const int error = next("listen");
    return error != 0 ? error : inner_.listen(fd, backlog);
  }
  int accept(int fd, Endpoint* peer) noexcept override {
    const int error = next("accept");
    return error != 0 ? error : inner_.accept(fd, peer);
  }
  int connect(int fd, const Endpoint& peer) noexcept override {
    const int error = next("connect");
    return error != 0 ? error : inner_.connect(fd, peer);
  }
  std::ptrdiff_t read(MutableBytes into, int fd) noexcept override {
    return fails("read") ? -1 : inner_.read(into, fd);
  }
  std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept override {
    return fails("readv") ? -1 : inner_.readv(into, fd);
  }
  std::ptrdiff_t write(Bytes data, int fd) noexcept override {
    return fails("write") ? -1 : inner_.write(data, fd);
  }
  std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept override {
    return fails("writev") ? -1 : inner_.writev(data, fd);
  }
  std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept override {
    return fails("write_file") ? -1 : inner_.write_file(data, fd);
  }
  std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                           int fd) noexcept override {
    return fails("send_file") ? -1 : inner_.send_file(file, offset, size, fd);
  }
  int opened_for(int fd) noexcept override {
    const int error = next("opened_for");
    return error != 0 ? error : inner_.opened_for(fd);
  }
  int set_nonblocking(int fd) noexcept override {
    const int error = next("set_nonblocking");
    return error != 0 ? error : inner_.set_nonblocking(fd);
  }
  int receive(int fd, std::span<Message> messages) noexcept override {
    const int error = next("receive");
    return error != 0 ? error : inner_.receive(fd, messages);
  }
  int send(int fd, std::span<Message> messages) noexcept override {
    const int error = next("send");
    return error != 0 ? error : inner_.send(fd, messages);
  }
  int membership(int fd, const Endpoint& group, std::uint32_t interface,
                 bool member) noexcept override {
    const int error = next("membership");
    return error != 0 ? error : inner_.membership(fd, group, interface, member);
  }
  int shutdown(int fd, Direction direction) noexcept override {
    const int error = next("shutdown");
    return error != 0 ? error : inner_.shutdown(fd, direction);
  }
  int close(int fd) noexcept override { return inner_.close(fd); }
  int set(int fd, SocketOption option, int value) noexcept override {
    const int error = next("set");
    return error != 0 ? error : inner_.set(fd, option, value);
  }
  int get(int fd, SocketOption option, int& value) noexcept override {
    const int error = next("get");
    return error != 0 ? error : inner_.get(fd, option, value);
  }
  [[nodiscard]] bool accepted_inherit_options() const noexcept override {
    return inner_.accepted_inherit_options();
  }
  int option(int fd, int level, int name, MutableBytes value) noexcept override {
    const int error = next("option");
    return error != 0 ? error : inner_.option(fd, level, name, value);
  }
  int set_option(int fd, int level, int name, Bytes value) noexcept override {
    const int error = next("set_option");
    return error != 0 ? error : inner_.set_option(fd, level, name, value);
  }
  int local_endpoint(int fd, Endpoint& address) noexcept override {
    return inner_.local_endpoint(fd, address);
  }
  int remote_endpoint(int fd, Endpoint& address) noexcept override {
    return inner_.remote_endpoint(fd, address);
  }
  int credentials(int fd, Credentials& peer) noexcept override {
    const int error = next("credentials");
    return error != 0 ? error : inner_.credentials(fd, peer);
  }
  int take_error(int fd) noexcept override {
    const int error = next("take_error");
    return error != 0 ? error : inner_.take_error(fd);
  }

 private:
  struct Plan {
    int error;
    int times;
    int skip;
  };

  int next(std::string_view call) {
    ++calls_[call];
    const auto found = plans_.find(call);
    if (found == plans_.end() || found->second.times == 0) return 0;
    Plan& plan = found->second;
    if (plan.skip > 0) {
      --plan.skip;
      return 0;
    }
    --plan.times;
    return -plan.error;
  }

  /// The same for the calls that say -1 and errno.
  bool fails(std::string_view call) {
    const int error = next(call);
    if (error != 0) errno = -error;
    return error != 0;
  }

  Net& inner_;
  std::map<std::string_view, Plan> plans_;
  std::map<std::string_view, int> calls_;
};

}  // namespace rondo::test
