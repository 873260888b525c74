// Somebody who acts in a scene. Its callbacks end in act_up(), where mischief happens.
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

  /// Nothing more will come of it.
  [[nodiscard]] virtual bool is_over() const = 0;
  /// All went as it should: for one who had nothing in his way.
  [[nodiscard]] virtual bool is_complete() const { return is_over(); }
  /// Others need it until the end.
  [[nodiscard]] virtual bool is_server() const { return false; }
  /// It is quiet now: come to an end.
  virtual void wind_down() {}
  /// What must hold at any time.
  virtual void check() {}
  /// Destroys something that is its own, from inside whatever runs.
  virtual void destroy_something() {}
  /// Ends, stops, aborts or closes something.
  virtual void stop_something() {}
  /// For who reads a report.
  [[nodiscard]] virtual std::string describe() const { return who_; }

  [[nodiscard]] const std::string& who() const noexcept { return who_; }

 protected:
  [[nodiscard]] Scene& scene() const noexcept { return site_.scene; }
  [[nodiscard]] Site& site() const noexcept { return site_; }
  [[nodiscard]] Reactor& reactor() const noexcept { return site_.reactor(); }
  /// The last thing in a callback, which touches nothing afterwards: whatever this site has may
  /// have been destroyed.
  void act_up() { act_up(site_); }
  static void act_up(Site& site);
  void expect(bool holds, std::string_view what) const { scene().expect(holds, who_, what); }

 private:
  Site& site_;
  std::string who_;
};

/// What stands at place `n` of conversation `key`. No division: half of a seed's time went here.
[[nodiscard]] inline char byte_at(std::uint64_t key, std::uint64_t n) noexcept {
  return static_cast<char>('a' + ((key + n * 7 + (n >> 4U)) & 15U));
}
[[nodiscard]] std::string text_from(std::uint64_t key, std::uint64_t start, std::size_t size);

/// What is heard of a conversation: a prefix of it, in order.
class Hearing {
 public:
  explicit Hearing(std::uint64_t key = 0) noexcept : key_(key) {}
  /// Whether it is what comes next.
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
