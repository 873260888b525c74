// SPDX-License-Identifier: MIT
// If a listener cannot be made, the file that bind() made for its Unix socket is removed.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include <rondo/rondo.h>

#include "support/descriptor_census.h"
#include "support/failing_net.h"
#include "support/spy_backend.h"

namespace rondo::test {
namespace {

class SocketFiles : public DescriptorCensus {
 private:
  std::unique_ptr<SpyBackend> made_ =
      std::make_unique<SpyBackend>(std::move(make_backend().value()));

 protected:
  // Descriptors that libuv opens once in a process are opened before the census.
  static void SetUpTestSuite() {
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
  }
  SocketFiles()
      : spy(*made_), net(spy.inner().net()), reactor(std::unique_ptr<Backend>(std::move(made_))) {
    spy.use_net(&net);
  }
  ~SocketFiles() override { ::unlink(path.c_str()); }

  void fail_the_watch() {
    spy.fail_watch = {.times = 1, .error = std::make_error_code(std::errc::not_enough_memory)};
  }
  [[nodiscard]] bool file_is_there() const {
    struct stat state{};
    return ::stat(path.c_str(), &state) == 0;
  }

  SpyBackend& spy;
  FailingNet net;
  Reactor reactor;
  std::string path = testing::TempDir() + "rondo-socket-file-" + std::to_string(::getpid());
  Endpoint where = Endpoint::parse("unix:" + path).value();
};

TEST_F(SocketFiles, GoWhenListenFails) {
  net.fail("listen", ENOBUFS);
  EXPECT_FALSE(Socket::listen(net, where));
  EXPECT_FALSE(file_is_there());
  const auto listener = Socket::listen(net, where);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(file_is_there()) << "the file belongs to the user";
}

TEST_F(SocketFiles, OfOthersStayWhenBindFails) {
  const auto other = Socket::listen(net, where);
  ASSERT_TRUE(other);
  EXPECT_FALSE(Socket::listen(net, where));
  EXPECT_TRUE(file_is_there());
}

TEST_F(SocketFiles, GoWithAnAcceptorThatCannotBeMade) {
  fail_the_watch();
  EXPECT_FALSE(Acceptor::make(reactor, where, [](Socket, const Endpoint&) {}));
  EXPECT_FALSE(file_is_there());
  EXPECT_TRUE(Acceptor::make(reactor, where, [](Socket, const Endpoint&) {}));
  EXPECT_TRUE(file_is_there());
}

TEST_F(SocketFiles, GoWithADatagramSocketThatCannotBeMade) {
  struct Silent final : DatagramHandler {
    void on_datagrams(DatagramSocket&, std::span<const Datagram>) override {}
  } silent;
  fail_the_watch();
  EXPECT_FALSE(DatagramSocket::make(reactor, where, silent));
  EXPECT_FALSE(file_is_there());
  EXPECT_TRUE(DatagramSocket::make(reactor, where, silent));
  EXPECT_TRUE(file_is_there());
}

TEST_F(SocketFiles, GoWithAServerThatCannotListen) {
  for (const bool at_the_watch : {false, true}) {
    if (at_the_watch) {
      fail_the_watch();
    } else {
      net.fail("listen", ENOBUFS);
    }
    EXPECT_FALSE(serve(reactor, where.to_string(), [](Stream&, Bytes) {}));
    EXPECT_FALSE(file_is_there());
  }
  EXPECT_TRUE(serve(reactor, where.to_string(), [](Stream&, Bytes) {}));
  EXPECT_FALSE(file_is_there()) << "the server removed its file";
}

}  // namespace
}  // namespace rondo::test
