// SPDX-License-Identifier: MIT
// Every state of a descriptor on every backend. The seventeenth row of the table, descriptors that
// cannot be polled, is in port_registration_test.cpp.
#include "support/descriptor_states.h"

#include <tuple>

#include "support/collecting_sink.h"
#include "support/on_every_backend.h"
#include "support/run_until.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class State : public testing::WithParamInterface<std::tuple<BackendUnderTest, DescriptorState>>,
              public InItsKernel {
 protected:
  State() : InItsKernel(std::get<0>(GetParam())) {}

  static constexpr int looks = 20;
  static constexpr Token token{(std::uint64_t{3} << 32) | 12};

  const DescriptorState& state() const { return std::get<1>(GetParam()); }

  Ready ready() const { return must_report(std::get<0>(GetParam()).name, state()); }

  int times_reported(Ready wanted) {
    int times = 0;
    for (int i = 0; i < looks; ++i) {
      CollectingSink sink;
      EXPECT_FALSE(backend->wait(sink, backend->now()));
      if (sink.count(token, wanted) > 0) ++times;
    }
    return times;
  }
  bool is_reported(Ready wanted) {
    Ready seen = Ready::none;
    for (const TimePoint end = Clock::now() + patience; Clock::now() < end;) {
      CollectingSink sink;
      EXPECT_FALSE(backend->wait(sink, after(backend->now(), 50ms)));
      seen |= sink.reported(token);
      if ((seen & wanted) == wanted) return true;
    }
    return false;
  }
  /// Checks that the state is reported correctly, again and again, with this interest.
  void expect_reported(Ready interest) {
    EXPECT_TRUE(is_reported(ready() & interest));
    for (const Ready one : {Ready::read, Ready::write}) {
      if ((interest & one) == Ready::none) continue;
      if ((ready() & one) != Ready::none) {
        EXPECT_GT(times_reported(one), looks / 2);
      } else if ((state().hint & one) == Ready::none) {
        EXPECT_LE(times_reported(one), looks / 2);
      }
    }
  }

  std::unique_ptr<Backend> backend = std::get<0>(GetParam()).make();
  DescriptorState::Made made = state().make();
  const int fd = made.fd.get();
};
INSTANTIATE_TEST_SUITE_P(Backends, State,
                         testing::Combine(testing::ValuesIn(backends_under_test()),
                                          testing::ValuesIn(descriptor_states())),
                         [](const auto& row) {
                           return std::get<0>(row.param).name + "_" + std::get<1>(row.param).name;
                         });

TEST_P(State, IsReportedAgainAndAgainAsTheCallsConfirm) {
  ASSERT_FALSE(backend->watch(fd, Ready::none, Ready::both, token));
  expect_reported(Ready::both);
  state().verify(fd);
  backend->unwatch(fd, Ready::both);
}

TEST_P(State, IsReportedForReadOrWriteInterestAlone) {
  Ready left = Ready::none;
  for (const Ready interest : {Ready::read, Ready::write}) {
    ASSERT_FALSE(backend->watch(fd, left, interest, token));
    expect_reported(interest);
    left = interest;
  }
  state().verify(fd);
  backend->unwatch(fd, left);
}

// HUP and ERR cannot be masked.
TEST_P(State, IsNotReportedToAPausedRegistration) {
  ASSERT_FALSE(backend->watch(fd, Ready::none, Ready::both, token));
  EXPECT_TRUE(is_reported(ready()));
  ASSERT_FALSE(backend->watch(fd, Ready::both, Ready::none, token));
  times_reported(Ready::both);  // events that were already queued
  EXPECT_EQ(times_reported(Ready::both), 0);
  ASSERT_FALSE(backend->watch(fd, Ready::none, Ready::both, token));
  expect_reported(Ready::both);
  state().verify(fd);
  backend->unwatch(fd, Ready::both);
}

// The wait does not return for it again and again either.
TEST_P(State, DoesNotSpinWhileItRests) {
  ASSERT_FALSE(backend->watch(fd, Ready::none, Ready::both, token));
  EXPECT_TRUE(is_reported(ready()));
  ASSERT_FALSE(backend->watch(fd, Ready::both, Ready::none, token));
  const TimePoint deadline = backend->now() + 10ms;
  int waits = 0;
  for (; backend->now() < deadline; ++waits) {
    CollectingSink sink;
    ASSERT_FALSE(backend->wait(sink, deadline));
  }
  EXPECT_LE(waits, 50);
  backend->unwatch(fd, Ready::none);
}

TEST_P(State, MayBeginAndEndUnseen) {
  ASSERT_FALSE(backend->watch(fd, Ready::none, Ready::both, token));
  backend->unwatch(fd, Ready::both);
  EXPECT_EQ(times_reported(Ready::both), 0);
  state().verify(fd);
}

}  // namespace
}  // namespace rondo::test
