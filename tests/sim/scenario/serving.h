// A server that comes back: whatever ended it, it listens again a little later.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actor.h"

namespace rondo::sim::scenario {

/// What a server's sessions share with it. It outlives them.
class Serving : public Actor {
 public:
  Serving(Site& site, std::string_view role, std::string_view where);

  void destroy_something() override;
  void stop_something() override;
  void check() override;
  void wind_down() override;
  [[nodiscard]] bool is_server() const override { return true; }
  /// It serves until the end.
  [[nodiscard]] bool is_over() const override;

  /// A session begins; what must hold of its calls.
  [[nodiscard]] StreamCheck& greet();
  /// It may act up from a session's callback.
  void acts_up() { act_up(); }
  [[nodiscard]] Scene& scene_of() const noexcept { return scene(); }

 protected:
  /// Of the next server, which this makes listen.
  virtual Result<Server, Error> serve_now() = 0;
  [[nodiscard]] ServerOptions draw_options();
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  void open();
  /// Those whose sessions are here may be closed, or aborted, from now on.
  void forgive();

  static constexpr Duration look_again_after = std::chrono::milliseconds{200};

  std::string where_;
  ServerOptions options_{};
  std::vector<StreamCheck*> sessions_;
  bool leaves_ = false;
  Timer again_;

 protected:
  std::optional<Server> server_;  // ends before what its sessions use
};

/// What each session does first and last.
template <typename Base>
class CheckedSession : public Base {
 public:
  explicit CheckedSession(Serving& owner) : serving(owner), calls(owner.greet()) {}
  ~CheckedSession() override { calls.destroyed(); }

 protected:
  // Callbacks in which nothing else happens.
  void opened() {
    const StreamCheck::Call call{calls, "on_open"};
    calls.opened();
    calls.aborts();  // what leaves a callback aborts it
  }
  void peer_finished(Stream& client) {
    const StreamCheck::Call call{calls, "on_end"};
    calls.peer_finished();
    calls.closes();
    client.close();
    serving.acts_up();
  }
  void closed(const Close& close) {
    const StreamCheck::Call call{calls, "on_close"};
    calls.closed(close);
    serving.acts_up();
  }

  Serving& serving;
  StreamCheck& calls;
};

}  // namespace rondo::sim::scenario
