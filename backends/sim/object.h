// What a descriptor refers to. Each kind of socket is one Object; calls that a kind does not know
// fail as Linux has them fail. Results are 0 or more, or the negative errno.
#pragma once

#include <cstddef>
#include <cstdint>
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

  /// What can be done now. Hang-up and error count as both directions.
  [[nodiscard]] virtual Ready ready() const noexcept = 0;
  /// The last descriptor has been closed.
  virtual void closed() = 0;
  /// The machine has crashed: lets go of everything, and tells nobody.
  virtual void vanish() noexcept = 0;
  /// `tcp 10.0.0.1:80 -> 10.0.0.2:40000`.
  [[nodiscard]] virtual std::string describe() const = 0;
  /// Whether to wait for it to be readable is to serve, not to wait for somebody.
  [[nodiscard]] virtual bool serves() const noexcept { return false; }
  /// For the report of who waits. The socket that this one is connected to, if there is one still.
  [[nodiscard]] virtual const Object* other_end() const noexcept { return nullptr; }
  /// Bytes that came and were not read; that were written and have not come to the other end.
  [[nodiscard]] virtual std::size_t unread() const noexcept { return 0; }
  [[nodiscard]] virtual std::size_t unsent() const noexcept { return 0; }

  virtual int bind(const Endpoint& local);
  virtual int listen(int backlog);
  /// Fills `accepted`, which has no descriptor yet.
  virtual int accept(Ref<Object>& accepted, Endpoint* peer);
  virtual int connect(const Endpoint& peer);
  /// Both set the sizes of the message; `receive` leaves descriptors in `rights`.
  virtual int receive(Message& message, std::vector<Ref<Object>>& rights);
  virtual int send(Message& message, std::vector<Ref<Object>> rights);
  virtual int shutdown(Direction direction);
  int membership(const Endpoint& group, bool member);
  virtual int local(Endpoint& address) const;
  virtual int peer(Endpoint& address) const;
  virtual int credentials(Credentials& peer) const;
  /// SO_ERROR, which reading clears.
  int take_error() noexcept { return std::exchange(error_, 0); }
  /// What a batch of messages found behind its first ones: the next call tells it.
  void keep_error(int error) noexcept { error_ = error; }
  [[nodiscard]] virtual bool is_socket() const noexcept { return true; }
  [[nodiscard]] virtual bool listens() const noexcept { return false; }
  /// Of its own choice, or because it has sent or connected.
  [[nodiscard]] virtual bool has_port() const noexcept { return false; }
  /// A pipe has two ends.
  [[nodiscard]] virtual bool reads() const noexcept { return true; }
  [[nodiscard]] virtual bool writes() const noexcept { return true; }

  /// Each descriptor, and each that is under way in a message, counts as one.
  void opened() noexcept { ++descriptors_; }
  void released();

  void watched_by(Poller& poller, std::uint32_t place);
  void unwatched_by(const Poller& poller, std::uint32_t place) noexcept;
  [[nodiscard]] bool is_watched() const noexcept { return watcher_.poller != nullptr; }
  [[nodiscard]] bool is_open() const noexcept { return descriptors_ != 0; }
  /// By all who watch it.
  [[nodiscard]] Ready awaited() const noexcept;
  [[nodiscard]] const Machine& machine() const noexcept { return machine_; }
  /// Readiness may have changed.
  void changed() noexcept;

 protected:
  ~Object() override;

  /// What Linux says of an address that is of another family: it looks at the size first.
  [[nodiscard]] int refusal_of(const Endpoint& address) const noexcept;

  [[nodiscard]] bool is_member_of(const Address& group) const noexcept {
    return more_ != nullptr && more_->groups.contains(group.ip);
  }

  Machine& machine_;
  int error_ = 0;

 private:
  struct Watcher {
    Poller* poller = nullptr;
    std::uint32_t place = 0;
  };
  template <typename Call>
  void each_watcher(Call call) const noexcept {
    if (watcher_.poller != nullptr) call(watcher_);
    if (more_ == nullptr) return;
    for (const Watcher& watcher : more_->watchers) call(watcher);
  }
  void lose_watchers() noexcept;

  /// What few have.
  struct More {
    std::vector<Watcher> watchers;
    std::set<Ip> groups;
  };
  More& more() {
    if (more_ == nullptr) more_ = std::make_unique<More>();
    return *more_;
  }

  std::uint32_t descriptors_ = 0;
  Watcher watcher_;  // the first, where there is one
  std::unique_ptr<More> more_;
};

using Rights = std::vector<Ref<Object>>;

[[nodiscard]] std::size_t size_of(const Message& message) noexcept;
/// A Unix socket without a name; also what is told where the system tells no address at all.
[[nodiscard]] Endpoint unnamed_endpoint() noexcept;
/// Copies `data` into the parts of the message, from `offset` on; returns how much there was room
/// for.
std::size_t fill(Message& message, std::size_t offset, Bytes data) noexcept;

}  // namespace rondo::sim
