// SPDX-License-Identifier: MIT
// A seeded fuzz test of Endpoint's parser and printer. RONDO_SEED replays the seed that it prints.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <random>
#include <string>

#include <rondo/endpoint.h>

#include "support/seed.h"

namespace rondo {
namespace {

constexpr std::size_t offset_of_path = offsetof(sockaddr_un, sun_path);

class Fuzz {
 public:
  std::size_t below(std::size_t end) { return std::size_t{random_()} % end; }
  char byte() { return static_cast<char>(below(256)); }

  std::string bytes(std::size_t size_max) {
    static constexpr std::string_view likely = "0123456789abcdef.:[]%@/ +-x";
    std::string text(below(size_max + 1), '\0');
    for (char& c : text) c = below(8) == 0 ? byte() : likely[below(likely.size())];
    return text;
  }

  Endpoint endpoint() {
    sockaddr_storage storage{};
    auto* raw = reinterpret_cast<char*>(&storage);
    for (std::size_t i = 0; i < sizeof(storage); ++i) raw[i] = below(3) == 0 ? '\0' : byte();
    constexpr sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX};
    storage.ss_family = families[below(3)];
    std::size_t size = sizeof(sockaddr_in6);
    if (storage.ss_family == AF_UNIX) size = offset_of_path + 1 + below(107);
    return Endpoint::from_system(reinterpret_cast<const sockaddr*>(&storage), size).value();
  }

  std::string mutated(std::string text) {
    for (std::size_t count = 1 + below(3); count > 0; --count) {
      const std::size_t at = below(text.size() + 1);
      switch (below(4)) {
        case 0:
          text.insert(at, 1, byte());
          break;
        case 1:
          if (at < text.size()) text.erase(at, 1 + below(3));
          break;
        case 2:
          if (at < text.size()) text[at] = byte();
          break;
        default:
          text.insert(at, bytes(200));
      }
    }
    return text;
  }

 private:
  std::mt19937_64 random_{test::chosen_seed()};
};

// Parsing gives a clear error, or a value whose text parses to the same value.
void expect_sane(const std::string& text) {
  const auto first = Endpoint::parse(text);
  if (!first) {
    EXPECT_TRUE(first.error().code);
    EXPECT_EQ(first.error().context.rfind("parse endpoint \"", 0), 0U);
    return;
  }
  const std::string printed = first->to_string();
  const auto second = Endpoint::parse(printed);
  ASSERT_TRUE(second) << text << " -> " << printed;
  EXPECT_EQ(*second, *first) << text << " -> " << printed;
  EXPECT_EQ(second->hash(), first->hash());
  EXPECT_EQ(second->to_string(), printed);
  EXPECT_EQ(Endpoint::from_system(first->system(), first->system_size()).value(), *first);
}

TEST(EndpointFuzz, SystemAddressesSurviveTheRoundTrip) {
  Fuzz fuzz;
  for (int i = 0; i < 20'000 && !::testing::Test::HasFailure(); ++i) {
    const Endpoint endpoint = fuzz.endpoint();
    const std::string text = endpoint.to_string();
    // Two values cannot: an empty one, and a path that only looks like an abstract name.
    if (endpoint.host().empty() || endpoint.host() == "@" || text.starts_with("unix:./@")) continue;
    const auto parsed = Endpoint::parse(text);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(*parsed, endpoint) << text;
  }
}

TEST(EndpointFuzz, MutatedEndpointsParseOrFailClearly) {
  Fuzz fuzz;
  for (int i = 0; i < 20'000 && !::testing::Test::HasFailure(); ++i) {
    expect_sane(fuzz.mutated(fuzz.endpoint().to_string()));
  }
}

TEST(EndpointFuzz, RandomBytesParseOrFailClearly) {
  Fuzz fuzz;
  constexpr std::string_view prefixes[] = {"", "[", "unix:", "unix:@", "127.0.0.1:", "[::1]:"};
  for (int i = 0; i < 50'000 && !::testing::Test::HasFailure(); ++i) {
    expect_sane(std::string{prefixes[fuzz.below(std::size(prefixes))]} + fuzz.bytes(130));
  }
}

}  // namespace
}  // namespace rondo
