// SPDX-License-Identifier: MIT
#include "cache/request.h"

#include <gtest/gtest.h>

#include <string>

#include "cache/number.h"

namespace cache {
namespace {

/// The arguments of the first request with bars behind, or why there is none.
std::string parsed(std::string_view input) {
  Request request;
  switch (request.parse(input)) {
    case Progress::incomplete:
      return "(incomplete)";
    case Progress::malformed:
      return request.error();
    case Progress::complete:
      break;
  }
  std::string text;
  for (const std::string_view arg : request.args()) text.append(arg).append("|");
  return text.append("+").append(std::to_string(input.size() - request.size()));
}

TEST(Requests, AreArraysOfStrings) {
  EXPECT_EQ(parsed("*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"), "GET|x|+0");
  EXPECT_EQ(parsed("*1\r\n$4\r\nPING\r\n*1\r\n"), "PING|+4");
  EXPECT_EQ(parsed("*1\r\n$0\r\n\r\n"), "|+0");
  EXPECT_EQ(parsed("*1\r\n$12\r\n0123456789\r\n\r\n"), "0123456789\r\n|+0");
  EXPECT_EQ(parsed("*0\r\nPING\r\n"), "+6");
  EXPECT_EQ(parsed("*-1\r\n"), "+0");
}

TEST(Requests, HaveStringsOfAnySize) {
  for (const std::size_t size : {0U, 9U, 10U, 99U, 100U, 999U, 1000U, 12'345U, 100'000U}) {
    const std::string text(size, 'x');
    const std::string whole =
        "*3\r\n$3\r\nSET\r\n$" + std::to_string(size) + "\r\n" + text + "\r\n$1\r\ny\r\n";
    EXPECT_EQ(parsed(whole), "SET|" + text + "|y|+0");
    EXPECT_EQ(parsed(std::string_view{whole}.substr(0, whole.size() - 1)), "(incomplete)");
  }
}

TEST(Requests, AreLinesOfWords) {
  EXPECT_EQ(parsed("GET x\r\n"), "GET|x|+0");
  EXPECT_EQ(parsed("  GET \t x  \nPING"), "GET|x|+4");
  EXPECT_EQ(parsed("\r\n"), "+0");
  EXPECT_EQ(parsed("a \"b c\\n\\x41\\\"\" 'd \\' \\n'\n"), "a|b c\nA\"|d ' \\n|+0");
  EXPECT_EQ(parsed("a \"b\"c\n"), "Protocol error: unbalanced quotes in request");
  EXPECT_EQ(parsed("a 'b\n"), "Protocol error: unbalanced quotes in request");
}

TEST(Requests, ThatAreIncompleteWait) {
  const std::string_view whole = "*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parsed(whole.substr(0, size)), "(incomplete)") << size;
  EXPECT_EQ(parsed("PING"), "(incomplete)");
  EXPECT_EQ(parsed(std::string_view{"PI\0NG\r\n", 7}), "(incomplete)");
}

TEST(Requests, ThatAreWrongAreNamed) {
  EXPECT_EQ(parsed("*x\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(parsed("*01\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(parsed("*01\r\n$4\r\nPING\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(parsed("*1x\r\n$4\r\nPING\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(parsed("*2147483648\r\n"), "Protocol error: invalid multibulk length");
  EXPECT_EQ(parsed("*2147483647\r\n"), "(incomplete)");
  EXPECT_EQ(parsed("*1\r\nGET\r\n"), "Protocol error: expected '$', got 'G'");
  EXPECT_EQ(parsed("*1\r\n\r\n\r\n"), "Protocol error: expected '$', got ' '");
  EXPECT_EQ(parsed("*1\r\n$-1\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(parsed("*1\r\n$536870913\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(parsed("*1\r\n$536870912\r\n"), "(incomplete)");
  EXPECT_EQ(parsed("*1\r\n$04\r\nPING\r\n"), "Protocol error: invalid bulk length");
  EXPECT_EQ(parsed("*1\r\n$00\r\n\r\n"), "Protocol error: invalid bulk length");
}

TEST(Requests, HaveLimits) {
  const std::string many(Request::line_size_max, '1');
  EXPECT_EQ(parsed(many), "(incomplete)");
  EXPECT_EQ(parsed(many + "1"), "Protocol error: too big inline request");
  EXPECT_EQ(parsed(many + "1\n"), "Protocol error: too big inline request");
  EXPECT_EQ(parsed("*" + many), "Protocol error: too big mbulk count string");
  EXPECT_EQ(parsed("*1\r\n$" + many), "Protocol error: too big bulk count string");
}

// A million arguments, with a look at each byte for each that arrives, would take hours.
TEST(Requests, ThatArriveInPiecesAreParsedOnce) {
  constexpr int count = 200'000;
  std::string whole = "*" + std::to_string(count) + "\r\n";
  for (int i = 0; i < count; ++i) whole += "$1\r\nx\r\n";
  Request request;
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_EQ(request.parse(std::string_view{whole}.substr(0, size)), Progress::incomplete);
  ASSERT_EQ(request.parse(whole), Progress::complete);
  EXPECT_EQ(request.args().size(), std::size_t{count});
}

TEST(Integers, AreWrittenInOneWayOnly) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_integer("-9223372036854775808"), INT64_MIN);
  for (const char* const text : {"", "-", "-0", "00", "01", "+1", " 1", "1 ", "1x", "0x1", "1.0",
                                 "9223372036854775808", "-9223372036854775809"})
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  for (const std::int64_t number : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX})
    EXPECT_EQ(parse_integer(Digits{number}.text()), number);
}

TEST(Integers, AreAddedIfTheSumFits) {
  std::int64_t sum = INT64_MAX - 1;
  EXPECT_TRUE(add(sum, 1));
  EXPECT_FALSE(add(sum, 1));
  EXPECT_EQ(sum, INT64_MAX);
  EXPECT_TRUE(add(sum, INT64_MIN));
  EXPECT_EQ(sum, -1);
  EXPECT_TRUE(add(sum, INT64_MIN + 1));
  EXPECT_FALSE(add(sum, -1));
}

}  // namespace
}  // namespace cache
