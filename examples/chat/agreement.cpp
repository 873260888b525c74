// SPDX-License-Identifier: MIT
#include "agreement.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace chat::box {
namespace {

using ByName = std::map<std::string, const Member*, std::less<>>;

constexpr std::string_view has_joined = " has joined";
constexpr std::string_view has_left = " has left";

/// The member that an event is about: `ann: 1 abc`, `* ann has joined`.
std::string_view actor_of(std::string_view event) noexcept {
  if (!event.starts_with("* ")) return event.substr(0, event.find(':'));
  event.remove_prefix(2);
  return event.substr(0, event.find(' '));
}

/// Whether its actor sent it, and it is complete.
bool is_true(std::string_view event, const ByName& members) {
  const auto actor = members.find(actor_of(event));
  if (actor == members.end()) return false;
  const auto& [name, member] = *actor;
  std::string_view rest = event;
  if (event.starts_with("* ")) {
    rest.remove_prefix(2 + name.size());
    return rest == has_joined || rest == has_left;
  }
  rest.remove_prefix(name.size() + 2);
  std::uint64_t number = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number >= 1 && number <= member->said().size() && rest == line_of(name, number);
}

std::string quote(std::string_view event) { return '"' + std::string{event} + '"'; }

/// Checks what one member has received.
std::string check_alone(const Member& member, const ByName& members) {
  if (!member.complaint().empty()) return member.complaint();
  std::unordered_set<std::string_view> events;
  for (const std::string& event : member.heard()) {
    if (!is_true(event, members))
      return member.name() + " heard what was not said: " + quote(event);
    if (!events.insert(event).second) return member.name() + " heard twice: " + quote(event);
    if (!event.ends_with(has_left) || !event.starts_with("* ")) continue;
    const std::string name{actor_of(event)};
    const bool was_here = member.here_at_first().find(' ' + name + ' ') != std::string::npos ||
                          events.contains("* " + name + std::string{has_joined});
    if (!was_here) return member.name() + " heard of a leave without a join: " + name;
  }
  return {};
}

/// What a member has received from one event to another, both included, without the events of the
/// two members.
std::vector<std::string_view> between(const Member& member, std::size_t first, std::size_t last,
                                      const Member& other) {
  std::vector<std::string_view> events;
  for (std::size_t i = first; i <= last; ++i) {
    const std::string_view event = member.heard()[i];
    const std::string_view actor = actor_of(event);
    if (actor != member.name() && actor != other.name()) events.push_back(event);
  }
  return events;
}

/// Between the first and the last event that both received, they must have received the same. Only
/// their own events may differ, because a member does not receive those.
std::string check_pair(const Member& one, const Member& other) {
  std::unordered_map<std::string_view, std::size_t> positions;
  for (std::size_t i = 0; i < other.heard().size(); ++i) positions.emplace(other.heard()[i], i);
  std::vector<std::pair<std::size_t, std::size_t>> common;
  for (std::size_t i = 0; i < one.heard().size(); ++i) {
    if (const auto found = positions.find(one.heard()[i]); found != positions.end()) {
      common.emplace_back(i, found->second);
    }
  }
  if (common.empty()) return {};
  const auto [first_of_one, first_of_other] = common.front();
  const auto [last_of_one, last_of_other] = common.back();
  const auto left = between(one, first_of_one, last_of_one, other);
  const auto right = between(other, first_of_other, last_of_other, one);
  const auto [here, there] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  if (here == left.end() && there == right.end()) return {};
  const auto shown = [](auto at, const auto& all) {
    return at == all.end() ? std::string{"nothing"} : quote(*at);
  };
  return one.name() + " heard " + shown(here, left) + " where " + other.name() + " heard " +
         shown(there, right);
}

bool heard(const Member& member, const std::string& event) {
  return std::find(member.heard().begin(), member.heard().end(), event) != member.heard().end();
}

/// What `member` has not received from `other`.
std::string missing_of(const Member& member, const Member& other) {
  const bool met = member.here_at_first().find(' ' + other.name() + ' ') != std::string::npos ||
                   heard(member, "* " + other.name() + std::string{has_joined});
  if (other.is_gone()) {
    const bool knows = heard(member, "* " + other.name() + std::string{has_left});
    return met && !knows ? member.name() + " has not learnt that " + other.name() + " has left"
                         : std::string{};
  }
  if (!other.is_present()) return {};
  for (const Member::Said& line : other.said()) {
    if (line.when < *member.joined()) continue;
    if (!heard(member, other.name() + ": " + line_of(other.name(), line.number))) {
      return member.name() + " has not heard line " + std::to_string(line.number) + " of " +
             other.name();
    }
  }
  return {};
}

}  // namespace

std::string disagreement(const Members& members) {
  ByName by_name;
  for (const auto& member : members) by_name.emplace(member->name(), member.get());
  for (const auto& member : members) {
    std::string wrong = check_alone(*member, by_name);
    if (!wrong.empty()) return wrong;
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t j = i + 1; j < members.size(); ++j) {
      std::string wrong = check_pair(*members[i], *members[j]);
      if (!wrong.empty()) return wrong;
    }
  }
  return {};
}

std::string missing(const Members& members) {
  for (const auto& member : members) {
    if (!member->is_present()) continue;
    for (const auto& other : members) {
      if (other == member) continue;
      std::string line = missing_of(*member, *other);
      if (!line.empty()) return line;
    }
  }
  return {};
}

}  // namespace chat::box
