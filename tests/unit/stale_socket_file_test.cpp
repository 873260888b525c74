// SPDX-License-Identifier: MIT
// The files of Unix sockets: stale ones are replaced by one of several that start at the same time,
// and nothing else is touched, also by a forked child or after a change of directory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <rondo/rondo.h>

#include "support/child_process.h"
#include "support/descriptor_census.h"
#include "support/failing_net.h"

namespace rondo::test {
namespace {

struct Silent final : DatagramHandler {
  void on_datagrams(DatagramSocket&, std::span<const Datagram>) override {}
};

/// A directory of its own, which is the current one.
class StaleSocketFile : public DescriptorCensus {
 protected:
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
  StaleSocketFile() : before_(std::filesystem::current_path()) {
    std::string pattern = testing::TempDir() + "rondo-files-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << pattern;
    folder = pattern;
    std::filesystem::current_path(folder);
  }
  ~StaleSocketFile() override {
    std::filesystem::current_path(before_);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(folder);
  }

  Result<Server> serve_here() {
    return serve(*reactor, "unix:socket", [](Stream&, Bytes) {});
  }
  Result<Acceptor> accept_here() {
    return Acceptor::make(*reactor, where, [](Socket, const Endpoint&) {});
  }
  Result<DatagramSocket> bind_here() { return DatagramSocket::make(*reactor, where, silent); }
  /// What is left of a process that has crashed.
  void leave_file(SocketType type = SocketType::stream) {
    const auto socket = Socket::make(system_net(), AddressFamily::unix_domain, type).value();
    EXPECT_EQ(system_net().bind(socket.fd(), where), 0);
  }
  static bool is_there(const std::string& path) {
    struct stat state{};
    return ::lstat(path.c_str(), &state) == 0;
  }
  static bool is_answered(const Endpoint& at) {
    return Socket::connect(system_net(), at).has_value();
  }

  std::string folder;
  const Endpoint where = Endpoint::parse("unix:socket").value();
  Silent silent;
  std::unique_ptr<Reactor> reactor = std::make_unique<Reactor>();

 private:
  const std::filesystem::path before_;
};

TEST_F(StaleSocketFile, IsReplacedByServersAcceptorsAndDatagramSockets) {
  for (const SocketType type : {SocketType::stream, SocketType::datagram}) {
    leave_file(type);
    EXPECT_TRUE(serve_here());
    EXPECT_FALSE(is_there("socket")) << "the server removed its file";
    leave_file(type);
    EXPECT_TRUE(accept_here());
    EXPECT_TRUE(is_there("socket")) << "what an acceptor leaves, the next one replaces";
    EXPECT_TRUE(bind_here());
    EXPECT_TRUE(serve_here());
  }
}

TEST_F(StaleSocketFile, IsNoneWhileASocketUsesIt) {
  const std::string taken = "unix:socket: Address already in use";
  {
    const auto acceptor = accept_here();
    ASSERT_TRUE(acceptor);
    EXPECT_EQ(serve_here().error().message(), "listen on " + taken);
    EXPECT_EQ(accept_here().error().message(), "listen on " + taken);
    EXPECT_EQ(bind_here().error().message(), "bind to " + taken);
    EXPECT_TRUE(is_answered(where));
  }
  const auto socket = bind_here();
  ASSERT_TRUE(socket);
  EXPECT_EQ(serve_here().error().message(), "listen on " + taken);
  EXPECT_EQ(bind_here().error().message(), "bind to " + taken);
}

// Between bind() and listen() a connect to a listener is refused, too.
TEST_F(StaleSocketFile, IsNoneOfAServerThatDoesNotListenYet) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    {
      const auto starting = Socket::make(system_net(), AddressFamily::unix_domain, type).value();
      ASSERT_EQ(system_net().bind(starting.fd(), where), 0);
      EXPECT_EQ(serve_here().error(), std::errc::address_in_use);
      EXPECT_EQ(bind_here().error(), std::errc::address_in_use);
    }
    EXPECT_EQ(::unlink("socket"), 0);
  }
}

TEST_F(StaleSocketFile, IsNotToldFromTheOutsideThatItWasAskedFor) {
  auto listener = Socket::listen(system_net(), where).value();
  EXPECT_FALSE(serve_here());
  EXPECT_EQ(listener.accept().error(), std::errc::operation_would_block)
      << "the question made no connection";
}

TEST_F(StaleSocketFile, OfAnotherKindIsNotTouched) {
  const auto reason = [&] { return serve_here().error().message(); };
  const std::string not_a_socket =
      "listen on unix:socket: a file that is not a socket has this name: Address already in use";
  ::close(::open("socket", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_EQ(reason(), not_a_socket);
  EXPECT_TRUE(is_there("socket"));
  ASSERT_EQ(::unlink("socket"), 0);
  ASSERT_EQ(::mkfifo("socket", 0600), 0);
  EXPECT_EQ(reason(), not_a_socket);
  ASSERT_EQ(::unlink("socket"), 0);
  ASSERT_EQ(::symlink("nowhere", "socket"), 0);
  EXPECT_EQ(reason(), not_a_socket);
  ASSERT_EQ(::unlink("socket"), 0);
  leave_file();
  ASSERT_EQ(::rename("socket", "stale"), 0);
  ASSERT_EQ(::symlink("stale", "socket"), 0);
  EXPECT_EQ(reason(), not_a_socket) << "a link to a stale file is not one";
  EXPECT_TRUE(is_there("stale") && is_there("socket"));
  ASSERT_EQ(::unlink("socket"), 0);
  ASSERT_EQ(::mkdir("socket", 0700), 0);
  EXPECT_EQ(reason(), not_a_socket);
}

TEST_F(StaleSocketFile, InADirectoryThatMayNotBeWrittenIsReported) {
  leave_file();
  ASSERT_EQ(::chmod(folder.c_str(), 0500), 0);
  if (::access(folder.c_str(), W_OK) == 0) GTEST_SKIP() << "root may write everywhere";
  EXPECT_EQ(serve_here().error().message(),
            "listen on unix:socket: remove the file of a socket that has ended: Permission denied");
}

TEST_F(StaleSocketFile, ThatMayNotBeRemovedIsReported) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  leave_file();
  ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
  const auto error_in_child = [&](const std::string& expected) {
    return in_child([&] {
      if (::setuid(65'534) != 0) return 2;
      const auto server = serve_here();
      return !server && server.error().message() == expected ? 0 : 1;
    });
  };
  EXPECT_EQ(error_in_child("listen on unix:socket: its file belongs to another user: Address "
                           "already in use"),
            0);
  ASSERT_EQ(::chmod("socket", 0777), 0);
  EXPECT_EQ(error_in_child("listen on unix:socket: remove the file of a socket that has ended: "
                           "Permission denied"),
            0);
}

// Several processes start at the same time over a stale file: one of them wins, each time.
TEST_F(StaleSocketFile, IsReplacedByOneOfManyThatStartAtTheSameTime) {
  constexpr int rounds = 15;
  constexpr int count = 6;
  for (int round = 0; round < rounds; ++round) {
    leave_file();
    std::array<int, 2> start{};
    std::array<int, 2> end{};
    ASSERT_EQ(::pipe2(start.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(end.data(), O_CLOEXEC), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < count; ++i) {
      children.push_back(start_child([&, kind = i % 3] {
        char byte = 0;
        ::close(start[1]);
        ::close(end[1]);
        (void)!::read(start[0], &byte, 1);  // returns when the parent has closed its end
        reactor = std::make_unique<Reactor>();
        const auto server = kind == 0 ? serve_here() : Result<Server>{Error{}};
        const auto acceptor = kind == 1 ? accept_here() : Result<Acceptor>{Error{}};
        const auto socket = kind == 2 ? bind_here() : Result<DatagramSocket>{Error{}};
        const bool won = server || acceptor || socket;
        if (!won) return 0;
        (void)!::read(end[0], &byte, 1);  // the winner stays until all have tried
        return 1;
      }));
    }
    ::close(start[0]);
    ::close(start[1]);
    ::close(end[0]);
    int ended = 0;
    for (; ended < count - 1; ++ended) {
      int status = 0;
      ASSERT_GT(::waitpid(-1, &status, 0), 0);
      EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0) << "more than one has won";
    }
    ::close(end[1]);
    int status = 0;
    ASSERT_GT(::waitpid(-1, &status, 0), 0);
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 1) << "none has won";
    ::unlink("socket");
  }
}

TEST_F(StaleSocketFile, IsReplacedAlthoughAnotherProgramLocksTheDirectory) {
  leave_file();
  const int fd = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  EXPECT_TRUE(serve_here());
  ::close(fd);
}

TEST_F(StaleSocketFile, OfAServerIsRemovedAfterAChangeOfDirectory) {
  auto server = std::make_unique<Server>(serve_here().value());
  ASSERT_EQ(::mkdir("elsewhere", 0700), 0);
  ASSERT_EQ(::chdir("elsewhere"), 0);
  const auto other = Socket::listen(system_net(), where).value();  // has the same relative name
  server.reset();
  EXPECT_TRUE(is_there("socket")) << "that of another";
  EXPECT_FALSE(is_there("../socket"));
}

TEST_F(StaleSocketFile, ThatHasTakenThePlaceOfAServersIsNotRemoved) {
  auto server = std::make_unique<Server>(serve_here().value());
  ASSERT_EQ(::unlink("socket"), 0);
  const auto other = Socket::listen(system_net(), where).value();
  server.reset();
  EXPECT_TRUE(is_answered(where));
  auto second =
      std::make_unique<Server>(serve(*reactor, "unix:second", [](Stream&, Bytes) {}).value());
  ASSERT_EQ(::rename("second", "third"), 0);
  ASSERT_EQ(::symlink("third", "second"), 0);
  second.reset();
  EXPECT_TRUE(is_there("second") && is_there("third")) << "a link is another file";
}

TEST_F(StaleSocketFile, OfAServerIsNotRemovedByAForkedChild) {
  auto server = std::make_unique<Server>(serve_here().value());
  for (const bool runs : {false, true}) {
    EXPECT_EQ(in_child([&] {
                if (runs) RONDO_CHILD_REQUIRE(reactor->run_once(Duration::zero()));
                server.reset();
                reactor.reset();
                return 0;
              }),
              0);
    EXPECT_TRUE(is_answered(where));
  }
  EXPECT_EQ(in_child([&] {
              server->drain(Duration::zero());
              server->stop_accepting();
              return 0;
            }),
            0);
  EXPECT_TRUE(is_answered(where));
  server.reset();
  EXPECT_FALSE(is_there("socket"));
}

}  // namespace
}  // namespace rondo::test
