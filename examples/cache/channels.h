// SPDX-License-Identifier: MIT
// cache: the subscribers of channels, by name and by patterns of names.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/stream.h>

namespace cache {

enum class NameKind : std::uint8_t { channel, pattern };

/// A client that is subscribed to something.
struct Subscriber {
  explicit Subscriber(rondo::Stream& client) noexcept : stream(client) {}

  [[nodiscard]] std::vector<std::string>& names(NameKind kind) noexcept {
    return kind == NameKind::channel ? channels : patterns;
  }
  [[nodiscard]] std::size_t count() const noexcept { return channels.size() + patterns.size(); }

  rondo::Stream& stream;
  std::vector<std::string> channels;
  std::vector<std::string> patterns;
};

class Channels {
 public:
  /// More queued output ends a subscriber, which does not read what it has asked for.
  static constexpr std::size_t unsent_max = std::size_t{32} << 20U;

  void subscribe(Subscriber& subscriber, NameKind kind, std::string_view name);
  void unsubscribe(Subscriber& subscriber, NameKind kind, std::string_view name);
  /// Ends all that it is subscribed to.
  void leave(Subscriber& subscriber) noexcept;
  /// How many got it.
  std::size_t publish(std::string_view channel, std::string_view message);

 private:
  using Listeners = std::map<std::string, std::vector<Subscriber*>, std::less<>>;

  static void erase(Listeners& from, std::string_view name, Subscriber& subscriber) noexcept;
  static std::size_t send(const std::vector<Subscriber*>& to, std::string_view text);

  Listeners& listeners(NameKind kind) noexcept {
    return kind == NameKind::channel ? channels_ : patterns_;
  }

  Listeners channels_;
  Listeners patterns_;
};

}  // namespace cache
