// SPDX-License-Identifier: MIT
// What the tests of borrowed descriptors share: terminals, pipes that block, and a net that does
// not open descriptors again.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "support/stream_fixture.h"

namespace rondo::test {

/// Both ends of a terminal that passes bytes on as they are, or neither if this system has none.
struct Terminal {
  Terminal() : master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)} {
    char name[128];
    if (::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) return;
    if (::ptsname_r(master.get(), name, sizeof(name)) != 0) return;
    slave = Fd{::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)};
    termios mode{};
    if (::tcgetattr(slave.get(), &mode) != 0) return;
    ::cfmakeraw(&mode);
    ::tcsetattr(slave.get(), TCSANOW, &mode);
  }
  [[nodiscard]] bool exists() const { return slave.get() >= 0; }
  Fd master;
  Fd slave;
};

/// Two ends of a pipe, or of a Unix stream, that block.
inline Pipe blocking_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
  return {Fd{fds[0]}, Fd{fds[1]}};
}
inline Pair blocking_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    throw std::runtime_error{"socketpair"};
  return {Fd{fds[0]}, Fd{fds[1]}};
}

inline Fd opened(const char* path, int flags) { return Fd{::open(path, flags | O_CLOEXEC)}; }

/// Open at its beginning.
inline Fd temporary_file(const std::string& text) {
  std::string path = (std::filesystem::temp_directory_path() / "rondo_XXXXXX").string();
  Fd file{::mkstemp(path.data())};
  std::filesystem::remove(path);
  ::fcntl(file.get(), F_SETFD, FD_CLOEXEC);
  write_all(file.get(), text);
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

/// Refuses to open descriptors again, as other systems do.
class WithoutReopening final : public Net {
 public:
  explicit WithoutReopening(Net& inner) : inner_(inner) {}
  int socket(AddressFamily family, SocketType type) noexcept override {
    return inner_.socket(family, type);
  }
  int pair(SocketType type, int (&fds)[2]) noexcept override { return inner_.pair(type, fds); }
  int bind(int fd, const Endpoint& local) noexcept override { return inner_.bind(fd, local); }
  int listen(int fd, int backlog) noexcept override { return inner_.listen(fd, backlog); }
  int accept(int fd, Endpoint* peer) noexcept override { return inner_.accept(fd, peer); }
  int connect(int fd, const Endpoint& peer) noexcept override { return inner_.connect(fd, peer); }
  std::ptrdiff_t read(MutableBytes into, int fd) noexcept override { return inner_.read(into, fd); }
  std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept override {
    return inner_.readv(into, fd);
  }
  std::ptrdiff_t write(Bytes data, int fd) noexcept override { return inner_.write(data, fd); }
  std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept override {
    return inner_.writev(data, fd);
  }
  std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept override {
    return inner_.write_file(data, fd);
  }
  std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                           int fd) noexcept override {
    return inner_.send_file(file, offset, size, fd);
  }
  int opened_for(int fd) noexcept override { return inner_.opened_for(fd); }
  int set_nonblocking(int fd) noexcept override { return inner_.set_nonblocking(fd); }
  [[nodiscard]] bool is_terminal(int fd) noexcept override { return inner_.is_terminal(fd); }
  std::ptrdiff_t read_shared(MutableBytes into, int fd) noexcept override {
    return inner_.read_shared(into, fd);
  }
  std::ptrdiff_t write_shared(std::span<const Bytes> data, int fd) noexcept override {
    return inner_.write_shared(data, fd);
  }
  int receive(int fd, std::span<Message> messages) noexcept override {
    return inner_.receive(fd, messages);
  }
  int send(int fd, std::span<Message> messages) noexcept override {
    return inner_.send(fd, messages);
  }
  int membership(int fd, const Endpoint& group, std::uint32_t interface,
                 bool member) noexcept override {
    return inner_.membership(fd, group, interface, member);
  }
  int shutdown(int fd, Direction direction) noexcept override {
    return inner_.shutdown(fd, direction);
  }
  int close(int fd) noexcept override { return inner_.close(fd); }
  int set(int fd, SocketOption option, int value) noexcept override {
    return inner_.set(fd, option, value);
  }
  int get(int fd, SocketOption option, int& value) noexcept override {
    return inner_.get(fd, option, value);
  }
  [[nodiscard]] bool accepted_inherit_options() const noexcept override {
    return inner_.accepted_inherit_options();
  }
  int option(int fd, int level, int name, MutableBytes value) noexcept override {
    return inner_.option(fd, level, name, value);
  }
  int set_option(int fd, int level, int name, Bytes value) noexcept override {
    return inner_.set_option(fd, level, name, value);
  }
  int local_endpoint(int fd, Endpoint& address) noexcept override {
    return inner_.local_endpoint(fd, address);
  }
  int remote_endpoint(int fd, Endpoint& address) noexcept override {
    return inner_.remote_endpoint(fd, address);
  }
  int credentials(int fd, Credentials& peer) noexcept override {
    return inner_.credentials(fd, peer);
  }
  int take_error(int fd) noexcept override { return inner_.take_error(fd); }

 private:
  Net& inner_;
};

class BorrowedOnEveryBackend : public StreamsOnEveryBackend {
 protected:
  void SetUp() override { RONDO_NEEDS(files); }

  /// Runs a part with descriptors that are opened again, and with others.
  template <typename Part>
  void with_and_without_reopening(Part part) {
    WithoutReopening without{spy.inner().net()};
    for (Net* const one : {&spy.inner().net(), static_cast<Net*>(&without)}) {
      SCOPED_TRACE(one == &without ? "not opened again" : "opened again");
      Reactor own{std::make_unique<NetBackend>(GetParam().make(), *one)};
      part(own);
    }
  }

  /// A backend with another net.
  class NetBackend final : public Backend {
   public:
    NetBackend(std::unique_ptr<Backend> inner, Net& net) : inner_(std::move(inner)), net_(net) {}
    std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
      return inner_->watch(fd, from, to, token);
    }
    void unwatch(int fd, Ready from) noexcept override { inner_->unwatch(fd, from); }
    std::error_code wait(Sink& sink, TimePoint deadline) override {
      return inner_->wait(sink, deadline);
    }
    void wake() noexcept override { inner_->wake(); }
    std::error_code reinit() noexcept override { return inner_->reinit(); }
    [[nodiscard]] TimePoint now() const noexcept override { return inner_->now(); }
    [[nodiscard]] Net& net() noexcept override { return net_; }

   private:
    std::unique_ptr<Backend> inner_;
    Net& net_;
  };

  /// What a stream that reads it makes of a descriptor: an error, what it has read and how it
  /// ended.
  std::string read_to_its_end(Reactor& own, int fd) {
    StreamRecorder recorder;
    const auto stream = Stream::borrow(own, fd, Direction::read, recorder);
    if (!stream) return stream.error().message();
    EXPECT_TRUE(own.run());
    EXPECT_EQ(recorder.closes, 1);
    return recorder.received + '|' + std::to_string(recorder.ends) + '|' + recorder.message;
  }
};

}  // namespace rondo::test
