// SPDX-License-Identifier: MIT
// The system's Net, call by call: the kernel's results, flags that are set at creation, and no
// SIGPIPE, whose default action would end this program.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/net.h>

#include "support/system_net_fixture.h"

namespace rondo {
namespace {

using test::Buffer;
using test::bytes;
using test::is_close_on_exec;
using test::is_non_blocking;
using test::wait_for;

class SystemNetTest : public test::SystemNetFixture {
 protected:
  int file_of_one_byte() {
    char name[] = "/tmp/rondo-system-net-XXXXXX";
    const int file = keep(::mkstemp(name));
    ::unlink(name);
    EXPECT_EQ(::write(file, "x", 1), 1);
    return file;
  }
  void expect_broken_writes_leave_sigpipe(bool pending);
};

/// The calls that move bytes return -1 and set errno. This converts to the negative errno.
std::ptrdiff_t outcome(std::ptrdiff_t result) { return result < 0 ? -errno : result; }

bool sigpipe_is_blocked() {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, SIGPIPE) == 1;
}

/// While it exists, this thread has blocked SIGPIPE.
class BlockedSigpipe {
 public:
  BlockedSigpipe() {
    sigset_t sigpipe;
    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before_);
  }
  BlockedSigpipe(const BlockedSigpipe&) = delete;
  BlockedSigpipe& operator=(const BlockedSigpipe&) = delete;
  ~BlockedSigpipe() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

bool sigpipe_is_pending() {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

TEST_F(SystemNetTest, MakesNonBlockingCloseOnExecSockets) {
  for (const AddressFamily family :
       {AddressFamily::ipv4, AddressFamily::ipv6, AddressFamily::unix_domain}) {
    for (const SocketType type : {SocketType::stream, SocketType::datagram}) {
      const int fd = net_.socket(family, type);
      if (family == AddressFamily::ipv6 && fd == -EAFNOSUPPORT) continue;
      keep(fd);
      EXPECT_TRUE(is_non_blocking(fd));
      EXPECT_TRUE(is_close_on_exec(fd));
    }
  }
  for (const int fd : pair(SocketType::seqpacket)) {
    EXPECT_TRUE(is_non_blocking(fd));
    EXPECT_TRUE(is_close_on_exec(fd));
  }
}

TEST_F(SystemNetTest, AcceptsNonBlockingCloseOnExecClients) {
  Endpoint address;
  const int listening = listener(Endpoint::loopback(0), address);
  EXPECT_EQ(net_.accept(listening, nullptr), -EAGAIN);
  const int client = keep(net_.socket(AddressFamily::ipv4, SocketType::stream));
  const int begun = net_.connect(client, address);
  EXPECT_TRUE(begun == 0 || begun == -EINPROGRESS) << begun;
  wait_for(listening, POLLIN);
  Endpoint peer;
  const int accepted = keep(net_.accept(listening, &peer));
  EXPECT_TRUE(is_non_blocking(accepted));
  EXPECT_TRUE(is_close_on_exec(accepted));
  Endpoint local_of_client;
  EXPECT_EQ(net_.local_endpoint(client, local_of_client), 0);
  EXPECT_EQ(peer, local_of_client);
  Endpoint peer_of_client;
  EXPECT_EQ(net_.remote_endpoint(client, peer_of_client), 0);
  EXPECT_EQ(peer_of_client, address);
  EXPECT_EQ(net_.take_error(client), 0);
}

TEST_F(SystemNetTest, AcceptsAnUnnamedUnixClient) {
  const auto name = Endpoint::parse("unix:@rondo-system-net-" + std::to_string(::getpid()));
  if (!name) GTEST_SKIP() << "this system has no abstract names";
  Endpoint address;
  const int listening = listener(*name, address);
  EXPECT_EQ(address, *name);
  const int client = keep(net_.socket(AddressFamily::unix_domain, SocketType::stream));
  EXPECT_EQ(net_.connect(client, address), 0);
  Endpoint peer;
  keep(net_.accept(listening, &peer));
  EXPECT_EQ(peer.to_string(), "unix:");
}

TEST_F(SystemNetTest, ReturnsAConnectErrorOnceAsAPositiveNumber) {
  Endpoint address;
  close_now(listener(Endpoint::loopback(0), address));
  const int client = keep(net_.socket(AddressFamily::ipv4, SocketType::stream));
  const int begun = net_.connect(client, address);
  if (begun == -EINPROGRESS) {
    wait_for(client, POLLOUT);
    EXPECT_EQ(net_.take_error(client), ECONNREFUSED);
    EXPECT_EQ(net_.take_error(client), 0);
  } else {
    EXPECT_EQ(begun, -ECONNREFUSED);
  }
  EXPECT_EQ(net_.take_error(-1), -EBADF);
}

TEST_F(SystemNetTest, ReadsAndWrites) {
  const auto [a, b] = pair();
  Buffer buffer;
  EXPECT_EQ(outcome(net_.read(buffer.all(), a)), -EAGAIN);
  EXPECT_EQ(net_.write(bytes("world"), b), 5);
  EXPECT_EQ(net_.read(buffer.first(2), a), 2);
  EXPECT_EQ(buffer.text(2), "wo");
  EXPECT_EQ(net_.read(buffer.all(), a), 3);
  EXPECT_EQ(buffer.text(3), "rld");
  EXPECT_EQ(net_.write({}, b), 0);
  close_now(b);
  EXPECT_EQ(net_.read(buffer.all(), a), 0);
}

TEST_F(SystemNetTest, GathersAndScatters) {
  const auto [a, b] = pair();
  const Bytes parts[] = {bytes("one"), bytes(""), bytes("two"), bytes("three")};
  EXPECT_EQ(net_.writev(parts, b), 11);
  Buffer first;
  Buffer second;
  const MutableBytes room[] = {first.first(4), second.all()};
  EXPECT_EQ(net_.readv(room, a), 11);
  EXPECT_EQ(first.text(4), "onet");
  EXPECT_EQ(second.text(7), "wothree");
  EXPECT_EQ(net_.writev({}, b), 0);
}

TEST_F(SystemNetTest, WritesAShortCountOfVeryManyParts) {
  const auto [a, b] = pair();
  const std::vector<Bytes> parts(5000, bytes("x"));
  const std::ptrdiff_t written = net_.writev(parts, b);
  EXPECT_GT(written, 0);
  EXPECT_LE(written, 5000);
  Buffer buffer;
  EXPECT_EQ(net_.read(buffer.all(), a), std::min<std::ptrdiff_t>(written, 4096));
}

TEST_F(SystemNetTest, RaisesNoSigpipeOnASocket) {
  const auto [a, b] = pair();
  close_now(a);
  const Bytes parts[] = {bytes("x"), bytes("y")};
  EXPECT_EQ(outcome(net_.write(bytes("x"), b)), -EPIPE);
  EXPECT_EQ(outcome(net_.writev(parts, b)), -EPIPE);
  Buffer buffer;
  MutableBytes part = buffer.first(1);
  Message message{.parts = {&part, 1}};
  EXPECT_EQ(net_.send(b, {&message, 1}), -EPIPE);
  EXPECT_FALSE(sigpipe_is_pending());
}

TEST_F(SystemNetTest, ReportsTheModeOfAPipeAndMakesItNonBlocking) {
  const auto [reader, writer] = pipe();
  EXPECT_EQ(net_.opened_for(reader), static_cast<int>(Direction::read));
  EXPECT_EQ(net_.opened_for(writer), static_cast<int>(Direction::write));
  const auto [both, peer] = pair();
  EXPECT_EQ(net_.opened_for(both), static_cast<int>(Direction::both));
  EXPECT_FALSE(is_non_blocking(reader));
  EXPECT_EQ(net_.set_nonblocking(reader), 0);
  EXPECT_TRUE(is_non_blocking(reader));
  EXPECT_EQ(net_.set_nonblocking(reader), 0);
  close_now(reader);
  EXPECT_EQ(net_.opened_for(reader), -EBADF);
  EXPECT_EQ(net_.set_nonblocking(reader), -EBADF);
}

TEST_F(SystemNetTest, RaisesNoSigpipeOnAPipe) {
  const auto [reader, writer] = pipe();
  const Bytes parts[] = {bytes("wo"), bytes("rld")};
  const Bytes greeting = bytes("hello ");
  EXPECT_EQ(outcome(net_.write(greeting, writer)), -ENOTSOCK);
  EXPECT_EQ(net_.write_file({&greeting, 1}, writer), 6);
  EXPECT_EQ(net_.write_file(parts, writer), 5);
  Buffer buffer;
  EXPECT_EQ(net_.read(buffer.all(), reader), 11);
  EXPECT_EQ(buffer.text(11), "hello world");
  close_now(reader);
  EXPECT_EQ(outcome(net_.write_file(parts, writer)), -EPIPE);
  EXPECT_FALSE(sigpipe_is_pending());
  EXPECT_FALSE(sigpipe_is_blocked());
}

/// sendfile(2) takes no flag against it.
TEST_F(SystemNetTest, RaisesNoSigpipeWithAFile) {
  const auto [a, b] = pair();
  const int file = file_of_one_byte();
  EXPECT_EQ(outcome(net_.send_file(file, 0, 1, b)), 1);
  EXPECT_FALSE(sigpipe_is_blocked());
  close_now(a);
  EXPECT_EQ(outcome(net_.send_file(file, 0, 1, b)), -EPIPE);
  EXPECT_FALSE(sigpipe_is_pending());
  EXPECT_FALSE(sigpipe_is_blocked());
}

/// Where the caller has blocked it.
void SystemNetTest::expect_broken_writes_leave_sigpipe(bool pending) {
  const auto [reader, writer] = pipe();
  const auto [a, b] = pair();
  close_now(reader);
  close_now(a);
  const Bytes part = bytes("x");
  EXPECT_EQ(outcome(net_.write_file({&part, 1}, writer)), -EPIPE);
  ASSERT_EQ(sigpipe_is_pending(), pending);
  EXPECT_EQ(outcome(net_.send_file(file_of_one_byte(), 0, 1, b)), -EPIPE);
  ASSERT_EQ(sigpipe_is_pending(), pending);
  EXPECT_TRUE(sigpipe_is_blocked());
}

TEST_F(SystemNetTest, LeavesNoSigpipeWhereTheCallerHasBlockedIt) {
  const BlockedSigpipe blocked;
  expect_broken_writes_leave_sigpipe(false);
}

TEST_F(SystemNetTest, LeavesASigpipeThatWasPending) {
  const BlockedSigpipe blocked;
  pthread_kill(pthread_self(), SIGPIPE);
  ASSERT_NO_FATAL_FAILURE(expect_broken_writes_leave_sigpipe(true));
  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  int number = 0;
  sigwait(&sigpipe, &number);
  EXPECT_FALSE(sigpipe_is_pending());
}

TEST_F(SystemNetTest, ShutsDownOneDirection) {
  const auto [a, b] = pair();
  EXPECT_EQ(net_.shutdown(a, Direction::write), 0);
  Buffer buffer;
  EXPECT_EQ(net_.read(buffer.all(), b), 0);
  EXPECT_EQ(net_.write(bytes("x"), b), 1);
  EXPECT_EQ(net_.read(buffer.all(), a), 1);
  EXPECT_EQ(net_.shutdown(b, Direction::read), 0);
  EXPECT_EQ(net_.shutdown(a, Direction::both), 0);
}

TEST_F(SystemNetTest, SetsAndGetsOptions) {
  const int fd = keep(net_.socket(AddressFamily::ipv4, SocketType::stream));
  int value = 1;
  EXPECT_EQ(net_.set_option(fd, IPPROTO_TCP, TCP_NODELAY, std::as_bytes(std::span{&value, 1})), 0);
  value = 0;
  const auto room = std::as_writable_bytes(std::span{&value, 1});
  EXPECT_EQ(net_.option(fd, IPPROTO_TCP, TCP_NODELAY, room), static_cast<int>(sizeof(int)));
  EXPECT_EQ(value, 1);
  EXPECT_EQ(net_.option(fd, IPPROTO_TCP, 9999, room), -ENOPROTOOPT);
}

TEST_F(SystemNetTest, AnswersABadDescriptorWithTheErrno) {
  Buffer buffer;
  Endpoint address;
  Message message{};
  const Bytes part = bytes("x");
  const MutableBytes room = buffer.all();
  EXPECT_EQ(outcome(net_.read(room, -1)), -EBADF);
  EXPECT_EQ(outcome(net_.readv({&room, 1}, -1)), -EBADF);
  EXPECT_EQ(outcome(net_.write(part, -1)), -EBADF);
  EXPECT_EQ(outcome(net_.writev({&part, 1}, -1)), -EBADF);
  EXPECT_EQ(net_.receive(-1, {&message, 1}), -EBADF);
  EXPECT_EQ(net_.send(-1, {&message, 1}), -EBADF);
  EXPECT_EQ(net_.bind(-1, address), -EBADF);
  EXPECT_EQ(net_.listen(-1, 1), -EBADF);
  EXPECT_EQ(net_.accept(-1, nullptr), -EBADF);
  EXPECT_EQ(net_.connect(-1, address), -EBADF);
  EXPECT_EQ(net_.shutdown(-1, Direction::both), -EBADF);
  EXPECT_EQ(net_.local_endpoint(-1, address), -EBADF);
  EXPECT_EQ(net_.remote_endpoint(-1, address), -EBADF);
  EXPECT_EQ(net_.close(-1), -EBADF);
}

}  // namespace
}  // namespace rondo
