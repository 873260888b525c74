// SPDX-License-Identifier: MIT
// An echo server and its clients. They write in parts or at once, with or without pauses, connect
// by name or address, shut down first or last, read slowly, or write more than the limit.
#include <algorithm>
#include <utility>

#include "cast.h"
#include "client.h"
#include "serving.h"

namespace rondo::sim::scenario {
namespace {

class EchoSession final : public CheckedSession<Session> {
 public:
  using CheckedSession::CheckedSession;

  void on_open(Stream&) override { opened(); }
  void on_data(Stream& client, Bytes data) override {
    const StreamCheck::Call call{calls, "on_data"};
    calls.received(data.size());
    calls.writes(data.size());
    client.write(data);
    serving.acts_up();
  }
  void on_end(Stream& client) override { peer_finished(client); }
  void on_writable(Stream&) override {
    const StreamCheck::Call call{calls, "on_writable"};
    serving.acts_up();
  }
  void on_close(Stream&, const Close& close) override { closed(close); }
};

class EchoServer final : public Serving {
 public:
  EchoServer(Site& site, std::string_view where) : Serving(site, "echo server", where) {}

 private:
  Result<Server> serve_now() override {
    return serve<EchoSession>(reactor(), where(), draw_options(), static_cast<Serving&>(*this));
  }
};

class Talker final : public Client, private StreamHandler {
 public:
  Talker(Site& site, std::string_view target, Mood mood)
      : Client(site, "talker"),
        key_(scene().draw(26)),
        hearing_(key_),
        total_(1 + scene().draw(scene().one_in(5) ? 200'000 : 3'000)),
        part_(1 + scene().draw(total_)),
        finishes_first_(scene().one_in(3)),
        reads_slowly_(may_pause(mood) && scene().one_in(4)),
        resumes_(site.reactor(), [this] { read_on(); }),
        begins_(site.reactor(), [this] { begin_to_talk(); }) {
    if (finishes_first_) part_ = total_;
    if (mood == Mood::plain) part_ = std::max(part_, total_ / 10);  // the client has five minutes
    const ConnectOptions options = draw_talk_options(scene(), mood);
    begins(options);
    stream_ = connect(reactor(), target, *this, options);
    if (scene().layers() == nullptr || scene().one_in(2)) {
      send_more();
    } else {
      begins_.arm_after(scene().draw_time(std::chrono::milliseconds{200}));
    }
  }

  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && hearing_.heard() == total_;
  }
  void stop_something() override {
    if (stream_ == nullptr) return;
    calls_.closes();
    switch (scene().draw(4)) {
      case 0:
        return stream_->close();
      case 1:
        return stream_->close(scene().draw_time(std::chrono::seconds{3}));
      case 2:
        return stream_->shutdown_output();
      default:
        return stream_->abort();
    }
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": sent " + std::to_string(sent_) + ", heard " +
           std::to_string(hearing_.heard()) + " of " + std::to_string(total_);
  }

 private:
  void send_more() {
    const std::size_t size = std::min<std::size_t>(part_, total_ - sent_);
    const std::string text = text_from(key_, sent_, size);
    sent_ += size;
    calls_.writes(size);
    stream_->write(text);
    if (finishes_first_ && sent_ == total_) stream_->shutdown_output();
  }
  /// Maybe while its layer shakes hands: nothing may leave before that is done.
  void begin_to_talk() {
    if (stream_ == nullptr || calls_.is_over()) return;
    send_more();
    stream_->flush();
    act_up();
  }
  void read_on() {
    if (stream_ != nullptr) stream_->resume();
    act_up();
  }

  void on_open(Stream&) override { opened(); }
  void on_data(Stream& stream, Bytes data) override {
    const StreamCheck::Call call{calls_, "on_data"};
    calls_.received(data.size());
    expect(hearing_.hears(data), "received bytes that were not sent");
    expect(hearing_.heard() <= sent_, "received more than was sent");
    if (reads_slowly_ && scene().one_in(2)) {
      stream.pause();
      resumes_.arm_after(scene().draw_time(std::chrono::seconds{1}));
    }
    if (hearing_.heard() == total_) {
      stream.shutdown_output();
    } else if (hearing_.heard() == sent_) {
      send_more();
    }
    act_up();
  }
  void on_end(Stream& stream) override { peer_finished(stream); }
  void on_writable(Stream&) override {
    const StreamCheck::Call call{calls_, "on_writable"};
    act_up();
  }
  void on_close(Stream&, const Close& close) override { closed(close); }

  std::uint64_t key_;
  Hearing hearing_;
  std::size_t total_;
  std::size_t part_;
  bool finishes_first_;
  bool reads_slowly_;
  std::uint64_t sent_ = 0;
  Timer resumes_;
  Timer begins_;
};

}  // namespace

ConnectOptions draw_talk_options(Scene& s, Mood mood) {
  ConnectOptions options = patient_options(std::chrono::minutes{5}, s.layers());
  if (mood == Mood::plain) return options;
  if (s.one_in(2)) options.stream.idle_timeout = s.draw_time(std::chrono::minutes{1});
  if (s.one_in(4)) options.stream.read_timeout = s.draw_time(std::chrono::seconds{20});
  if (s.one_in(4)) options.stream.write_timeout = s.draw_time(std::chrono::seconds{20});
  if (s.one_in(4)) options.stream.close_timeout = s.draw_time(std::chrono::seconds{20});
  if (s.one_in(4)) options.stream.write_buffer_max = 1 + s.draw(100'000);
  options.stream.write_high_water = std::min(options.stream.write_buffer_max, 1 + s.draw(100'000));
  options.stream.lingering_close = static_cast<LingeringClose>(s.draw(3));
  options.stagger = s.draw_time(std::chrono::seconds{1});
  return options;
}
std::unique_ptr<Actor> make_echo_server(Site& site, std::string_view where) {
  return std::make_unique<EchoServer>(site, where);
}
std::unique_ptr<Actor> make_talker(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<Talker>(site, target, mood);
}

}  // namespace rondo::sim::scenario
