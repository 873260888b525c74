// SPDX-License-Identifier: MIT
// The socket calls of one process. After its machine has crashed, each call fails with EBADF, so
// that objects of the old process cannot close what the next process has opened.
#pragma once

#include <rondo/net.h>

#include "object.h"

namespace rondo::sim {

class Machine;
enum class Fault : std::uint8_t;

class SimNet final : public Net {
 public:
  explicit SimNet(Machine& machine) noexcept : machine_(machine) {}
  void end() noexcept { is_over_ = true; }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }

  int pipe(int (&fds)[2]) noexcept;
  int duplicate(int fd) noexcept;

  int socket(AddressFamily family, SocketType type) noexcept override;
  int pair(SocketType type, int (&fds)[2]) noexcept override;
  int bind(int fd, const Endpoint& local) noexcept override;
  int listen(int fd, int backlog) noexcept override;
  int accept(int fd, Endpoint* peer) noexcept override;
  int connect(int fd, const Endpoint& peer) noexcept override;
  std::ptrdiff_t read(MutableBytes into, int fd) noexcept override;
  std::ptrdiff_t readv(std::span<const MutableBytes> into, int fd) noexcept override;
  std::ptrdiff_t write(Bytes data, int fd) noexcept override;
  std::ptrdiff_t writev(std::span<const Bytes> data, int fd) noexcept override;
  std::ptrdiff_t write_file(std::span<const Bytes> data, int fd) noexcept override;
  std::ptrdiff_t send_file(int file, std::uint64_t offset, std::size_t size,
                           int fd) noexcept override;
  int opened_for(int fd) noexcept override;
  int set_nonblocking(int fd) noexcept override;
  int receive(int fd, std::span<Message> messages) noexcept override;
  int send(int fd, std::span<Message> messages) noexcept override;
  int membership(int fd, const Endpoint& group, std::uint32_t interface,
                 bool member) noexcept override;
  int source_membership(int fd, const Endpoint& group, const Endpoint& source,
                        std::uint32_t interface, bool member) noexcept override;
  int disconnect(int fd) noexcept override;
  int shutdown(int fd, Direction direction) noexcept override;
  int close(int fd) noexcept override;
  int set(int fd, SocketOption option, int value) noexcept override;
  int get(int fd, SocketOption option, int& value) noexcept override;
  [[nodiscard]] bool accepted_inherit_options() const noexcept override { return true; }
  int option(int fd, int level, int name, MutableBytes value) noexcept override;
  int set_option(int fd, int level, int name, Bytes value) noexcept override;
  int local_endpoint(int fd, Endpoint& address) noexcept override;
  int remote_endpoint(int fd, Endpoint& address) noexcept override;
  int credentials(int fd, Credentials& peer) noexcept override;
  int take_error(int fd) noexcept override;
  [[nodiscard]] bool binds_files() const noexcept override { return false; }

 private:
  /// Calls `action` with the object, then delivers what it has sent within the machine.
  template <typename Action>
  int with(int fd, Action action) noexcept;
  [[nodiscard]] int refusal_to_open() const noexcept;
  Ref<Object> make(AddressFamily family, SocketType type);
  int receive_one(Object& object, Message& message);
  int send_one(Object& object, Message& message);
  std::ptrdiff_t write_parts(std::span<const Bytes> data, int fd, bool to_socket) noexcept;

  Machine& machine_;
  bool is_over_ = false;
};

}  // namespace rondo::sim
