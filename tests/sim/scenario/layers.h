// SPDX-License-Identifier: MIT
// The layers of the streams of a scene: those of FramedLayer, with checks of what their streams do
// with them. Each stream of the scene that a layer's stream meets has one, too, so whatever comes
// in plain text was sent past a layer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include <rondo/stream_layer.h>

namespace rondo::sim::scenario {

class Scene;

class SceneLayers final : public StreamLayers {
 public:
  /// Draws from the world of the scene.
  explicit SceneLayers(Scene& scene);

  [[nodiscard]] Result<std::unique_ptr<StreamLayer>> make(std::string_view host) override;

  /// The handshake of no layer is over earlier than this.
  [[nodiscard]] Duration handshake_timeout_min() const noexcept { return timeout_; }
  /// A stream was opened, or a session made. False: before the handshake was done.
  [[nodiscard]] bool begins_to_use_one() noexcept { return ++used_ <= secured_; }
  void secured() noexcept { ++secured_; }

 private:
  Scene& scene_;
  const Duration timeout_;
  std::uint64_t secured_ = 0;
  std::uint64_t used_ = 0;
};

}  // namespace rondo::sim::scenario
