// SPDX-License-Identifier: MIT
// UDP and Unix datagrams: each comes back unchanged, or not at all.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cast.h"
#include "datagrams.h"

namespace rondo::sim::scenario {
namespace {

constexpr Duration look_again_after = std::chrono::milliseconds{200};

/// A socket that is made again after its end.
class DatagramActor : public Actor, protected DatagramHandler {
 public:
  DatagramActor(Site& site, std::string_view role)
      : Actor(site, role), again_(site.reactor(), [this] { look(); }) {
    again_.arm_after(Duration::zero());
  }
  void destroy_something() override { socket_.reset(); }
  void stop_something() override {
    if (socket_) socket_->pause();
    paused_ = true;
  }

 protected:
  virtual Result<DatagramSocket> open() = 0;
  /// Acts from time to time.
  virtual void on_look() {}
  void stops_looking() { again_.cancel(); }

  std::optional<DatagramSocket> socket_;

 private:
  void look() {
    again_.arm_after(look_again_after);
    if (!socket_) {
      if (auto made = open()) socket_ = std::move(*made);
    } else if (std::exchange(paused_, false)) {
      socket_->resume();
    }
    on_look();
  }

  bool paused_ = false;
  Timer again_;
};

class DatagramServer final : public DatagramActor {
 public:
  DatagramServer(Site& site, std::string_view where)
      : DatagramActor(site, "datagram server"), where_(Endpoint::parse(where).value()) {}

  [[nodiscard]] bool is_over() const override { return true; }
  [[nodiscard]] bool is_server() const override { return true; }

 private:
  Result<DatagramSocket> open() override { return DatagramSocket::make(reactor(), where_, *this); }
  void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) override {
    for (const Datagram& datagram : received) {
      expect(!datagram.truncated, "a datagram was cut");
      socket.reply(datagram, datagram.data);
    }
    act_up();
  }

  Endpoint where_;
};

class DatagramClient final : public DatagramActor {
 public:
  DatagramClient(Site& site, std::string_view target)
      : DatagramActor(site, "datagram client"),
        target_(Endpoint::parse(target).value()),
        count_(1 + scene().draw(20)) {}

  [[nodiscard]] bool is_over() const override { return sent_ == count_ && is_late_; }
  [[nodiscard]] bool is_complete() const override { return heard_.size() == count_; }
  [[nodiscard]] std::string describe() const override {
    return who() + ": sent " + std::to_string(sent_) + ", heard " + std::to_string(heard_.size()) +
           " of " + std::to_string(count_);
  }

 private:
  Result<DatagramSocket> open() override {
    if (target_.family() != AddressFamily::unix_domain) {
      return DatagramSocket::make(reactor(), Endpoint::any(0), *this);
    }
    const std::string own = "unix:/run/client-" + std::to_string(scene().draw(1'000'000));
    return DatagramSocket::make(reactor(), Endpoint::parse(own).value(), *this);
  }
  void on_look() override {
    if (sent_ == count_) {
      is_late_ = is_late_ || reactor().now() - sent_at_ >= datagram_patience;
      if (is_late_) stops_looking();
      return;
    }
    if (!socket_) return;
    const std::string text = numbered(sent_);
    ++sent_;
    sent_at_ = reactor().now();
    socket_->send(std::as_bytes(std::span{text}), target_);
    act_up();
  }
  void on_datagrams(DatagramSocket&, std::span<const Datagram> received) override {
    for (const Datagram& datagram : received) {
      expect(datagram.from == target_, "a datagram from another sender");
      const std::string_view text{reinterpret_cast<const char*>(datagram.data.data()),
                                  datagram.data.size()};
      const std::uint64_t n = number_of(text);
      expect(n < sent_ && text == numbered(n), "a datagram that was not sent");
      if (std::find(heard_.begin(), heard_.end(), n) == heard_.end()) heard_.push_back(n);
    }
    act_up();
  }

  Endpoint target_;
  std::uint64_t count_;
  std::uint64_t sent_ = 0;
  TimePoint sent_at_{};
  bool is_late_ = false;
  std::vector<std::uint64_t> heard_;
};

}  // namespace

std::unique_ptr<Actor> make_datagram_server(Site& site, std::string_view where) {
  return std::make_unique<DatagramServer>(site, where);
}
std::unique_ptr<Actor> make_datagram_client(Site& site, std::string_view target) {
  return std::make_unique<DatagramClient>(site, target);
}

}  // namespace rondo::sim::scenario
