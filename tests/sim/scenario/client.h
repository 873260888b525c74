// SPDX-License-Identifier: MIT
// A client with one stream to a server.
#pragma once

#include <memory>
#include <string_view>

#include "actor.h"
#include "cast.h"

namespace rondo::sim::scenario {

/// The options of a client of the echo server.
[[nodiscard]] ConnectOptions draw_talk_options(Scene& scene, Mood mood);

[[nodiscard]] inline ConnectOptions patient_options(Duration lifetime, SceneLayers* layers) {
  ConnectOptions options;
  options.secure = layers;
  options.timeout = std::chrono::seconds{20};
  options.stream.lifetime = lifetime;
  return options;
}

class Client : public Actor {
 public:
  [[nodiscard]] bool is_over() const override { return calls_.is_over(); }
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

 protected:
  Client(Site& site, std::string_view role)
      : Actor(site, role), calls_(site.scene.check_of_stream(site, who())) {}

  /// A layer has input that no poller reports: what succeeds must not depend on one.
  [[nodiscard]] bool may_pause(Mood mood) const {
    return mood == Mood::whimsical || scene().layers() != nullptr;
  }
  void begins(const ConnectOptions& options) {
    calls_.begins(options.stream, options.secure == nullptr ? nullptr : scene().layers());
    calls_.aborts();  // an exception of a callback aborts it
  }

  // Callbacks in which nothing else happens.
  void opened() {
    const StreamCheck::Call call{calls_, "on_open"};
    calls_.opened();
    act_up();
  }
  void peer_finished(Stream& stream) {
    const StreamCheck::Call call{calls_, "on_end"};
    calls_.peer_finished();
    calls_.closes();
    stream.close();
    act_up();
  }
  void closed(const Close& close) {
    const StreamCheck::Call call{calls_, "on_close"};
    calls_.closed(close);
    act_up();
  }

  StreamCheck& calls_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace rondo::sim::scenario
