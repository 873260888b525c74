// SPDX-License-Identifier: MIT
// The line about a session that has thrown: a client chooses a part of its text.
#include "stream/session_error.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <exception>
#include <stdexcept>
#include <string>

#include "support/descriptor_census.h"
#include "support/descriptors.h"

namespace rondo::test {
namespace {

class SessionError : public DescriptorCensus {
 protected:
  SessionError() : saved_(::dup(STDERR_FILENO)) { redirect_to(pipe_.writer.get()); }
  ~SessionError() override { redirect_to(saved_.get()); }

  static void redirect_to(int fd) { EXPECT_EQ(::dup2(fd, STDERR_FILENO), STDERR_FILENO); }
  static void print(const std::string& what) {
    detail::print_session_error(std::make_exception_ptr(std::runtime_error{what}), nullptr);
  }
  std::string printed(const std::string& what) {
    print(what);
    std::string all(2 * PIPE_BUF, ' ');
    const ssize_t size = ::read(pipe_.reader.get(), all.data(), all.size());
    return all.substr(0, size < 0 ? 0 : static_cast<std::size_t>(size));
  }

  Pipe pipe_ = make_pipe();
  Fd saved_;
};

TEST_F(SessionError, IsOneLine) {
  const std::string begin = "session of a client that has left: ";
  EXPECT_EQ(printed("no such page"), begin + "no such page\n");
  EXPECT_EQ(printed("no \"a\nb\x1b[2J\""), begin + R"("no \"a\x0ab\x1b[2J\"")" + '\n');
  const Endpoint peer = Endpoint::parse("unix:/tmp/a\nb").value();
  detail::print_session_error(std::make_exception_ptr(1), &peer);
  EXPECT_EQ(printed("x"),
            "session of \"unix:/tmp/a\\x0ab\": an exception that is not derived from "
            "std::exception\n" +
                begin + "x\n");
  for (const std::size_t size : {1024u, 1025u, 100'000u}) {
    const std::string line = printed(std::string(size, 'x'));
    EXPECT_LE(line.size(), std::size_t{PIPE_BUF});
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_TRUE(line.ends_with('\n'));
  }
}

TEST_F(SessionError, IsDroppedWhereItWouldBlock) {
  const int writer = pipe_.writer.get();
  ASSERT_EQ(::fcntl(writer, F_SETFL, O_NONBLOCK), 0);
  std::string filling(PIPE_BUF, 'x');
  while (::write(writer, filling.data(), filling.size()) > 0) continue;
  ASSERT_EQ(::fcntl(writer, F_SETFL, 0), 0);
  ::alarm(10);  // it would block for ever
  print("dropped");
  ::alarm(0);
  ASSERT_GT(::read(pipe_.reader.get(), filling.data(), filling.size()), 0);
  print("printed");
  ::fcntl(pipe_.reader.get(), F_SETFL, O_NONBLOCK);
  const std::string all = read_all(pipe_.reader.get());
  EXPECT_EQ(all.find("dropped"), std::string::npos);
  EXPECT_TRUE(all.ends_with("printed\n"));
}

TEST_F(SessionError, DoesNotRaiseASignalWhereItIsNotRead) {
  const auto before = ::signal(SIGPIPE, SIG_DFL);
  pipe_.reader.close();
  print("dropped");
  ::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace rondo::test
