// SPDX-License-Identifier: MIT
// Where a datagram is on its way to the task:
//
//   in the kernel              while no task waits: the socket is paused
//   in the reactor's buffer    while on_datagrams() runs. Usually the task waits, takes one after
//                              the other, and is suspended in the next receive(): nothing is copied
//   in kept_                   what was left when on_datagrams() returned: at most one batch, since
//                              the socket is paused then. What was taken of it stays until a task
//                              is suspended in receive(), since it is lent until then
#include <rondo/datagrams.h>

#include <deque>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/reactor.h>

namespace rondo {

class Datagrams::Impl final : public DatagramHandler {
 public:
  ~Impl() {
    if (gone_ != nullptr) *gone_ = true;
  }
  void start(DatagramSocket socket) noexcept {
    socket_.emplace(std::move(socket));
    socket_->pause();
  }

  [[nodiscard]] DatagramSocket& socket() noexcept { return *socket_; }
  [[nodiscard]] detail::WaitPlace& place() noexcept { return place_; }
  [[nodiscard]] bool has_some() const noexcept {
    return taken_ < kept_.size() || !batch_.empty() || error_ || has_ended_;
  }

  void begin_to_wait() noexcept {
    kept_.clear();
    taken_ = 0;
    socket_->resume();
  }
  void end_to_wait() noexcept { socket_->pause(); }

  [[nodiscard]] std::optional<ReceivedDatagram> take() {
    if (taken_ < kept_.size()) {
      const Kept& one = kept_[taken_++];
      return received({one.data, one.from, one.info, one.truncated, one.size});
    }
    if (!batch_.empty()) {
      auto one = received(batch_.front());
      batch_ = batch_.subspan(1);
      return one;
    }
    if (error_) throw std::system_error(std::exchange(error_, {}), "receive a datagram");
    return std::nullopt;
  }

 private:
  struct Kept {
    std::vector<std::byte> data;
    Endpoint from;
    MessageInfo info;
    bool truncated;
    std::size_t size;
  };

  static ReceivedDatagram received(const Datagram& one) {
    return {LentBytes{one.data}, one.from, one.info, one.truncated, one.size};
  }

  void on_datagrams(DatagramSocket&, std::span<const Datagram> received) override {
    keep_rest();  // an outer call has some, if the task runs the host of a hosted reactor
    bool gone = false;
    bool* const outer = std::exchange(gone_, &gone);
    batch_ = received;
    struct Rest {  // also after an exception of the task
      Impl* impl;
      bool& gone;
      bool* outer;
      ~Rest() {
        if (gone) {
          if (outer != nullptr) *outer = true;
          return;
        }
        impl->gone_ = outer;
        impl->keep_rest();
      }
    } const rest{this, gone, outer};
    place_.resume();
  }

  void keep_rest() noexcept {
    const auto rest = std::exchange(batch_, {});
    try {
      for (const Datagram& one : rest) {
        kept_.push_back(
            {{one.data.begin(), one.data.end()}, one.from, one.info, one.truncated, one.size});
      }
    } catch (const std::bad_alloc&) {
      error_ = std::make_error_code(std::errc::not_enough_memory);
    }
    if (!place_.is_awaited()) socket_->pause();
  }

  void on_error(DatagramSocket&, std::error_code error, const Endpoint* to) override {
    if (to != nullptr) return;  // it could not be sent, which is counted
    error_ = error;
    if (!place_.is_awaited()) return;
    socket_->pause();
    place_.resume();
  }

  void on_end(DatagramSocket&) override {
    has_ended_ = true;
    place_.resume();
  }

  std::optional<DatagramSocket> socket_;
  std::span<const Datagram> batch_;  // while on_datagrams() runs: what no task has taken
  std::deque<Kept> kept_;
  std::size_t taken_ = 0;  // the first of kept_ were taken, and may still be lent
  std::error_code error_;  // receiving has failed; until receive() has thrown it
  bool has_ended_ = false;
  bool* gone_ = nullptr;  // in on_datagrams(): set when this object is destroyed
  detail::WaitPlace place_{"Datagrams::receive"};
};

Datagrams::Datagrams(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Datagrams::Datagrams(Datagrams&& other) noexcept = default;
Datagrams::~Datagrams() = default;

template <typename Make>
Result<Datagrams> Datagrams::make_by(Make make) {
  auto impl = std::make_unique<Impl>();
  auto socket = make(*impl);
  if (!socket) return std::move(socket).error();
  impl->start(std::move(*socket));
  return Datagrams{std::move(impl)};
}

Result<Datagrams> Datagrams::make(Reactor& reactor, const Endpoint& local,
                                  const DatagramOptions& options) {
  return make_by(
      [&](Impl& handler) { return DatagramSocket::make(reactor, local, handler, options); });
}
Result<Datagrams> Datagrams::connect(Reactor& reactor, const Endpoint& peer,
                                     const DatagramOptions& options) {
  return make_by(
      [&](Impl& handler) { return DatagramSocket::connect(reactor, peer, handler, options); });
}
Result<Datagrams> Datagrams::adopt(Reactor& reactor, Socket socket,
                                   const DatagramOptions& options) {
  return make_by([&](Impl& handler) {
    return DatagramSocket::adopt(reactor, std::move(socket), handler, options);
  });
}

bool Datagrams::reply(const ReceivedDatagram& datagram, Bytes data) {
  return socket().reply({{}, datagram.from, datagram.info, datagram.truncated, datagram.size},
                        data);
}
DatagramSocket& Datagrams::socket() noexcept { return impl_->socket(); }

bool Datagrams::Receive::await_ready() const noexcept { return impl_.has_some(); }

void Datagrams::Receive::suspend(detail::TaskPromise& task) noexcept {
  suspend_at(impl_.place(), task);
  impl_.begin_to_wait();
}

std::optional<ReceivedDatagram> Datagrams::Receive::await_resume() { return impl_.take(); }

Datagrams::Receive::~Receive() {
  if (is_waiting()) impl_.end_to_wait();
}

}  // namespace rondo
