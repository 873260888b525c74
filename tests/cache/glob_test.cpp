// SPDX-License-Identifier: MIT
#include "cache/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace cache {
namespace {

TEST(Globs, MatchAsInRedis) {
  EXPECT_TRUE(matches("hello", "hello"));
  EXPECT_FALSE(matches("hello", "hell"));
  EXPECT_FALSE(matches("hell", "hello"));
  EXPECT_TRUE(matches("h?llo", "hallo"));
  EXPECT_TRUE(matches("h*llo", "heeello"));
  EXPECT_TRUE(matches("h*", "h"));
  EXPECT_TRUE(matches("*a*b*", "xaxbx"));
  EXPECT_FALSE(matches("*a*b*", "xbxax"));
  EXPECT_TRUE(matches("h[ae]llo", "hallo"));
  EXPECT_FALSE(matches("h[^e]llo", "hello"));
  EXPECT_TRUE(matches("h[c-a]t", "hbt"));
  EXPECT_TRUE(matches("h\\*", "h*"));
  EXPECT_FALSE(matches("h\\*", "hx"));
  EXPECT_TRUE(matches("[\\]]", "]"));
  EXPECT_TRUE(matches("[ab", "b"));
  EXPECT_TRUE(matches("a\\", "a\\"));
}

TEST(Globs, OfAnEmptyTextMatchOnlyIfTheyAreEmpty) {
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("*", ""));
  EXPECT_FALSE(matches("", "a"));
}

// Tried again for each earlier star, this would take more steps than there are atoms.
TEST(Globs, WithManyStarsEndSoon) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(matches(pattern + "b", std::string(5000, 'a')));
  EXPECT_TRUE(matches(pattern, std::string(5000, 'a')));
}

}  // namespace
}  // namespace cache
