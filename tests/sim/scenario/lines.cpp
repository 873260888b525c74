// Lines of text: each is answered, in its order, whole.
#include <utility>

#include "cast.h"
#include "serving.h"

namespace rondo::sim::scenario {
namespace {

std::string line_number(std::uint64_t n) {
  return "line " + std::to_string(n) + ' ' + text_from(n, 0, n * 37 % 200);
}

class PoliteSession final : public CheckedSession<LineSession> {
 public:
  using CheckedSession::CheckedSession;

  void on_open(TextStream&) override {
    const StreamCheck::Call call{calls, "on_open"};
    calls.opened();
    calls.aborts();  // what leaves a callback aborts it
  }
  void on_line(TextStream& text, std::string_view line) override {
    const StreamCheck::Call call{calls, "on_line"};
    serving.scene_of().expect(line == line_number(heard_), calls.who(),
                              "not the line that follows");
    ++heard_;
    std::string answer = "you said: " + std::string{line};
    calls.writes(answer.size() + 1);
    text.write_line(answer);
    serving.acts_up();
  }
  void on_end(TextStream& text) override {
    const StreamCheck::Call call{calls, "on_end"};
    calls.peer_finished();
    calls.closes();
    text.stream().close();
    serving.acts_up();
  }
  void on_close(TextStream&, const Close& close) override {
    const StreamCheck::Call call{calls, "on_close"};
    calls.closed(close);
    serving.acts_up();
  }

 private:
  std::uint64_t heard_ = 0;
};

class LineServer final : public Serving {
 public:
  LineServer(Site& site, std::string_view where) : Serving(site, "line server", where) {}

 private:
  Result<Server, Error> serve_now() override {
    return serve<PoliteSession>(reactor(), where(), draw_options(), static_cast<Serving&>(*this));
  }
};

class LineClient final : public Actor, private TextHandler {
 public:
  LineClient(Site& site, std::string_view target, Mood mood)
      : Actor(site, "line client"),
        calls_(site.scene.check_of_stream(site, who())),
        lines_(1 + scene().draw(50)),
        at_once_(mood == Mood::whimsical && scene().one_in(2)),
        text_(*this) {
    ConnectOptions options;
    options.timeout = std::chrono::seconds{20};
    options.stream.lifetime = std::chrono::minutes{5};
    calls_.begins(options.stream);
    calls_.aborts();  // what leaves a callback aborts it
    stream_ = connect(reactor(), target, text_, options);
    text_.attach(*stream_);
    do say_next();
    while (at_once_ && said_ < lines_);
  }

  [[nodiscard]] bool is_over() const override { return calls_.is_over(); }
  [[nodiscard]] bool is_complete() const override {
    return calls_.reason() == CloseReason::eof && answered_ == lines_;
  }
  void destroy_something() override {
    if (stream_ == nullptr) return;
    calls_.destroyed();
    stream_.reset();
  }
  void stop_something() override {
    if (stream_ == nullptr) return;
    calls_.closes();
    stream_->close();
  }
  [[nodiscard]] std::string describe() const override {
    return who() + ": said " + std::to_string(said_) + ", answered " + std::to_string(answered_) +
           " of " + std::to_string(lines_);
  }

 private:
  void say_next() {
    const std::string line = line_number(said_++);
    calls_.writes(line.size() + 1);
    text_.write_line(line);
  }
  void on_open(TextStream&) override {
    const StreamCheck::Call call{calls_, "on_open"};
    calls_.opened();
    act_up();
  }
  void on_line(TextStream& text, std::string_view line) override {
    const StreamCheck::Call call{calls_, "on_line"};
    // The last piece of a stream that broke off counts as a line too.
    const std::string answer = "you said: " + line_number(answered_);
    expect(std::string_view{answer}.starts_with(line), "not the answer that follows");
    if (line == answer) ++answered_;
    if (answered_ == lines_) {
      text.stream().finish();
    } else if (answered_ == said_) {
      say_next();
    }
    act_up();
  }
  void on_end(TextStream& text) override {
    const StreamCheck::Call call{calls_, "on_end"};
    calls_.peer_finished();
    calls_.closes();
    text.stream().close();
    act_up();
  }
  void on_close(TextStream&, const Close& close) override {
    const StreamCheck::Call call{calls_, "on_close"};
    calls_.closed(close);
    act_up();
  }

  StreamCheck& calls_;
  std::uint64_t lines_;
  bool at_once_;
  std::uint64_t said_ = 0;
  std::uint64_t answered_ = 0;
  TextStream text_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace

std::unique_ptr<Actor> make_line_server(Site& site, std::string_view where) {
  return std::make_unique<LineServer>(site, where);
}
std::unique_ptr<Actor> make_line_client(Site& site, std::string_view target, Mood mood) {
  return std::make_unique<LineClient>(site, target, mood);
}

}  // namespace rondo::sim::scenario
