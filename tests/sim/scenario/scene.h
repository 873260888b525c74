// SPDX-License-Identifier: MIT
// A world that is generated from a seed: sites with servers and clients, faults between them, and
// mischief in their callbacks. The checks run at each call, after each step and at the end;
// failures are kept as text.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/sim.h>

#include "layers.h"
#include "stream_check.h"

namespace rondo::sim::scenario {

class Actor;
class Scene;
enum class Mood : bool;

/// The exception of a callback that throws on purpose.
struct Mischief : std::runtime_error {
  Mischief() : std::runtime_error("mischief") {}
};

/// A host and its current process: a reactor and the actors on it.
class Site {
 public:
  using Role = Function<std::unique_ptr<Actor>(Site& site)>;

  Site(Scene& of_scene, std::string_view address);
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  ~Site();

  Scene& scene;
  Host& host;
  bool drives = false;  // its reactor runs itself, and drives the world

  /// Starts this actor now, and whenever the host starts.
  void plays(Role role);
  /// Starts this actor in the current process only.
  Actor& add(std::unique_ptr<Actor> actor);
  void boot();
  void crash();
  /// Ends the process in an orderly way.
  void shut_down();
  [[nodiscard]] bool is_up() const noexcept { return reactor_ != nullptr; }
  [[nodiscard]] Reactor& reactor() noexcept { return *reactor_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Actor>>& actors() const noexcept {
    return actors_;
  }

 private:
  std::unique_ptr<Reactor> reactor_;
  std::vector<Role> roles_;
  std::vector<std::unique_ptr<Actor>> actors_;
};

/// Whether operator new may fail. The number of its calls depends on the standard library, so two
/// libraries have the same trace only without such failures.
enum class Allocations : bool { succeed, may_fail };

class Scene {
 public:
  explicit Scene(std::uint64_t seed, Allocations allocations = Allocations::may_fail);
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  ~Scene();

  World world;

  /// First safety with all faults, then liveness, then the end of all actors.
  void run();

  [[nodiscard]] const std::vector<std::string>& violations() const noexcept { return violations_; }
  /// The hash of the trace, and the number of faults.
  [[nodiscard]] std::uint64_t hash() const noexcept { return world.trace_hash(); }

  // For the actors.

  /// Keeps a failed check.
  void violated(std::string_view who, std::string_view what);
  void expect(bool holds, std::string_view who, std::string_view what) {
    if (!holds) violated(who, what);
  }
  [[nodiscard]] std::uint64_t draw(std::uint64_t bound) noexcept { return world.draw(bound); }
  [[nodiscard]] bool one_in(std::uint64_t n) noexcept { return draw(n) == 0; }
  [[nodiscard]] Duration draw_time(Duration below) noexcept {
    return Duration{static_cast<Duration::rep>(draw(static_cast<std::uint64_t>(below.count())))};
  }
  /// Valid as long as the scene.
  StreamCheck& check_of_stream(Site& site, std::string_view who);
  /// Whether faults may still happen.
  [[nodiscard]] bool is_quiet() const noexcept { return quiet_; }
  /// Whether all streams that have begun before are over, and nothing prevents the success of the
  /// others.
  [[nodiscard]] bool is_last_part() const noexcept { return last_part_; }
  /// Those of all streams that do not pass descriptors. Null: they have none.
  [[nodiscard]] SceneLayers* layers() noexcept { return layers_ ? &*layers_ : nullptr; }

 private:
  void name_service();
  /// Whether the next actor is one of coroutines, not of callbacks.
  [[nodiscard]] bool plays_tasks() noexcept { return has_tasks_ && one_in(2); }
  [[nodiscard]] std::unique_ptr<Actor> echo_server(Site& site, std::string_view where);
  [[nodiscard]] std::unique_ptr<Actor> source(Site& site);
  [[nodiscard]] std::unique_ptr<Actor> line_server(Site& site);
  [[nodiscard]] std::unique_ptr<Actor> datagram_server(Site& site, std::string_view where);
  Actor& add_datagram_client(Site& site, std::string_view target);
  [[nodiscard]] std::unique_ptr<Actor> ferry(Site& site);
  Actor& add_passenger(Site& site);
  Actor& add_drinker(Site& site, Mood mood);
  Actor& add_line_client(Site& site, Mood mood);
  Actor& add_returner(Site& site, std::string_view target);
  Actor& add_clockwork(Site& site);
  Actor& add_worker(Site& site);
  Actor& add_talker(Site& site, std::string_view target, Mood mood);
  void populate();
  void populate_clients(Site& site);
  void storm();
  void weather();
  void bad_weather_at(Site& site);
  void calm_down();
  void live_on();
  void converse();
  void end();
  void advance(Duration duration);
  bool advance_until(Function<bool()> done, Duration limit);
  template <typename Step>
  void survives(Step&& step);
  void run_towards(TimePoint end);
  void check();
  [[nodiscard]] bool are_over(bool servers) const;
  [[nodiscard]] std::string who_is_not_over() const;
  [[nodiscard]] std::string waiting_tasks() const;
  Site& any_site() { return *sites_[draw(sites_.size())]; }

  std::optional<SceneLayers> layers_;  // in a quarter of the scenes; outlives their streams
  std::deque<StreamCheck> stream_checks_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::vector<std::string> violations_;
  bool quiet_ = false;
  bool last_part_ = false;
  const bool has_tasks_;  // in half of the scenes; the others are as they were without them
};

}  // namespace rondo::sim::scenario
