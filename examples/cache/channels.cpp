// SPDX-License-Identifier: MIT
#include "channels.h"

#include <algorithm>
#include <initializer_list>

#include "glob.h"
#include "number.h"

namespace cache {
namespace {

std::string message_of(std::initializer_list<std::string_view> parts) {
  std::string text = "*";
  text.append(Digits{static_cast<std::int64_t>(parts.size())}.text()).append("\r\n");
  for (const std::string_view part : parts) {
    text.append("$").append(Digits{static_cast<std::int64_t>(part.size())}.text());
    text.append("\r\n").append(part).append("\r\n");
  }
  return text;
}

}  // namespace

void Channels::subscribe(Subscriber& subscriber, NameKind kind, std::string_view name) {
  std::vector<std::string>& names = subscriber.names(kind);
  if (std::ranges::find(names, name) != names.end()) return;
  std::vector<Subscriber*>& all = listeners(kind)[std::string{name}];
  all.reserve(all.size() + 1);
  names.emplace_back(name);
  all.push_back(&subscriber);
}

void Channels::unsubscribe(Subscriber& subscriber, NameKind kind, std::string_view name) {
  if (std::erase(subscriber.names(kind), name) > 0) erase(listeners(kind), name, subscriber);
}

void Channels::leave(Subscriber& subscriber) noexcept {
  for (const std::string& name : subscriber.channels) erase(channels_, name, subscriber);
  for (const std::string& name : subscriber.patterns) erase(patterns_, name, subscriber);
}

void Channels::erase(Listeners& from, std::string_view name, Subscriber& subscriber) noexcept {
  const auto at = from.find(name);
  std::erase(at->second, &subscriber);
  if (at->second.empty()) from.erase(at);
}

std::size_t Channels::publish(std::string_view channel, std::string_view message) {
  std::size_t count = 0;
  if (const auto at = channels_.find(channel); at != channels_.end())
    count += send(at->second, message_of({"message", channel, message}));
  for (const auto& [pattern, all] : patterns_)
    if (matches(pattern, channel))
      count += send(all, message_of({"pmessage", pattern, channel, message}));
  return count;
}

/// A stream calls nothing from inside write() and abort(), so no subscriber leaves meanwhile.
std::size_t Channels::send(const std::vector<Subscriber*>& to, std::string_view text) {
  for (Subscriber* const subscriber : to) {
    rondo::Stream& stream = subscriber->stream;
    const bool is_slow = stream.write(text) == rondo::WriteStatus::above_high_water;
    if (is_slow && stream.unsent_bytes() > unsent_max) stream.abort();
  }
  return to.size();
}

}  // namespace cache
