// SPDX-License-Identifier: MIT
#include "evening.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace chat::box {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view target = "chat:8888";
constexpr std::size_t places_max = 4;
constexpr std::size_t members_max = 16;
constexpr int happenings = 60;
constexpr rondo::Duration patience = 30min;  // a dead peer is given up after 924 s

/// Small buffers, so that a member that does not read soon matters.
Options tight() {
  Options options;
  options.unread_max = std::size_t{16} << 10U;
  options.socket.send_buffer = 8192;
  return options;
}

}  // namespace

void Tally::add(const Tally& other) noexcept {
  joins += other.joins;
  lines += other.lines;
  heard += other.heard;
  dropped += other.dropped;
  partitions += other.partitions;
  crashes += other.crashes;
}

std::string Tally::to_string() const {
  return std::to_string(joins) + " joins, " + std::to_string(lines) + " lines said, " +
         std::to_string(heard) + " lines and notices heard, " + std::to_string(dropped) +
         " dropped for not reading, " + std::to_string(partitions) + " partitions, " +
         std::to_string(crashes) + " crashes";
}

Evening::Evening(std::uint64_t seed)
    : world_(seed, {.link = {.latency = 5ms, .jitter = 5ms}}), chat_(server_, tight()) {
  const std::uint64_t count = 2 + world_.draw(places_max - 1);
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::string name = "place-" + std::to_string(i);
    places_.push_back({name, std::make_unique<rondo::Reactor>(world_.host(name).backend())});
  }
  if (world_.draw(3) == 0) {
    world_.link("chat", places_.back().name, {.latency = 80ms, .bandwidth = 20'000});
  }
}

std::string Evening::run() {
  const auto local = chat_.server().listen("0.0.0.0:8888");
  if (!local) return local.error().message();
  world_.faults().swarm();
  for (int i = 0; i < happenings; ++i) {
    something_happens();
    world_.run_for(up_to(500ms));
  }
  std::string wrong = disagreement(members_);
  if (wrong.empty()) wrong = end_in_peace();
  if (wrong.empty()) wrong = disagreement(members_);
  if (wrong.empty()) wrong = go_home();
  tally_.dropped = chat_.dropped();
  return wrong.empty() ? wrong : wrong + '\n' + world_.report();
}

Tally Evening::tally() const {
  Tally all = tally_;
  for (const auto& member : members_) {
    if (member->joined()) ++all.joins;
    all.lines += member->said().size();
    all.heard += member->heard().size();
  }
  return all;
}

// --- while faults occur -------------------------------------------------------------------------

void Evening::something_happens() {
  Member* const member = any_present();
  const std::uint64_t what = world_.draw(100);
  if (members_.size() < 2 || (what < 15 && members_.size() < members_max)) return join();
  if (what < 55) return talk(3);
  if (what < 60) return talk(400);
  if (what < 75) return disturb();
  if (member == nullptr) return;
  if (what < 90) return member->doze(up_to(15s));
  if (what < 93) return member->say_too_much();
  if (what < 95) return member->ask_who();
  if (what < 98) return member->quit();
  member->abort();
}

void Evening::join() {
  Place& place = one_of(places_);
  if (!world_.host(place.name).is_up()) return restart(place);
  join(place);
}

void Evening::join(Place& place) {
  rondo::ConnectOptions options;
  if (world_.draw(2) == 0) options.socket.receive_buffer = 4096;
  const std::string name = "member-" + std::to_string(members_.size() + 1);
  members_.push_back(std::make_unique<Member>(world_, *place.reactor, target, name, options));
  place.members.push_back(members_.back().get());
}

void Evening::talk(std::uint64_t lines_max) {
  Member* const member = any_present();
  if (member == nullptr) return;
  for (std::uint64_t i = 1 + world_.draw(lines_max); i > 0; --i) member->say_next();
}

void Evening::disturb() {
  Place& place = one_of(places_);
  switch (world_.draw(5)) {
    case 0:
      return crash(place);
    case 1:
      return restart(place);
    case 2:
      return world_.cut("chat", place.name);
    case 3:
      return world_.heal("chat", place.name);
    default:
      ++tally_.partitions;
      world_.partition("chat", place.name, up_to(20s));
  }
}

/// No member is notified, and what was on the machine is lost.
void Evening::crash(Place& place) {
  if (!world_.host(place.name).is_up()) return;
  ++tally_.crashes;
  world_.host(place.name).crash();
  for (Member* const member : place.members) member->vanish();
  place.members.clear();
  place.reactor.reset();
}

void Evening::restart(Place& place) {
  rondo::sim::Host& host = world_.host(place.name);
  if (host.is_up()) return;
  host.restart();
  place.reactor = std::make_unique<rondo::Reactor>(host.backend());
}

// --- afterwards ---------------------------------------------------------------------------------

/// No more faults, and the network is whole: each present member sends a last line, and all learn
/// of everything.
std::string Evening::end_in_peace() {
  world_.faults().clear();
  for (Place& place : places_) {
    restart(place);
    world_.heal("chat", place.name);
  }
  for (const auto& member : members_) {
    if (!member->is_gone()) member->wake();
  }
  // If no member is left, the chat notices that machines have crashed only when it sends them
  // something.
  join(places_.front());
  const bool all_settled = world_.run_until(
      [this] {
        return std::all_of(members_.begin(), members_.end(), [](const auto& member) {
          return member->is_gone() || member->is_present();
        });
      },
      patience);
  if (!all_settled) return "a member neither joined nor left";
  for (const auto& member : members_) {
    if (member->is_present()) member->say_next();
  }
  const bool all_know = world_.run_until([this] { return missing(members_).empty(); }, patience);
  return all_know ? std::string{} : missing(members_);
}

std::string Evening::go_home() {
  const auto present = static_cast<std::size_t>(std::count_if(
      members_.begin(), members_.end(), [](const auto& member) { return member->is_present(); }));
  if (!world_.run_until([&] { return chat_.server().connections() == present; }, patience)) {
    return "the chat has guests that are not there";
  }
  if (std::string wrong = list_is_wrong(); !wrong.empty()) return wrong;
  for (const auto& member : members_) {
    if (member->is_present()) member->quit();
  }
  const bool is_empty =
      world_.run_until([&] { return chat_.server().connections() == 0; }, patience);
  if (!is_empty) return "a guest remains";
  constexpr std::size_t listener = 1;
  const std::size_t open = world_.host("chat").descriptors();
  return open <= listener + 1 ? std::string{} : "descriptors left open: " + std::to_string(open);
}

/// Checks the list of the guests, as one of them receives it.
std::string Evening::list_is_wrong() {
  Member* const asker = any_present();
  if (asker == nullptr) return {};
  std::vector<std::string> names;
  for (const auto& member : members_) {
    if (member->is_present()) names.push_back(member->name());
  }
  std::sort(names.begin(), names.end());
  std::string wanted = "* here are: ";
  for (const std::string& name : names) wanted += name + ' ';
  asker->ask_who();
  const bool is_right = world_.run_until([&] { return asker->here() == wanted; }, 1min);
  return is_right ? std::string{} : "here are " + wanted + "but the list says " + asker->here();
}

Member* Evening::any_present() {
  std::vector<Member*> present;
  for (const auto& member : members_) {
    if (member->is_present()) present.push_back(member.get());
  }
  return present.empty() ? nullptr : one_of(present);
}

rondo::Duration Evening::up_to(rondo::Duration most) {
  const auto bound = static_cast<std::uint64_t>(most.count());
  return rondo::Duration{static_cast<rondo::Duration::rep>(1 + world_.draw(bound))};
}

}  // namespace chat::box
