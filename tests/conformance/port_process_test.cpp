// SPDX-License-Identifier: MIT
// A backend and its process: descriptors, forks, sockets.
#include <unistd.h>

#include <rondo/net.h>

#include "support/child_process.h"
#include "support/port_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class PortProcess : public PortFixture {};
RONDO_ON_EVERY_BACKEND(PortProcess);

TEST_P(PortProcess, KeepsItsDescriptorsFromOtherPrograms) {
  RONDO_NEEDS(flags);
  backend.reset();
  const auto before = open_descriptors();
  backend = GetParam().make();
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::write));
  backend->wake();
  look();
  ASSERT_FALSE(backend->reinit());
  int owned = 0;
  for (const auto& [fd, what] : open_descriptors()) {
    if (before.contains(fd)) continue;
    ++owned;
    EXPECT_TRUE(is_close_on_exec(fd)) << fd << ": " << what;
  }
  EXPECT_GT(owned, 2) << "a backend owns more than the pair";
  EXPECT_LT(owned, 20);
}

TEST_P(PortProcess, ClosesItsDescriptors) {
  const auto before = open_descriptors();
  for (int i = 0; i < 10; ++i)
    (void)GetParam().make();  // the point is that it is made and destroyed
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(PortProcess, SeveralBackendsDoNotMeet) {
  const std::unique_ptr<Backend> second = GetParam().make();
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  ASSERT_FALSE(second->watch(pair.ours.get(), Ready::none, Ready::read, other));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_TRUE(is_silent(other));
  CollectingSink sink;
  while (sink.events.empty()) ASSERT_FALSE(second->wait(sink, never));
  EXPECT_EQ(sink.reported(token), Ready::none);
  EXPECT_EQ(sink.reported(other), Ready::read);
  second->wake();  // does not end the wait of the first
  const TimePoint deadline = backend->now() + 5ms;
  backend->unwatch(pair.ours.get(), Ready::write);
  int waits = 0;
  for (; backend->now() < deadline; ++waits) ASSERT_FALSE(backend->wait(sink, deadline));
  EXPECT_LE(waits, 50);
  second->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(PortProcess, RenewedForgetsEveryRegistration) {
  const Pair pair = unix_pair();
  const Pair resting = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  ASSERT_FALSE(watch(resting.ours, Ready::none, Ready::none, other));
  EXPECT_TRUE(is_reported(token, Ready::write));
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(backend->reinit());
    EXPECT_TRUE(is_silent(token));
    ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write))
        << "from none, like a new registration";
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  }
  backend->wake();
  look();
  backend->unwatch(pair.ours.get(), Ready::write);
}

TEST_P(PortProcess, IsWokenAfterItWasRenewed) {
  ASSERT_FALSE(backend->reinit());
  backend->wake();
  CollectingSink sink;
  ASSERT_FALSE(backend->wait(sink, never));
}

TEST_P(PortProcess, IsWokenAfterItWasRenewedWithAWakeUpUnderWay) {
  CollectingSink sink;
  for (int i = 0; i < 3; ++i) {
    backend->wake();
    ASSERT_FALSE(backend->reinit());
    look();  // the wake-up may or may not have survived
    look();
    backend->wake();
    ASSERT_FALSE(backend->wait(sink, never));
  }
}

TEST_P(PortProcess, RenewsWithoutLeavingDescriptorsBehind) {
  const auto before = open_descriptors().size();
  for (int i = 0; i < 10; ++i) ASSERT_FALSE(backend->reinit());
  EXPECT_EQ(open_descriptors().size(), before);
}

TEST_P(PortProcess, GoesOnInAChildWithoutDisturbingTheParent) {
  const Pair pair = unix_pair();
  const Pair idle = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  ASSERT_FALSE(watch(idle.ours, Ready::none, Ready::read, other));
  EXPECT_TRUE(is_reported(token, Ready::write));
  EXPECT_EQ(in_child([&] {
              RONDO_CHILD_REQUIRE(!backend->reinit());
              RONDO_CHILD_REQUIRE(is_silent(token));
              RONDO_CHILD_REQUIRE(!watch(pair.ours, Ready::none, Ready::both, other));
              RONDO_CHILD_REQUIRE(is_reported_repeatedly(other, Ready::write));
              backend->unwatch(pair.ours.get(), Ready::both);
              RONDO_CHILD_REQUIRE(is_silent(other));
              backend->wake();
              backend.reset();
              return 0;
            }),
            0);
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::write));
  EXPECT_TRUE(is_not_reported(other, Ready::read));
  write_all(idle.theirs.get(), "hello");
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::write);
  backend->unwatch(idle.ours.get(), Ready::read);
}

TEST_P(PortProcess, AWakeInTheChildIsNotThatOfTheParent) {
  EXPECT_EQ(in_child([&] {
              RONDO_CHILD_REQUIRE(!backend->reinit());
              for (int i = 0; i < 10; ++i) backend->wake();
              CollectingSink sink;
              RONDO_CHILD_REQUIRE(!backend->wait(sink, never));
              return 0;
            }),
            0);
  const TimePoint deadline = backend->now() + 10ms;
  int waits = 0;
  CollectingSink sink;
  for (; backend->now() < deadline; ++waits) ASSERT_FALSE(backend->wait(sink, deadline));
  EXPECT_LE(waits, 50);
}

TEST_P(PortProcess, BringsTheSocketCallsThatGoWithIt) {
  Net& net = backend->net();
  EXPECT_EQ(&net, &backend->net());
  int fds[2];
  ASSERT_EQ(net.pair(SocketType::stream, fds), 0);
  const std::string_view text = "hello";
  EXPECT_EQ(net.write(std::as_bytes(std::span{text}), fds[0]), 5);
  ASSERT_FALSE(backend->watch(fds[1], Ready::none, Ready::read, token));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  std::byte buffer[16];
  EXPECT_EQ(net.read(buffer, fds[1]), 5);
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  backend->unwatch(fds[1], Ready::read);
  for (const int fd : fds) {
    EXPECT_TRUE(is_close_on_exec(fd));
    EXPECT_TRUE(is_nonblocking(fd));
    EXPECT_EQ(net.close(fd), 0);
  }
}

}  // namespace
}  // namespace rondo::test
