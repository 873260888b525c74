// SPDX-License-Identifier: MIT
#include "layers.h"

#include <cerrno>
#include <cstddef>
#include <new>
#include <system_error>

#include "scene.h"
#include "support/framed_layer.h"

namespace rondo::sim::scenario {
namespace {

constexpr Duration timeout_max = std::chrono::seconds{20};
constexpr Duration timeout_when_quiet = std::chrono::minutes{10};

/// What rondo/stream_layer.h promises to a layer.
class CheckedLayer final : public StreamLayer {
 public:
  CheckedLayer(Scene& scene, SceneLayers& layers, Duration timeout)
      : scene_(scene), layers_(layers), inner_(timeout) {}

  [[nodiscard]] Handshake shake_hands(LayerWire& wire) noexcept override {
    expect(!is_done_ && !has_failed_, "a handshake that is over goes on");
    const Handshake result = inner_.shake_hands(wire);
    has_failed_ = result == Handshake::failed;
    is_done_ = result == Handshake::done;
    if (is_done_) layers_.secured();
    check_failure();
    return result;
  }
  [[nodiscard]] std::ptrdiff_t read(LayerWire& wire, MutableBytes into) noexcept override {
    expect(is_done_, "a read before the handshake was done");
    expect(!has_ended_ && !has_failed_, "a read after the end");
    const std::ptrdiff_t got = inner_.read(wire, into);
    has_ended_ = got == 0;
    has_failed_ = inner_.failure() != nullptr;
    check_failure();
    return got;
  }
  [[nodiscard]] std::ptrdiff_t write(LayerWire& wire, Bytes data) noexcept override {
    expect(is_done_, "a write before the handshake was done");
    expect(!begins_to_finish_, "a write after finish()");
    expect(data.size() >= refused_size_ && hash_of(data.first(refused_size_)) == refused_,
           "other bytes than those that the wire did not take");
    const std::ptrdiff_t taken = inner_.write(wire, data);
    refused_size_ = taken < 0 && errno == EAGAIN ? data.size() : 0;
    refused_ = hash_of(data.first(refused_size_));
    return taken;
  }
  [[nodiscard]] bool finish(LayerWire& wire) noexcept override {
    expect(is_done_, "finish() before the handshake was done");
    expect(!has_finished_, "finish() after it has finished");
    expect(refused_size_ == 0, "finish() before all was taken");
    begins_to_finish_ = true;
    return has_finished_ = inner_.finish(wire);
  }
  [[nodiscard]] bool has_input() const noexcept override {
    expect(is_done_, "has_input() before the handshake was done");
    return inner_.has_input();
  }
  [[nodiscard]] const Failure* failure() const noexcept override { return inner_.failure(); }
  [[nodiscard]] Duration handshake_timeout() const noexcept override {
    return inner_.handshake_timeout();
  }

 private:
  void expect(bool holds, std::string_view what) const noexcept {
    scene_.expect(holds, "a layer", what);
  }
  /// All peers have layers.
  void check_failure() const noexcept {
    const Failure* const failure = inner_.failure();
    if (failure != nullptr && failure->reason != CloseReason::truncated)
      expect(false, failure->what);
  }
  /// FNV-1a.
  static std::uint64_t hash_of(Bytes data) noexcept {
    std::uint64_t hash = 14695981039346656037U;
    for (const std::byte one : data)
      hash = (hash ^ std::to_integer<std::uint64_t>(one)) * 1099511628211U;
    return hash;
  }

  Scene& scene_;
  SceneLayers& layers_;
  test::FramedLayer inner_;
  std::uint64_t refused_ = hash_of({});  // the bytes that must come again
  std::size_t refused_size_ = 0;
  bool is_done_ = false;
  bool has_failed_ = false;
  bool has_ended_ = false;
  bool begins_to_finish_ = false;
  bool has_finished_ = false;
};

}  // namespace

SceneLayers::SceneLayers(Scene& scene) : scene_(scene), timeout_(scene.draw_time(timeout_max)) {}

/// Fails now and then, in both ways.
Result<std::unique_ptr<StreamLayer>> SceneLayers::make(std::string_view) {
  const auto refuse = [](std::errc why) {
    return Error{std::make_error_code(why), "make a layer"};
  };
  const Duration timeout = scene_.is_quiet() ? timeout_when_quiet : timeout_;
  if (!scene_.is_quiet() && scene_.one_in(30)) return refuse(std::errc::permission_denied);
  try {
    return std::unique_ptr<StreamLayer>{std::make_unique<CheckedLayer>(scene_, *this, timeout)};
  } catch (const std::bad_alloc&) {
    if (scene_.one_in(2)) throw;
  }
  return refuse(std::errc::not_enough_memory);
}

}  // namespace rondo::sim::scenario
