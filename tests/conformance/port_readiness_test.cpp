// SPDX-License-Identifier: MIT
// Backend::watch and Backend::wait: which readiness is reported, with which token, and for how
// long.
#include <cstring>

#include "support/port_fixture.h"

namespace rondo::test {
namespace {

class Port : public PortFixture {};
RONDO_ON_EVERY_BACKEND(Port);

TEST_P(Port, ReportsReadAgainUntilRead) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  EXPECT_EQ(read_result(pair.ours.get()), 1);
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read)) << "four bytes are left";
  EXPECT_EQ(read_all(pair.ours.get()), "ello");
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, ReportsWriteAgainUntilFull) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_GT(fill_until_full(pair.ours.get()), 0U);
  EXPECT_TRUE(is_not_reported(token, Ready::write));
  EXPECT_FALSE(read_all(pair.theirs.get()).empty());
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::write);
}

TEST_P(Port, ReportsOnlyTheDirectionThatIsWatched) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::write, Ready::read));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  EXPECT_TRUE(is_not_reported(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, ReportsBothDirectionsAndNeitherIsLost) {
  const Pair pair = tcp_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::both));
  backend->unwatch(pair.ours.get(), Ready::both);
}

TEST_P(Port, AddsADirectionToAnother) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_not_reported(token, Ready::both));
  ASSERT_FALSE(watch(pair.ours, Ready::read, Ready::both));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::both));
  backend->unwatch(pair.ours.get(), Ready::both);
}

TEST_P(Port, TakesADirectionAway) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::both));
  ASSERT_FALSE(watch(pair.ours, Ready::both, Ready::read));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  EXPECT_TRUE(is_not_reported(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, ChangesBeforeAnyWait) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::read, Ready::both));
  ASSERT_FALSE(watch(pair.ours, Ready::both, Ready::none));
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::write);
}

TEST_P(Port, LetsARegistrationRestAndGoOn) {
  const Pair pair = tcp_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::both));
  ASSERT_FALSE(watch(pair.ours, Ready::both, Ready::none));
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, BeginsWithARest) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::none));
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_reported(token, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, ReportsAfterAPauseWhatCameDuringIt) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::read, Ready::none));
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, ReportsUnderTheLatestToken) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_reported(token, Ready::read));
  ASSERT_FALSE(watch(pair.ours, Ready::read, Ready::both, other));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::both));
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(pair.ours, Ready::both, Ready::read, token));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  EXPECT_TRUE(is_silent(other));
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, HandsTheTokenBackAsItWasGiven) {
  const Pair pair = unix_pair();
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x7fffffff},
        std::uint64_t{0xfedcba9800000003}, std::uint64_t{0x8000000000000000}}) {
    const Token given{number};
    ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write, given));
    EXPECT_TRUE(is_reported_repeatedly(given, Ready::write)) << number;
    backend->unwatch(pair.ours.get(), Ready::write);
  }
}

TEST_P(Port, ReportsADirectionAtMostOnceInOneWait) {
  std::vector<Pair> pairs;
  for (int i = 0; i < 50; ++i) {
    pairs.push_back(unix_pair());
    write_all(pairs.back().theirs.get(), "hello");
    ASSERT_FALSE(watch(pairs.back().ours, Ready::none, Ready::both, Token{100U + pairs.size()}));
  }
  for (int i = 0; i < looks; ++i) {
    const Reports sink = look();
    for (std::size_t n = 1; n <= pairs.size(); ++n) {
      EXPECT_LE(sink.count(Token{100U + n}, Ready::read), 1U);
      EXPECT_LE(sink.count(Token{100U + n}, Ready::write), 1U);
    }
  }
  for (const Pair& pair : pairs) backend->unwatch(pair.ours.get(), Ready::both);
}

// The next wait finds what one wait left out: a late position in the list starves no descriptor.
TEST_P(Port, ReportsAllOfManyWithinAFewWaits) {
  constexpr std::size_t many = 1500;
  if (!allow_descriptors(2 * many + 100)) GTEST_SKIP() << "the limit of descriptors is too low";
  std::vector<Pair> pairs;
  for (std::size_t n = 0; n < many; ++n) {
    pairs.push_back(unix_pair());
    write_all(pairs.back().theirs.get(), "x");
    const std::error_code error = watch(pairs.back().ours, Ready::none, Ready::read, Token{n});
    ASSERT_FALSE(error) << "watch of descriptor " << pairs.back().ours.get() << ": "
                        << error.message();
  }
  std::vector<bool> reported(many, false);
  std::size_t missing = many;
  for (int i = 0; i < 100 && missing > 0; ++i) {
    for (const Reports::Event& event : look().events) {
      const auto n = static_cast<std::size_t>(event.token);
      ASSERT_LT(n, many);
      if (!reported[n]) --missing;
      reported[n] = true;
    }
  }
  EXPECT_EQ(missing, 0U);
  for (const Pair& pair : pairs) backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Port, AllowsChangesFromInsideASink) {
  const Pair first = unix_pair();
  const Pair second = unix_pair();
  const Pair third = unix_pair();
  ASSERT_FALSE(watch(first.ours, Ready::none, Ready::write));
  ASSERT_FALSE(watch(second.ours, Ready::none, Ready::write, other));
  bool done = false;
  CollectingSink sink;
  sink.then = [&](Token, Ready) {
    if (std::exchange(done, true)) return;
    EXPECT_FALSE(watch(first.ours, Ready::write, Ready::none));
    backend->unwatch(second.ours.get(), Ready::write);
    EXPECT_FALSE(watch(third.ours, Ready::none, Ready::write, Token{9}));
    backend->wake();
  };
  while (!done) ASSERT_FALSE(backend->wait(sink, after(backend->now(), patience)));
  EXPECT_TRUE(is_silent(token));
  EXPECT_TRUE(is_silent(other));
  EXPECT_TRUE(is_reported_repeatedly(Token{9}, Ready::write));
  backend->unwatch(first.ours.get(), Ready::none);
  backend->unwatch(third.ours.get(), Ready::write);
}

TEST_P(Port, LetsThroughWhatASinkThrowsAndFindsTheRestNextTime) {
  struct Oops {};
  std::vector<Pair> pairs;
  for (std::size_t n = 0; n < 10; ++n) {
    pairs.push_back(unix_pair());
    ASSERT_FALSE(watch(pairs.back().ours, Ready::none, Ready::write, Token{100 + n}));
  }
  CollectingSink sink;
  sink.then = [](Token, Ready) { throw Oops{}; };
  for (int i = 0; i < 5; ++i) EXPECT_THROW(EXPECT_FALSE(backend->wait(sink, never)), Oops);
  EXPECT_EQ(sink.events.size(), 5U) << "a sink that has thrown receives no more events";
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    EXPECT_TRUE(is_reported_repeatedly(Token{100 + n}, Ready::write));
    backend->unwatch(pairs[n].ours.get(), Ready::write);
  }
}

}  // namespace
}  // namespace rondo::test
