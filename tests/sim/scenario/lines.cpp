// SPDX-License-Identifier: MIT
// Lines of text: each is answered in order and whole.
#include <utility>

#include "cast.h"
#include "client.h"
#include "lines.h"
#include "serving.h"

namespace rondo::sim::scenario {
namespace {

class PoliteSession final : public CheckedSession<LineSession> {
 public:
  using CheckedSession::CheckedSession;

  void on_open(TextStream&) override { opened(); }
  void on_line(TextStream& text, std::string_view line) override {
    const StreamCheck::Call call{calls, "on_line"};
    // The last piece of a stream that was cut off counts as a line as well.
    const std::string expected = line_number(heard_);
    serving.scene_of().expect(std::string_view{expected}.starts_with(line) && !is_cut_off_,
                              calls.who(), "not the line that follows");
    is_cut_off_ = line != expected;
    if (is_cut_off_) return;
    ++heard_;
    std::string answer = "you said: " + std::string{line};
    calls.writes(answer.size() + 1);
    text.write_line(answer);
    serving.acts_up();
  }
  void on_end(TextStream& text) override { peer_finished(text.stream()); }
  void on_close(TextStream&, const Close& close) override { closed(close); }

 private:
  std::uint64_t heard_ = 0;
  bool is_cut_off_ = false;
};

class LineServer final : public Serving {
 public:
  LineServer(Site& site, std::string_view where) : Serving(site, "line server", where) {}

 private:
  Result<Server> serve_now() override {
    return serve<PoliteSession>(reactor(), where(), draw_options(), static_cast<Serving&>(*this));
  }
};

class LineClient final : public Client, private TextHandler {
 public:
  LineClient(Site& site, std::string_view target, Mood mood)
      : Client(site, "line client"),
        lines_(1 + scene().draw(50)),
        at_once_(mood == Mood::whimsical && scene().one_in(2)) {
    const ConnectOptions options = patient_options(std::chrono::minutes{5}, scene().layers());
    begins(options);
    text_ = TextStream::connect(reactor(), target, *this, {}, options);
    do say_next();
    while (at_once_ && said_ < lines_);
  }

  void destroy_something() override {
    if (text_ == nullptr) return;
    calls_.destroyed();
    text_.reset();
  }
  void stop_something() override {
    if (text_ == nullptr) return;
    calls_.closes();
    text_->stream().close();
  }
  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && answered_ == lines_;
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": said " + std::to_string(said_) + ", answered " + std::to_string(answered_) +
           " of " + std::to_string(lines_);
  }

 private:
  void say_next() {
    const std::string line = line_number(said_++);
    calls_.writes(line.size() + 1);
    text_->write_line(line);
  }
  void on_open(TextStream&) override { opened(); }
  void on_line(TextStream& text, std::string_view line) override {
    const StreamCheck::Call call{calls_, "on_line"};
    // The last piece of a stream that was cut off counts as a line as well.
    const std::string answer = "you said: " + line_number(answered_);
    expect(std::string_view{answer}.starts_with(line), "not the answer that follows");
    if (line == answer) ++answered_;
    if (answered_ == lines_) {
      text.stream().shutdown_output();
    } else if (answered_ == said_) {
      say_next();
    }
    act_up();
  }
  void on_end(TextStream& text) override { peer_finished(text.stream()); }
  void on_close(TextStream&, const Close& close) override { closed(close); }

  std::uint64_t lines_;
  bool at_once_;
  std::uint64_t said_ = 0;
  std::uint64_t answered_ = 0;
  std::unique_ptr<TextStream> text_;
};

}  // namespace

std::unique_ptr<Actor> make_line_server(Site& site, std::string_view where) {
  return std::make_unique<LineServer>(site, where);
}
std::unique_ptr<Actor> make_line_client(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<LineClient>(site, target, mood);
}

}  // namespace rondo::sim::scenario
