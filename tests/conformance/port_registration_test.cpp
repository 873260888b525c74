// SPDX-License-Identifier: MIT
// Backend::watch and Backend::unwatch: descriptors that cannot be polled, and ended registrations.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "support/allocation_counter.h"
#include "support/port_fixture.h"

namespace rondo::test {
namespace {

class Registration : public PortFixture {};
RONDO_ON_EVERY_BACKEND(Registration);

Fd opened(const char* path, int flags) { return Fd{::open(path, flags | O_CLOEXEC)}; }

struct FileCloser {
  void operator()(std::FILE* file) const { (void)std::fclose(file); }  // the file is temporary
};

TEST_P(Registration, RefusesARegularFile) {
  RONDO_NEEDS(files);
  const std::unique_ptr<std::FILE, FileCloser> file{std::tmpfile()};
  ASSERT_NE(file, nullptr);
  const int fd = ::fileno(file.get());
  for (const Ready interest : {Ready::read, Ready::write, Ready::both}) {
    EXPECT_EQ(backend->watch(fd, Ready::none, interest, token), std::errc::operation_not_permitted);
  }
}

TEST_P(Registration, RefusesADirectory) {
  RONDO_NEEDS(files);
  const Fd directory = opened("/", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(watch(directory, Ready::none, Ready::read), std::errc::operation_not_permitted);
}

TEST_P(Registration, RefusesTheNullDevice) {
  RONDO_NEEDS(files);
  const Fd null = opened("/dev/null", O_RDWR);
  EXPECT_EQ(watch(null, Ready::none, Ready::read), std::errc::operation_not_permitted);
  EXPECT_EQ(watch(null, Ready::none, Ready::both), std::errc::operation_not_permitted);
}

TEST_P(Registration, RefusesAClosedDescriptor) {
  Pair pair = unix_pair();
  const int number = pair.ours.get();
  pair.ours.close();
  EXPECT_EQ(backend->watch(number, Ready::none, Ready::read, token),
            std::errc::bad_file_descriptor);
}

TEST_P(Registration, RefusesNumbersThatAreNoDescriptors) {
  const std::int64_t before = live_bytes();
  EXPECT_EQ(backend->watch(-1, Ready::none, Ready::read, token), std::errc::bad_file_descriptor);
  EXPECT_EQ(backend->watch(1 << 28, Ready::none, Ready::write, token),
            std::errc::bad_file_descriptor);
  EXPECT_LT(live_bytes() - before, 1 << 16) << "no table grows for such a number";
}

class SharedRegistration : public Registration {
 protected:
  void expect_left_blocking(const Fd& shared) {
    ASSERT_FALSE(watch(shared, Ready::none, Ready::read));
    EXPECT_FALSE(is_nonblocking(shared.get())) << "at the start";
    (void)look();  // nothing is ready
    ASSERT_FALSE(watch(shared, Ready::read, Ready::none));
    ASSERT_FALSE(watch(shared, Ready::none, Ready::both));
    (void)look();  // a terminal is writable
    EXPECT_FALSE(is_nonblocking(shared.get())) << "after changes";
    backend->unwatch(shared.get(), Ready::both);
    EXPECT_FALSE(is_nonblocking(shared.get())) << "at the end";
  }
};
RONDO_ON_EVERY_BACKEND(SharedRegistration);

TEST_P(SharedRegistration, LeavesAPipeBlocking) {
  RONDO_NEEDS(flags);
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd shared{ends[0]};
  const Fd far_end{ends[1]};
  expect_left_blocking(shared);
}

TEST_P(SharedRegistration, LeavesATerminalBlocking) {
  RONDO_NEEDS(flags);
  const Fd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  const bool unlocked = ::grantpt(master.get()) == 0 && ::unlockpt(master.get()) == 0;
  const char* const name = unlocked ? ::ptsname(master.get()) : nullptr;
  if (name == nullptr || ::access(name, F_OK) != 0) GTEST_SKIP() << "no pseudo-terminals";
  expect_left_blocking(opened(name, O_RDWR | O_NOCTTY));
}

TEST_P(Registration, ChangesNothingWhenItRefuses) {
  RONDO_NEEDS(files);
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  Fd null = opened("/dev/null", O_RDWR);
  const int number = null.get();
  EXPECT_TRUE(watch(null, Ready::none, Ready::read, other));
  EXPECT_TRUE(is_silent(other));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read)) << "the other registrations still work";

  null.close();
  Pair next = unix_pair();
  next.ours = moved_to(number, std::move(next.ours));
  write_all(next.theirs.get(), "hello");
  ASSERT_FALSE(watch(next.ours, Ready::none, Ready::read, other)) << "the number may be used again";
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::read));
  backend->unwatch(next.ours.get(), Ready::read);
  backend->unwatch(pair.ours.get(), Ready::read);
}

TEST_P(Registration, IsSilentAfterItsEnd) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::both));
  backend->unwatch(pair.ours.get(), Ready::both);
  EXPECT_TRUE(is_silent(token));
}

TEST_P(Registration, EndsBeforeAnyWait) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  backend->unwatch(pair.ours.get(), Ready::both);
  EXPECT_TRUE(is_silent(token));
}

TEST_P(Registration, EndsWhileItRests) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported(token, Ready::write));
  ASSERT_FALSE(watch(pair.ours, Ready::write, Ready::none));
  backend->unwatch(pair.ours.get(), Ready::none);
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write, other));
  EXPECT_TRUE(is_reported(other, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::write);
}

TEST_P(Registration, BeginsAgainUnderAnotherToken) {
  const Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write));
  EXPECT_TRUE(is_reported(token, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::write);
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::write, other));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
  EXPECT_TRUE(is_silent(token));
  backend->unwatch(pair.ours.get(), Ready::write);
}

// Descriptor 7 is closed, accept returns 7, and the old event for 7 is still queued.
TEST_P(Registration, DoesNotSpeakForTheNextOwnerOfItsNumber) {
  Pair pair = unix_pair();
  const int number = pair.ours.get();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::both));
  backend->unwatch(number, Ready::both);
  pair.ours.close();
  const Fd next = moved_to(number, duplicate(pair.theirs.get()));
  ASSERT_FALSE(watch(next, Ready::none, Ready::read, other));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::read)) << "its peer has hung up";
  EXPECT_TRUE(is_silent(token));
  backend->unwatch(number, Ready::read);
}

// A duplicate keeps a closed descriptor registered in epoll.
TEST_P(Registration, LeavesNothingBehindInADuplicate) {
  Pair pair = unix_pair();
  const Fd copy = duplicate(pair.ours.get());
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  EXPECT_TRUE(is_not_reported(token, Ready::read));
  backend->unwatch(pair.ours.get(), Ready::read);
  pair.ours.close();
  write_all(pair.theirs.get(), "hello");
  EXPECT_TRUE(is_silent(token));
  ASSERT_FALSE(watch(copy, Ready::none, Ready::read, other));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::read));
  EXPECT_TRUE(is_silent(token));
  backend->unwatch(copy.get(), Ready::read);
}

TEST_P(Registration, CoexistsWithOneOfADuplicate) {
  const Pair pair = unix_pair();
  const Fd copy = duplicate(pair.ours.get());
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::read));
  ASSERT_FALSE(watch(copy, Ready::none, Ready::write, other));
  EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
  backend->unwatch(pair.ours.get(), Ready::read);
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
  EXPECT_TRUE(is_silent(token));
  backend->unwatch(copy.get(), Ready::write);
}

TEST_P(Registration, EndsQuietlyAfterItsDescriptorIsGone) {
  Pair pair = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::write));
  const int number = pair.ours.get();
  pair.ours.close();  // too early: the contract requires unwatch first
  backend->unwatch(number, Ready::both);
  EXPECT_TRUE(is_silent(token));

  Pair next = unix_pair();
  next.ours = moved_to(number, std::move(next.ours));
  ASSERT_FALSE(watch(next.ours, Ready::none, Ready::write, other));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
  backend->unwatch(number, Ready::write);
}

class OwnRegistration : public Registration {
 protected:
  /// Registers one of the reactor's own sockets, and ends that; another descriptor may get its
  /// number.
  int number_that_was_watched() {
    const Pair pair = unix_pair();
    EXPECT_FALSE(backend->watch_own(pair.ours.get(), Ready::both, token));
    EXPECT_TRUE(is_reported(token, Ready::write));
    backend->unwatch(pair.ours.get(), Ready::both);
    return pair.ours.get();
  }
  static Pair pair_with(int number) {
    Pair pair = unix_pair();
    pair.ours = moved_to(number, std::move(pair.ours));
    return pair;
  }
};
RONDO_ON_EVERY_BACKEND(OwnRegistration);

TEST_P(OwnRegistration, IsSilentAfterItsEnd) {
  const Pair pair = unix_pair();
  write_all(pair.theirs.get(), "hello");
  ASSERT_FALSE(backend->watch_own(pair.ours.get(), Ready::both, token));
  EXPECT_TRUE(is_reported(token, Ready::both));
  backend->unwatch(pair.ours.get(), Ready::both);
  backend->unwatch(pair.ours.get(), Ready::none);  // nothing is left to end
  EXPECT_TRUE(is_silent(token));
}

TEST_P(OwnRegistration, DoesNotSpeakForTheNextOwnerOfItsNumber) {
  const int number = number_that_was_watched();
  const Pair next = pair_with(number);
  ASSERT_FALSE(backend->watch_own(number, Ready::read, other));
  EXPECT_TRUE(is_not_reported(other, Ready::read));
  write_all(next.theirs.get(), "hello");
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::read));
  EXPECT_TRUE(is_silent(token));
  backend->unwatch(number, Ready::read);
}

TEST_P(OwnRegistration, LeavesItsNumberToAFile) {
  RONDO_NEEDS(files);
  const int number = number_that_was_watched();
  Fd null = moved_to(number, opened("/dev/null", O_RDWR));
  EXPECT_EQ(watch(null, Ready::none, Ready::read), std::errc::operation_not_permitted);
  null.close();
  const Pair next = pair_with(number);
  ASSERT_FALSE(watch(next.ours, Ready::none, Ready::write, other));
  EXPECT_TRUE(is_reported_repeatedly(other, Ready::write));
  backend->unwatch(number, Ready::write);
}

// The contract forbids the close, but the program must not end for it.
TEST_P(OwnRegistration, LeavesItsNumberToADescriptorThatIsClosedTooEarly) {
  RONDO_NEEDS(files);
  const int number = number_that_was_watched();
  Pair next = pair_with(number);
  ASSERT_FALSE(watch(next.ours, Ready::none, Ready::write, other));
  next.ours.close();
  EXPECT_TRUE(is_silent(other));
  backend->unwatch(number, Ready::write);
  EXPECT_FALSE(backend->watch_own(pair_with(number).ours.get(), Ready::none, token));
}

TEST_P(OwnRegistration, IsOneOfMany) {
  std::vector<Pair> pairs;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      pairs.push_back(unix_pair());
      const Token its_own = i == 0 ? token : other;
      ASSERT_FALSE(backend->watch_own(pairs.back().ours.get(), Ready::read, its_own));
    }
    write_all(pairs.front().theirs.get(), "hello");
    write_all(pairs.back().theirs.get(), "hello");
    EXPECT_TRUE(is_reported_repeatedly(token, Ready::read));
    EXPECT_TRUE(is_reported_repeatedly(other, Ready::read));
    for (const Pair& each : pairs) backend->unwatch(each.ours.get(), Ready::read);
    pairs.clear();
  }
}

// The owner of a backend may destroy it at any time, also while descriptors are registered.
TEST_P(Registration, MayOutliveItsBackend) {
  const Pair pair = unix_pair();
  const Pair resting = unix_pair();
  ASSERT_FALSE(watch(pair.ours, Ready::none, Ready::both));
  EXPECT_TRUE(is_reported(token, Ready::write));
  ASSERT_FALSE(watch(resting.ours, Ready::none, Ready::none, other));
  backend.reset();
  write_all(pair.ours.get(), "still a descriptor");
}

}  // namespace
}  // namespace rondo::test
