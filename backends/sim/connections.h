// The connections of one machine, on its side: by route, and by place. A packet tells the place
// from where it comes, so that an answer finds its connection there, in an array, and not by way of
// a hash table that is as large as the machine has connections and cold wherever it is looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "address.h"
#include "tcp.h"

namespace rondo::sim {

class Connections {
 public:
  using Place = std::uint32_t;

  /// Null if there is none. `guess` is looked at first, and may be wrong.
  [[nodiscard]] Tcp* find(const Route& route, Place guess = Whereabouts::unknown) const noexcept {
    if (guess < places_.size()) {
      Tcp* const there = places_[guess].get();
      if (there != nullptr && there->route() == route) return there;
    }
    const auto found = by_route_.find(route);
    return found == by_route_.end() ? nullptr : places_[found->second].get();
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_route_.size(); }
  [[nodiscard]] const std::vector<Ref<Tcp>>& places() const noexcept { return places_; }

  /// There is none with its route.
  Place add(Tcp& connection) {
    if (vacant_.empty()) {
      places_.emplace_back();
      vacant_.reserve(places_.capacity());  // for all of them: to remove one must not need memory
      vacant_.push_back(static_cast<Place>(places_.size() - 1));
    }
    const Place place = vacant_.back();
    by_route_.emplace(connection.route(), place);
    vacant_.pop_back();
    places_[place] = Ref<Tcp>{&connection};
    return place;
  }
  /// May end it.
  void remove(Place place) noexcept {
    const Ref<Tcp> removed = std::move(places_[place]);
    by_route_.erase(removed->route());
    vacant_.push_back(place);  // there is room for each
  }
  /// All of them.
  [[nodiscard]] std::vector<Ref<Tcp>> take() noexcept {
    by_route_.clear();
    vacant_.clear();
    return std::exchange(places_, {});
  }

 private:
  std::unordered_map<Route, Place, RouteHash> by_route_;
  std::vector<Ref<Tcp>> places_;
  std::vector<Place> vacant_;
};

}  // namespace rondo::sim
