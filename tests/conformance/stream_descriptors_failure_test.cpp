// SPDX-License-Identifier: MIT
// Descriptors that do not arrive: each is closed, whatever failed, and the failure is
// reported.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <rondo/descriptors.h>
#include <rondo/server.h>

#include "support/descriptor_streams.h"

namespace rondo::test {
namespace {

class LostDescriptors : public DescriptorStreams {
 protected:
  /// Sends a byte with a descriptor. The number of bytes, or a negative errno.
  int send_with(Socket& socket, int fd) {
    const int fds[] = {fd};
    const auto sent = send_descriptors(socket, std::as_bytes(std::span{"x", 1}), fds);
    return sent ? static_cast<int>(*sent) : -sent.error().value();
  }
};
RONDO_ON_EVERY_BACKEND(LostDescriptors);

TEST_P(LostDescriptors, AreClosedIfTheyWereNotRequested) {
  for (const bool asked : {false, true}) {
    Pair pair = unix_pair();
    Pipe pipe = make_pipe();
    StreamRecorder plain;  // does not know of descriptors
    const auto sender = adopt(std::move(pair.ours), sender_calls);
    const auto taker = adopt(std::move(pair.theirs), plain, {.receive_descriptors = asked});
    sender->write("xy", passable(pipe));
    ASSERT_TRUE(runs_until([&] { return plain.received == "xy"; }));
    EXPECT_TRUE(is_closed(pipe)) << asked;
  }
}

TEST_P(LostDescriptors, ThatHaveNotGoneAreClosedWithTheirStream) {
  enum class End { destroy, abort, peer_leaves, close_detached };
  for (const End end : {End::destroy, End::abort, End::peer_leaves, End::close_detached}) {
    StreamRecorder calls;
    Pair pair = unix_pair();
    Pipe pipe = make_pipe();
    fill_until_full(pair.ours.get());
    auto sender =
        adopt(std::move(pair.ours), calls, {.close_timeout = std::chrono::milliseconds{1}});
    sender->write("x", passable(pipe));
    run_on();
    EXPECT_EQ(read_result(pipe.reader.get()), -EAGAIN) << "it waits";
    if (end == End::destroy) sender.reset();
    if (end == End::abort) sender->abort();
    if (end == End::peer_leaves) pair.theirs.close();
    if (end == End::close_detached) Stream::close_detached(std::move(sender));
    EXPECT_TRUE(runs_until([&] { return is_closed(pipe); })) << static_cast<int>(end);
    run_on();
  }
}

TEST_P(LostDescriptors, AreClosedWhenTheOutputIsOver) {
  Pair pair = unix_pair();
  Pipe pipe = make_pipe();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  sender->shutdown_output();
  EXPECT_EQ(sender->write("x", passable(pipe)), WriteStatus::refused);
  EXPECT_TRUE(is_closed(pipe));
}

TEST_P(LostDescriptors, ThatCannotBeSentResetAPeerThatWaitsForWhatIsCorked) {
  Pair pair = tcp_pair();
  sender_calls.on_data_then = [&](Stream& stream, Bytes) {
    stream.write("a part of the answer");
    stream.write("", many(1));
  };
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  write_all(pair.theirs.get(), "?");
  ASSERT_TRUE(runs_until([&] { return sender_calls.closes == 1; }));
  EXPECT_EQ(sender_calls.error, std::errc::invalid_argument);
  EXPECT_EQ(read_result(pair.theirs.get()), -ECONNRESET);
}

TEST_P(LostDescriptors, ThatWaitAreLimitedInNumber) {
  for (const std::size_t count : {4U, 5U, 6U}) {
    Pair pair = unix_pair();
    StreamRecorder calls;
    fill_until_full(pair.ours.get());
    const auto sender = adopt(std::move(pair.ours), calls, {.write_descriptors_max = 5});
    EXPECT_EQ(sender->write("x", many(1)), WriteStatus::accepted);
    EXPECT_EQ(sender->write("x", many(1)), WriteStatus::above_high_water);
    EXPECT_EQ(sender->write("x", many(count - 2)) != WriteStatus::refused, count <= 5);
    run_on();
    EXPECT_EQ(calls.closes, count > 5 ? 1 : 0);
    if (count > 5) {
      EXPECT_EQ(calls.reason, CloseReason::overflow);
    }
  }
}

TEST_P(LostDescriptors, ThatHaveGoneDoNotCountAsWaiting) {
  Pair pair = unix_pair();
  const auto sender = adopt(std::move(pair.ours), sender_calls, {.write_descriptors_max = 2});
  const auto taker = receiving(std::move(pair.theirs), receiver);
  for (std::size_t i = 1; i <= 10; ++i) {
    EXPECT_NE(sender->write("x", many(2)), WriteStatus::refused);
    ASSERT_TRUE(runs_until([&] { return receiver.descriptors.size() == 2 * i; }));
  }
}

TEST_P(LostDescriptors, OfOneWriteAreLimitedInNumber) {
  for (const std::size_t count : {descriptors_per_send_max, descriptors_per_send_max + 1}) {
    Pair pair = unix_pair();
    StreamRecorder calls;
    Receiver taken;
    const bool fits = count <= descriptors_per_send_max;
    const auto sender = adopt(std::move(pair.ours), calls);
    const auto taker = receiving(std::move(pair.theirs), taken);
    EXPECT_EQ(sender->write("x", many(count)) != WriteStatus::refused, fits);
    EXPECT_TRUE(runs_until([&] { return fits ? !taken.descriptors.empty() : calls.closes == 1; }));
    EXPECT_EQ(taken.descriptors.size(), fits ? count : 0);
    if (!fits) {
      EXPECT_EQ(calls.message, "error: Invalid argument");
    }
  }
}

TEST_P(LostDescriptors, NeedAByteAndNothingElseNeedsDescriptors) {
  Pair pair = unix_pair();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  EXPECT_EQ(sender->write("plain", std::vector<Socket>{}), WriteStatus::accepted);
  EXPECT_EQ(sender->write("", std::vector<Socket>{}), WriteStatus::accepted);
  run_on();
  EXPECT_EQ(read_all(pair.theirs.get()), "plain");
  EXPECT_EQ(net.calls("send"), 0);
  EXPECT_EQ(sender->write("", many(1)), WriteStatus::refused);
  run_on();
  EXPECT_EQ(sender_calls.message, "error: Invalid argument");
}

TEST_P(LostDescriptors, DoNotPassThroughWhatIsNoUnixSocket) {
  Pair tcp = tcp_pair();
  Pipe pipe = make_pipe();
  StreamRecorder tcp_calls;
  StreamRecorder pipe_calls;
  const auto over_tcp = adopt(std::move(tcp.ours), tcp_calls);
  const auto over_pipe = adopt(std::move(pipe.writer), pipe_calls);
  over_tcp->write("x", many(1));
  over_pipe->write("x", many(1));
  ASSERT_TRUE(runs_until([&] { return tcp_calls.closes + pipe_calls.closes == 2; }));
  EXPECT_EQ(tcp_calls.message, "error: Operation not supported");
  EXPECT_EQ(pipe_calls.message, "error: Socket operation on non-socket");
}

// The kernel refuses what could fill a system by being under way, and says so to the sender.
TEST_P(LostDescriptors, ThatTheKernelDoesNotTakeEndTheStream) {
  for (const int error : {ETOOMANYREFS, EBADF, ENOMEM}) {
    Pair pair = unix_pair();
    StreamRecorder calls;
    Pipe pipe = make_pipe();
    const auto sender = adopt(std::move(pair.ours), calls);
    net.fail("send", error);
    sender->write("x", passable(pipe));
    run_on();
    EXPECT_EQ(calls.reason, CloseReason::error);
    EXPECT_EQ(calls.error.value(), error);
    EXPECT_TRUE(is_closed(pipe));
  }
}

TEST_P(LostDescriptors, FailuresOfTheirReceiptAreThoseOfRead) {
  Pair pair = unix_pair();
  const auto taker = receiving(std::move(pair.theirs), receiver);
  write_all(pair.ours.get(), "x");
  net.fail("receive", EAGAIN, 3);
  ASSERT_TRUE(runs_until([&] { return receiver.received == "x"; }));
  net.fail("receive", ECONNRESET);
  write_all(pair.ours.get(), "y");
  ASSERT_TRUE(runs_until([&] { return receiver.closes == 1; }));
  EXPECT_EQ(receiver.reason, CloseReason::reset);
}

TEST_P(LostDescriptors, ALossIsReportedToAReceiverWhichGoesOn) {
  Pair pair = unix_pair();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  const auto taker = receiving(std::move(pair.theirs), receiver);
  run_on();
  for (const std::size_t spare : {0U, 2U}) {
    receiver.received.clear();
    sender->write("lost", many(4));
    sender->flush();
    const auto open_before = kernel().descriptors();
    {
      const DescriptorFamine famine{spare};
      ASSERT_TRUE(runs_until([&] { return !receiver.received.empty(); }));
    }
    EXPECT_EQ(receiver.received, "[lost]");
    EXPECT_TRUE(receiver.descriptors.empty());
    EXPECT_EQ(kernel().descriptors(), open_before) << spare;
  }
  EXPECT_EQ(receiver.losses, 2);
  sender->write("found", many(4));
  ASSERT_TRUE(runs_until([&] { return receiver.descriptors.size() == 4; }));
  EXPECT_EQ(receiver.losses, 2);
}

TEST_P(LostDescriptors, ThatComeAfterACloseAreClosed) {
  Pair pair = unix_pair();
  Pipe pipe = make_pipe();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  auto taker = adopt(std::move(pair.theirs), receiver,
                     {.lingering_close = LingeringClose::always, .receive_descriptors = true});
  run_on();
  taker->close();
  sender->write("too late", passable(pipe));
  ASSERT_TRUE(runs_until([&] { return receiver.closes == 1; }));
  EXPECT_EQ(receiver.received, "");
  EXPECT_TRUE(is_closed(pipe));
}

TEST_P(LostDescriptors, AreRefusedByAServerThatDoesNotTakeThem) {
  constexpr int so_passrights = 83;
  int value = 0;
  const Pair pair = unix_pair();
  const auto room = std::as_writable_bytes(std::span{&value, 1});
  if (kernel().net().option(pair.ours.get(), SOL_SOCKET, so_passrights, room) < 0)
    GTEST_SKIP() << "Linux has it from 6.16 on";
  struct Taking final : Session {
    explicit Taking(Receiver& one) : receiver(one) {}
    void on_data(Stream& stream, Bytes data) override {
      receiver.on_data(stream, data);
      stream.set_options({.receive_descriptors = true});
    }
    void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors with) override {
      receiver.on_descriptors(stream, data, std::move(with));
    }
    Receiver& receiver;
  };
  const std::string where = "unix:@rondo-no-descriptors-" + std::to_string(::getpid());
  const auto server = serve<Taking>(reactor, where, receiver).value();
  auto socket = Socket::connect(kernel().net(), server.local_endpoint()).value();
  Pipe pipe = make_pipe();
  EXPECT_EQ(send_with(socket, pipe.reader.get()), -EPERM) << "before it is accepted";
  ASSERT_TRUE(runs_until([&] { return server.connections() == 1; }));
  EXPECT_EQ(send_with(socket, pipe.reader.get()), -EPERM);
  write_all(socket.fd(), "a");
  ASSERT_TRUE(runs_until([&] { return receiver.received == "a"; }));
  EXPECT_EQ(send_with(socket, pipe.reader.get()), 1);
  EXPECT_TRUE(runs_until([&] { return receiver.descriptors.size() == 1; }));
}

}  // namespace
}  // namespace rondo::test
