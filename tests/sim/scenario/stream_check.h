// SPDX-License-Identifier: MIT
// Checks the calls of a stream, whatever faults happen: which calls may come, in which order, and
// that it ends once, for a matching reason. Its owner reports its own actions to the check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/stream.h>
#include <rondo/time.h>

namespace rondo::sim {
class Host;
}

namespace rondo::sim::scenario {

class Scene;
class SceneLayers;

class StreamCheck {
 public:
  StreamCheck(Scene& scene, Host& host, std::string who);

  /// The options of the stream at its start, and its layers; null: it has none.
  void begins(const StreamOptions& options, SceneLayers* layers);
  /// The same for a stream that has begun at an unknown time, before a handshake.
  void begins_late(const StreamOptions& options, SceneLayers* layers);
  /// The handshake of its layer, if it has one, must be done.
  void uses_layer();

  /// A call of the stream runs as long as this object exists: never two at once, none after the
  /// end.
  class Call {
   public:
    Call(StreamCheck& check, std::string_view name);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { check_.is_inside_ = false; }

   private:
    StreamCheck& check_;
  };

  // Callbacks of the stream, from within a Call.
  void opened();
  void received(std::size_t size);
  /// The same later, by a task: the time of its arrival is not known.
  void was_read(std::size_t size);
  void peer_finished();
  void closed(const Close& close);

  // Actions of its owner.
  void writes(std::size_t size) noexcept { written_ += size; }
  void closes() noexcept { may_be_closed_ = true; }
  void aborts() noexcept { may_be_stopped_ = true; }
  void destroyed() noexcept { is_destroyed_ = true; }

  [[nodiscard]] bool is_over() const noexcept { return reason_.has_value() || is_destroyed_; }
  [[nodiscard]] bool is_open() const noexcept { return is_open_ && !is_over(); }
  [[nodiscard]] const std::optional<CloseReason>& reason() const noexcept { return reason_; }
  [[nodiscard]] const std::string& who() const noexcept { return who_; }

 private:
  void expect(bool holds, std::string_view what);
  void check_reason(const Close& close);
  void check_deadline(const Close& close);

  Scene& scene_;
  Host& host_;
  std::string who_;
  StreamOptions options_{};
  SceneLayers* layers_ = nullptr;  // null: it has none
  TimePoint begun_at_{};
  TimePoint heard_at_{};
  std::uint64_t written_ = 0;
  std::optional<CloseReason> reason_;
  bool has_begun_before_ = false;
  bool uses_layer_ = false;
  bool is_open_ = false;
  bool is_inside_ = false;
  bool peer_has_finished_ = false;
  bool is_destroyed_ = false;
  bool may_be_closed_ = false;
  bool may_be_stopped_ = false;
};

}  // namespace rondo::sim::scenario
