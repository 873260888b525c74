// SPDX-License-Identifier: MIT
// One evening in the chat, drawn from a seed: which members join, what they say, what fails.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/sim.h>

#include "agreement.h"
#include "chat.h"

namespace chat::box {

/// Counts of events, for one evening or for many.
struct Tally {
  std::uint64_t joins = 0;
  std::uint64_t lines = 0;
  std::uint64_t heard = 0;
  std::uint64_t dropped = 0;  ///< for not reading
  std::uint64_t partitions = 0;
  std::uint64_t crashes = 0;

  void add(const Tally& other) noexcept;
  [[nodiscard]] std::string to_string() const;
};

class Evening {
 public:
  explicit Evening(std::uint64_t seed);

  /// Runs it to its end. Returns what was wrong, with the world's report; empty if nothing was.
  [[nodiscard]] std::string run();
  [[nodiscard]] rondo::sim::World& world() noexcept { return world_; }
  [[nodiscard]] Tally tally() const;

 private:
  /// A machine with some of the members.
  struct Place {
    std::string name;
    std::unique_ptr<rondo::Reactor> reactor;
    std::vector<Member*> members{};
  };

  // While faults occur.
  void something_happens();
  void join();
  void join(Place& place);
  void talk(std::uint64_t lines_max);
  void disturb();
  void crash(Place& place);
  void restart(Place& place);

  // Afterwards.
  [[nodiscard]] std::string end_in_peace();
  [[nodiscard]] std::string go_home();
  [[nodiscard]] std::string list_is_wrong();

  template <typename T>
  T& one_of(std::vector<T>& all) {
    return all[static_cast<std::size_t>(world_.draw(all.size()))];
  }
  [[nodiscard]] Member* any_present();
  [[nodiscard]] rondo::Duration up_to(rondo::Duration most);

  rondo::sim::World world_;
  rondo::Reactor server_{world_.host("chat").backend()};
  std::vector<Place> places_;
  Members members_;
  Chat chat_;
  Tally tally_;
};

}  // namespace chat::box
