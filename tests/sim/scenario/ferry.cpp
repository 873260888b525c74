// SPDX-License-Identifier: MIT
// Descriptors over a Unix stream: each letter of the conversation carries one end of a pair, and
// the ferry writes that letter to it. No descriptor may leak, whichever side holds it at the end.
#include <algorithm>
#include <array>
#include <new>
#include <utility>
#include <vector>

#include "cast.h"
#include "client.h"
#include "ferry.h"
#include "serving.h"

namespace rondo::sim::scenario {
namespace {

class FerrySession final : public CheckedSession<Session> {
 public:
  using CheckedSession::CheckedSession;

  void on_open(Stream&) override { opened(); }
  void on_data(Stream&, Bytes data) override {
    const StreamCheck::Call call{calls, "on_data"};
    take(data);
    serving.acts_up();
  }
  void on_descriptors(Stream& client, Bytes data, ReceivedDescriptors received) override {
    const StreamCheck::Call call{calls, "on_descriptors"};
    take(data);
    for (Socket& socket : received.descriptors) {
      serving.scene_of().expect(carried_ < letters_.heard(), calls.who(),
                                "a descriptor without its letter");
      const std::array letter{static_cast<std::byte>(byte_at(ferry_key, carried_++))};
      (void)socket.write(letter);  // its peer may be closed
    }
    if (received.lost) {
      calls.closes();
      client.close();
    }
    serving.acts_up();
  }
  void on_end(Stream& client) override { peer_finished(client); }
  void on_close(Stream&, const Close& close) override { closed(close); }

 private:
  void take(Bytes data) {
    calls.received(data.size());
    serving.scene_of().expect(letters_.hears(data), calls.who(),
                              "received bytes that were not sent");
  }

  Hearing letters_{ferry_key};
  std::uint64_t carried_ = 0;
};

class Ferry final : public Serving {
 public:
  Ferry(Site& site, std::string_view where) : Serving(site, "ferry", where) {}

 private:
  /// A layer passes no descriptors.
  [[nodiscard]] SceneLayers* layers() const override { return nullptr; }
  Result<Server> serve_now() override {
    ServerOptions options = draw_options();
    options.stream.receive_descriptors = true;
    return serve<FerrySession>(reactor(), where(), options, static_cast<Serving&>(*this));
  }
};

class Passenger final : public Client, private StreamHandler {
 public:
  Passenger(Site& site, std::string_view target)
      : Client(site, "passenger"),
        letters_(1 + scene().draw(20)),
        next_(site.reactor(), [this] { send_next(); }) {
    const ConnectOptions options = patient_options(std::chrono::minutes{2}, nullptr);
    begins(options);
    stream_ = connect(reactor(), target, *this, options);
    next_.arm_after(Duration::zero());
  }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && answers_ == letters_;
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": sent " + std::to_string(sent_) + " of " + std::to_string(letters_);
  }

 private:
  void send_next() {
    if (calls_.is_over()) return;
    if (sent_ == letters_) return stream_->shutdown_output();
    next_.arm_after(std::chrono::milliseconds{10});
    auto pair = Socket::pair(reactor().net(), SocketType::stream);
    if (!pair) return;
    std::vector<Socket> given;
    given.push_back(std::move((*pair)[1]));
    const std::string letter(1, byte_at(ferry_key, sent_));
    kept_.push_back(std::move((*pair)[0]));
    ++sent_;
    calls_.writes(1);
    try {
      stream_->write(letter, std::move(given));
    } catch (const std::bad_alloc&) {  // it is unknown whether it has left
      stream_->abort();
      throw;
    }
    act_up();
  }
  void read_answers() {
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      std::array<std::byte, 2> room{};
      const auto got = kept_[i].read(room);
      if (!got || *got == 0) continue;
      expect(*got == 1 && static_cast<char>(room[0]) == byte_at(ferry_key, i), "another letter");
      ++answers_;
    }
  }

  void on_open(Stream&) override { opened(); }
  void on_data(Stream&, Bytes data) override {
    const StreamCheck::Call call{calls_, "on_data"};
    calls_.received(data.size());
    expect(false, "a ferry does not answer");
  }
  void on_end(Stream& stream) override { peer_finished(stream); }
  void on_close(Stream&, const Close& close) override {
    const StreamCheck::Call call{calls_, "on_close"};
    calls_.closed(close);
    read_answers();
    act_up();
  }

  std::uint64_t answers_ = 0;
  std::uint64_t letters_;
  std::uint64_t sent_ = 0;
  std::vector<Socket> kept_;
  Timer next_;
};

}  // namespace

std::unique_ptr<Actor> make_ferry(Site& site, std::string_view where) {
  return std::make_unique<Ferry>(site, where);
}
std::unique_ptr<Actor> make_passenger(Site& site, std::string_view target) {
  return std::make_unique<Passenger>(site, target);
}

}  // namespace rondo::sim::scenario
