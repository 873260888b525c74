// SPDX-License-Identifier: MIT
// The object that a descriptor refers to. Each kind of socket derives from Object; calls that a
// kind does not support fail as on Linux. Results are 0 or more, or the negative errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/net.h>
#include <rondo/ready.h>

#include "address.h"
#include "option_values.h"
#include "ref.h"

namespace rondo::sim {

class Machine;
class Poller;

class Object : public Counted {
 public:
  Object(Machine& machine, AddressFamily family, SocketType type) noexcept;

  const AddressFamily family;
  const SocketType type;
  OptionValues options;

  /// What is ready. Hang-up and error make everything ready. There is no urgent data.
  [[nodiscard]] virtual Ready ready() const noexcept = 0;
  /// Called when the last descriptor is closed.
  virtual void closed() = 0;
  /// Called when the machine crashes: releases everything, without notice to a peer.
  virtual void vanish() noexcept = 0;
  /// `tcp 10.0.0.1:80 -> 10.0.0.2:40000`.
  [[nodiscard]] virtual std::string describe() const = 0;
  /// Whether it is a server's socket: waiting to read from it does not count as waiting.
  [[nodiscard]] virtual bool serves() const noexcept { return false; }
  /// For the report of what waits: the socket that this one is connected to, or null.
  [[nodiscard]] virtual const Object* other_end() const noexcept { return nullptr; }
  /// Bytes that arrived and were not read; bytes that were written and have not arrived.
  [[nodiscard]] virtual std::size_t unread() const noexcept { return 0; }
  [[nodiscard]] virtual std::size_t unsent() const noexcept { return 0; }

  virtual int bind(const Endpoint& local);
  virtual int listen(int backlog);
  /// Sets `accepted`, which has no descriptor yet.
  virtual int accept(Ref<Object>& accepted, Endpoint* peer);
  virtual int connect(const Endpoint& peer);
  /// Both set the sizes of the message; receive() puts received descriptors into `rights`.
  virtual int receive(Message& message, std::vector<Ref<Object>>& rights);
  virtual int send(Message& message, std::vector<Ref<Object>> rights);
  virtual int shutdown(Direction direction);
  int membership(const Endpoint& group, bool member);
  int source_membership(const Endpoint& group, const Endpoint& source, bool member);
  virtual int forget_peer();
  virtual int local(Endpoint& address) const;
  virtual int peer(Endpoint& address) const;
  virtual int credentials(Credentials& peer) const;
  /// SO_ERROR, which reading clears.
  int take_error() noexcept { return std::exchange(error_, 0); }
  /// An error after the first messages of a batch: the next call returns it.
  void keep_error(int error) noexcept { error_ = error; }
  [[nodiscard]] virtual bool is_socket() const noexcept { return true; }
  [[nodiscard]] virtual bool listens() const noexcept { return false; }
  /// Whether it has a local address: by bind(), or because it has sent or connected.
  [[nodiscard]] virtual bool has_port() const noexcept { return false; }
  /// A pipe has two ends.
  [[nodiscard]] virtual bool reads() const noexcept { return true; }
  [[nodiscard]] virtual bool writes() const noexcept { return true; }

  /// Each descriptor, and each one in flight in a message, counts as one.
  void opened() noexcept { ++descriptors_; }
  void released();

  void watched_by(Poller& poller, std::uint32_t slot);
  void unwatched_by(const Poller& poller, std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_watched() const noexcept { return watcher_.poller != nullptr; }
  [[nodiscard]] bool is_open() const noexcept { return descriptors_ != 0; }
  /// The interests of all watchers.
  [[nodiscard]] Ready awaited() const noexcept;
  [[nodiscard]] const Machine& machine() const noexcept { return machine_; }
  /// Call it when the readiness may have changed.
  void changed() noexcept;

 protected:
  ~Object() override;

  /// The error of Linux for an address of another family, which depends on the size of the address.
  [[nodiscard]] int refusal_of(const Endpoint& address) const noexcept;

  /// Whether it is a member of the group for datagrams of `source`.
  [[nodiscard]] bool is_member_of(const Address& group, const Address& source) const noexcept;

  Machine& machine_;
  int error_ = 0;

 private:
  struct Watcher {
    Poller* poller = nullptr;
    std::uint32_t slot = 0;
  };
  template <typename Call>
  void each_watcher(Call call) const noexcept {
    if (watcher_.poller != nullptr) call(watcher_);
    if (more_ == nullptr) return;
    for (const Watcher& watcher : more_->watchers) call(watcher);
  }
  void lose_watchers() noexcept;

  /// Members that few objects need.
  struct More {
    std::vector<Watcher> watchers;
    std::set<Ip> groups;
    std::map<Ip, std::set<Ip>> groups_by_source;  // each has a source
  };
  More& more() {
    if (more_ == nullptr) more_ = std::make_unique<More>();
    return *more_;
  }

  std::uint32_t descriptors_ = 0;
  Watcher watcher_;  // the first watcher, if there is one
  std::unique_ptr<More> more_;
};

using Rights = std::vector<Ref<Object>>;

[[nodiscard]] std::size_t size_of(const Message& message) noexcept;
/// The address of an unnamed Unix socket; also reported where the system reports no address.
[[nodiscard]] Endpoint unnamed_endpoint() noexcept;
/// Copies `data` into the parts of the message, from `offset` on; returns the number of bytes that
/// fitted.
std::size_t fill(Message& message, std::size_t offset, Bytes data) noexcept;

}  // namespace rondo::sim
