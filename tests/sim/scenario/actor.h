// SPDX-License-Identifier: MIT
// An actor in a scene. Its callbacks end in act_up(), which makes mischief.
#pragma once

#include <string>

#include "scene.h"

namespace rondo::sim::scenario {

class Actor {
 public:
  Actor(Site& site, std::string_view role);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  virtual ~Actor() = default;

  /// Whether it is finished: no more calls will come.
  [[nodiscard]] virtual bool is_over() const = 0;
  /// Whether it succeeded, for an actor without faults in its way.
  [[nodiscard]] virtual bool is_complete() const { return is_over(); }
  /// Whether other actors need it until the end.
  [[nodiscard]] virtual bool is_server() const { return false; }
  /// No more faults happen: finish.
  virtual void wind_down() {}
  /// The scene ends: a task that would wait for ever ends.
  virtual void leave() {}
  /// Checks that must hold at any time.
  virtual void check() {}
  /// Destroys one of its own objects, from inside the running callback.
  virtual void destroy_something() {}
  /// Ends, stops, aborts or closes one of its objects.
  virtual void stop_something() {}
  /// A description for the report.
  [[nodiscard]] virtual std::string describe() const { return who_; }

  [[nodiscard]] const std::string& who() const noexcept { return who_; }

 protected:
  [[nodiscard]] Scene& scene() const noexcept { return site_.scene; }
  [[nodiscard]] Site& site() const noexcept { return site_; }
  [[nodiscard]] Reactor& reactor() const noexcept { return site_.reactor(); }
  /// The last call in a callback, which must touch nothing afterwards: any object of this site may
  /// have been destroyed.
  void act_up() { act_up(site_); }
  static void act_up(Site& site);
  void expect(bool holds, std::string_view what) const { scene().expect(holds, who_, what); }

 private:
  Site& site_;
  std::string who_;
};

/// The byte at position `n` of conversation `key`. Without a division, which took half the time of
/// a seed.
[[nodiscard]] inline char byte_at(std::uint64_t key, std::uint64_t n) noexcept {
  return static_cast<char>('a' + ((key + n * 7 + (n >> 4U)) & 15U));
}
[[nodiscard]] std::string text_from(std::uint64_t key, std::uint64_t start, std::size_t size);

/// The received part of a conversation: a prefix of it, in order.
class Hearing {
 public:
  explicit Hearing(std::uint64_t key = 0) noexcept : key_(key) {}
  /// Whether `data` continues the conversation.
  [[nodiscard]] bool hears(Bytes data) noexcept {
    bool is_right = true;
    for (const std::byte byte : data)
      is_right &= static_cast<char>(byte) == byte_at(key_, heard_++);
    return is_right;
  }
  [[nodiscard]] std::uint64_t heard() const noexcept { return heard_; }

 private:
  std::uint64_t key_;
  std::uint64_t heard_ = 0;
};

}  // namespace rondo::sim::scenario
