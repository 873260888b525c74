// SPDX-License-Identifier: MIT
// A server that listens again a little later, whatever ended it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actor.h"

namespace rondo::sim::scenario {

/// State that a server shares with its sessions. It outlives them.
class Serving : public Actor {
 public:
  Serving(Site& site, std::string_view role, std::string_view where);

  void destroy_something() override;
  void stop_something() override;
  void check() override;
  void wind_down() override;
  [[nodiscard]] bool is_server() const override { return true; }
  /// It serves until the end of the scene.
  [[nodiscard]] bool is_over() const override;

  /// Starts the checks of a new session's calls.
  [[nodiscard]] StreamCheck& greet();
  /// May make mischief from a session's callback.
  void acts_up() { act_up(); }
  [[nodiscard]] Scene& scene_of() const noexcept { return scene(); }

 protected:
  /// The options of the next server, which this starts.
  virtual Result<Server> serve_now() = 0;
  [[nodiscard]] ServerOptions draw_options();
  /// The layers of its streams; null: they have none.
  [[nodiscard]] virtual SceneLayers* layers() const { return scene().layers(); }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  void open();
  /// From now on the streams of these sessions may be closed or aborted.
  void forgive();

  static constexpr Duration look_again_after = std::chrono::milliseconds{200};

  std::string where_;
  void check_counters();

  ServerOptions options_{};
  std::uint64_t greeted_ = 0;  // sessions of the current server
  std::vector<StreamCheck*> sessions_;
  bool leaves_ = false;
  Timer again_;

 protected:
  std::optional<Server> server_;  // destroyed before the objects that its sessions use
};

/// The first and the last step of each session.
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
    calls.aborts();  // an exception of a callback aborts it
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
