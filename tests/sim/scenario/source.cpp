// SPDX-License-Identifier: MIT
// Half-close in both directions: a source sends a lot, with back-pressure, and shuts its output
// down first. Its client answers afterwards, and shuts its output down as well.
#include <algorithm>
#include <utility>

#include "cast.h"
#include "client.h"
#include "flood.h"
#include "serving.h"

namespace rondo::sim::scenario {
namespace {

class SourceSession final : public CheckedSession<Session> {
 public:
  explicit SourceSession(Serving& owner)
      : CheckedSession(owner),
        left_(1 + owner.scene_of().draw(owner.scene_of().one_in(3) ? flood_max : 5'000)) {}

  void on_open(Stream& client) override {
    const StreamCheck::Call call{calls, "on_open"};
    calls.opened();
    calls.aborts();  // an exception of a callback aborts it
    pour(client);
    serving.acts_up();
  }
  void on_data(Stream&, Bytes data) override {
    const StreamCheck::Call call{calls, "on_data"};
    calls.received(data.size());
    serving.scene_of().expect(answer_.hears(data), calls.who(),
                              "received bytes that were not sent");
    serving.acts_up();
  }
  void on_end(Stream& client) override { peer_finished(client); }
  void on_writable(Stream& client) override {
    const StreamCheck::Call call{calls, "on_writable"};
    serving.scene_of().expect(client.unsent_bytes() <= client.options().write_high_water,
                              calls.who(), "writable above its mark");
    pour(client);
    serving.acts_up();
  }
  void on_close(Stream&, const Close& close) override { closed(close); }

 private:
  void pour(Stream& client) {
    bool takes_more = true;
    while (left_ != 0 && takes_more) {
      const std::size_t size = std::min(left_, piece_max);
      const std::string text = text_from(flood_key, poured_, size);
      poured_ += size;
      left_ -= size;
      calls.writes(size);
      takes_more = client.write(text) == WriteStatus::accepted;
    }
    if (left_ == 0) client.shutdown_output();
  }

  std::size_t left_;
  std::uint64_t poured_ = 0;
  Hearing answer_{answer_key};
};

class Source final : public Serving {
 public:
  Source(Site& site, std::string_view where) : Serving(site, "source", where) {}

 private:
  Result<Server> serve_now() override {
    return serve<SourceSession>(reactor(), where(), draw_options(), static_cast<Serving&>(*this));
  }
};

class Drinker final : public Client, private StreamHandler {
 public:
  Drinker(Site& site, std::string_view target, Mood mood)
      : Client(site, "drinker"),
        sips_(may_pause(mood) && scene().one_in(2)),
        drinks_on_(site.reactor(), [this] { drink_on(); }) {
    ConnectOptions options = patient_options(std::chrono::minutes{5}, scene().layers());
    options.stream.input_per_turn_max = (std::size_t{64} << 10U) + scene().draw(100'000);
    begins(options);
    stream_ = connect(reactor(), target, *this, options);
  }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && flood_.heard() != 0 && has_answered_;
  }
  void stop_something() override {
    if (stream_ == nullptr) return;
    calls_.closes();
    if (scene().one_in(2)) {
      stream_->close();
    } else {
      stream_->shutdown_output();
    }
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": drank " + std::to_string(flood_.heard());
  }

 private:
  void drink_on() {
    if (stream_ != nullptr) stream_->resume();
    act_up();
  }
  void on_open(Stream&) override { opened(); }
  void on_data(Stream& stream, Bytes data) override {
    const StreamCheck::Call call{calls_, "on_data"};
    calls_.received(data.size());
    expect(flood_.hears(data), "received bytes that were not sent");
    if (sips_ && scene().one_in(3)) {
      stream.pause();
      drinks_on_.arm_after(scene().draw_time(std::chrono::seconds{1}));
    }
    act_up();
  }
  void on_end(Stream& stream) override {
    const StreamCheck::Call call{calls_, "on_end"};
    calls_.peer_finished();
    const std::string answer = text_from(answer_key, 0, 1 + scene().draw(30'000));
    calls_.writes(answer.size());
    stream.write(answer);
    stream.shutdown_output();
    has_answered_ = true;
    act_up();
  }
  void on_close(Stream&, const Close& close) override { closed(close); }

  Hearing flood_{flood_key};
  bool sips_;
  bool has_answered_ = false;
  Timer drinks_on_;
};

}  // namespace

std::unique_ptr<Actor> make_source(Site& site, std::string_view where) {
  return std::make_unique<Source>(site, where);
}
std::unique_ptr<Actor> make_drinker(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<Drinker>(site, target, mood);
}

}  // namespace rondo::sim::scenario
