// SPDX-License-Identifier: MIT
// Actors without a network: timers and work. Also a client that reconnects, by a timer.
#include <algorithm>
#include <utility>
#include <vector>

#include "cast.h"

namespace rondo::sim::scenario {
namespace {

class Clockwork final : public Actor {
 public:
  explicit Clockwork(Site& site) : Actor(site, "clockwork"), left_(5 + scene().draw(30)) {
    const std::uint64_t count = 1 + scene().draw(5);
    for (std::size_t i = 0; i < count; ++i) {
      hands_.push_back(std::make_unique<Hand>(*this, i));
      hands_.back()->set();
    }
  }

  [[nodiscard]] bool is_over() const override {
    return std::none_of(hands_.begin(), hands_.end(),
                        [](const auto& hand) { return hand && hand->timer.armed(); });
  }
  void destroy_something() override { hands_[scene().draw(hands_.size())].reset(); }
  void stop_something() override {
    if (const auto& hand = hands_[scene().draw(hands_.size())]) hand->stop();
  }
  void wind_down() override { left_ = 0; }

 private:
  struct Hand {
    Hand(Clockwork& of, std::size_t at)
        : clockwork(of), place(at), timer(of.reactor(), [this] { clockwork.strike(*this); }) {}
    void set() {
      Scene& scene = clockwork.scene();
      const Duration time = scene.draw_time(std::chrono::seconds{3});
      is_periodic = scene.one_in(3);
      is_stopped = false;
      if (is_periodic) {
        timer.arm_every(time);
      } else if (scene.one_in(2)) {
        timer.arm_at(clockwork.reactor().now() + time);
      } else {
        timer.arm_after(time);
      }
      due = timer.deadline();
      period = time;
    }
    void stop() {
      timer.cancel();
      is_stopped = true;
    }

    Clockwork& clockwork;
    std::size_t place;
    bool is_periodic = false;
    bool is_stopped = false;
    TimePoint due{};
    Duration period{};
    Timer timer;
  };

  void strike(Hand& hand) {
    expect(!hand.is_stopped, "a timer that was cancelled fired");
    expect(site().host.now() >= hand.due, "a timer fired too early");
    if (hand.is_periodic && hand.period > Duration::zero()) {
      const auto missed = static_cast<Duration::rep>(hand.timer.missed());
      hand.due += hand.period * (missed + 1);
      expect(hand.timer.deadline() == hand.due, "a period that drifts");
    }
    if (left_ == 0) {
      hand.stop();
    } else if (--left_ % 3 == 0 || !hand.is_periodic) {
      const std::size_t place = scene().draw(hands_.size());
      if (hands_[place]) hands_[place]->set();  // also its own
    }
    act_up();
  }

  std::uint64_t left_;
  std::vector<std::unique_ptr<Hand>> hands_;
};

class Worker final : public Actor {
 public:
  explicit Worker(Site& site) : Actor(site, "worker"), left_(20 + scene().draw(100)) { ask(); }

  [[nodiscard]] bool is_over() const override { return left_ == 0 || waiting_ == 0; }
  void check() override {
    expect(posted_done_ <= posted_ && deferred_done_ <= deferred_, "work that was never queued");
  }

 private:
  /// Queues some work of each kind in any order. The work queues more.
  void ask() {
    const std::uint64_t count = 1 + scene().draw(4);
    for (std::uint64_t i = 0; i < count && left_ != 0; ++i) {
      --left_;
      if (scene().one_in(2)) {
        reactor().post([this, number = posted_] { did(number, posted_done_, "posted"); });
        ++posted_;
      } else {
        reactor().defer([this, number = deferred_] { did(number, deferred_done_, "deferred"); });
        ++deferred_;
      }
      ++waiting_;
    }
  }
  void did(std::uint64_t number, std::uint64_t& done, std::string_view kind) {
    if (number != done) expect(false, std::string{kind} + " work out of order");
    ++done;
    --waiting_;
    if (scene().one_in(2) || waiting_ == 0) ask();
    act_up();
  }

  std::uint64_t left_;
  std::uint64_t waiting_ = 0;
  std::uint64_t posted_ = 0;
  std::uint64_t deferred_ = 0;
  std::uint64_t posted_done_ = 0;
  std::uint64_t deferred_done_ = 0;
};

/// One StreamCheck for each connection, whose last call is on_close.
class Returner final : public Actor, private StreamHandler {
 public:
  Returner(Site& site, std::string_view target) : Actor(site, "returner") {
    ReconnectOptions options;
    options.backoff.seed = scene().draw(1 << 20);
    options.connect.timeout = std::chrono::seconds{10};
    options.connect.stream.idle_timeout = std::chrono::seconds{20};
    options.connect.secure = scene().layers();
    options_ = options.connect.stream;
    StreamHandler& handler = *this;
    reconnector_ = std::make_unique<Reconnector>(reactor(), std::string{target}, handler, options);
  }

  [[nodiscard]] bool is_over() const override {
    return stopped_ && (!reconnector_ || reconnector_->stream() == nullptr);
  }
  void wind_down() override {
    stopped_ = true;
    if (calls_ != nullptr) calls_->closes();
    if (reconnector_) reconnector_->stop();
  }
  void stop_something() override { wind_down(); }
  [[nodiscard]] std::string describe() const override {
    return who() + ": connected " + std::to_string(reconnector_->connects()) + " times";
  }

 private:
  StreamCheck& calls() {
    if (calls_ == nullptr) {
      calls_ = &scene().check_of_stream(site(), who());
      calls_->begins_late(options_, scene().layers());
      calls_->aborts();  // an exception of a callback aborts it
      if (stopped_) calls_->closes();
    }
    return *calls_;
  }
  void on_open(Stream& stream) override {
    const StreamCheck::Call call{calls(), "on_open"};
    expect(&stream == reconnector_->stream(), "not the current stream");
    calls_->opened();
    hearing_ = Hearing{1};
    const std::string greeting = text_from(1, 0, greeting_size);
    calls_->writes(greeting.size());
    stream.write(greeting);
    act_up();
  }
  void on_data(Stream& stream, Bytes data) override {
    const StreamCheck::Call call{calls(), "on_data"};
    calls_->received(data.size());
    expect(hearing_.hears(data), "received bytes that were not sent");
    expect(hearing_.heard() <= greeting_size, "received more than was sent");
    if (hearing_.heard() == greeting_size) stream.shutdown_output();
    act_up();
  }
  void on_end(Stream& stream) override {
    const StreamCheck::Call call{calls(), "on_end"};
    calls_->peer_finished();
    calls_->closes();
    stream.close();
    act_up();
  }
  void on_close(Stream&, const Close& close) override {
    StreamCheck& of_now = calls();
    calls_ = nullptr;
    const StreamCheck::Call call{of_now, "on_close"};
    of_now.closed(close);
    act_up();
  }

  static constexpr std::size_t greeting_size = 100;
  StreamOptions options_{};
  Hearing hearing_{1};
  StreamCheck* calls_ = nullptr;
  bool stopped_ = false;
  std::unique_ptr<Reconnector> reconnector_;
};

}  // namespace

std::unique_ptr<Actor> make_clockwork(Site& site) { return std::make_unique<Clockwork>(site); }
std::unique_ptr<Actor> make_worker(Site& site) { return std::make_unique<Worker>(site); }
std::unique_ptr<Actor> make_returner(Site& site, std::string_view target) {
  return std::make_unique<Returner>(site, target);
}

}  // namespace rondo::sim::scenario
