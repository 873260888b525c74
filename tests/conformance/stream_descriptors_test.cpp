// SPDX-License-Identifier: MIT
// Descriptors that pass through streams, in order with the bytes, and always with an
// owner.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <rondo/client.h>
#include <rondo/reconnector.h>
#include <rondo/server.h>

#include "support/descriptor_streams.h"

namespace rondo::test {
namespace {

class StreamDescriptors : public DescriptorStreams {};
RONDO_ON_EVERY_BACKEND(StreamDescriptors);

TEST_P(StreamDescriptors, ArriveWithTheirBytes) {
  Pair pair = unix_pair();
  Pipe pipe = make_pipe();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  const auto taker = receiving(std::move(pair.theirs), receiver);
  EXPECT_EQ(sender->write("take this", passable(pipe)), WriteStatus::accepted);
  ASSERT_TRUE(runs_until([&] { return !receiver.descriptors.empty(); }));
  EXPECT_EQ(receiver.received, "[take this]");
  EXPECT_EQ(receiver.losses, 0);
  ASSERT_EQ(receiver.descriptors.size(), 1U);
  EXPECT_TRUE(is_close_on_exec(receiver.descriptors[0].fd()));
  EXPECT_EQ(read_result(pipe.reader.get()), -EAGAIN);
  receiver.descriptors.clear();
  EXPECT_TRUE(is_closed(pipe)) << "the sender has let go of it";
}

TEST_P(StreamDescriptors, MayBeOpenFiles) {
  RONDO_NEEDS(files);
  Pair pair = unix_pair();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  const auto taker = receiving(std::move(pair.theirs), receiver);
  File file = File::open("/proc/self/exe").value();
  std::vector<Socket> files;
  files.emplace_back(net, file.release());
  EXPECT_FALSE(file);
  sender->write("a program", std::move(files));
  ASSERT_TRUE(runs_until([&] { return !receiver.descriptors.empty(); }));
  char magic[4] = {};
  EXPECT_EQ(::read(receiver.descriptors[0].fd(), magic, sizeof magic), 4);
  EXPECT_EQ(std::string(magic + 1, 3), "ELF");
}

TEST_P(StreamDescriptors, AreInOrderWithEverythingElse) {
  Pair pair = unix_pair();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  const auto taker = receiving(std::move(pair.theirs), receiver);
  const std::string large = numbered_text(9000);
  std::string all;
  sender_calls.on_open_then = [&](Stream& stream) {
    for (std::size_t i = 1; i <= 5; ++i) {
      stream.write("<before>");
      stream.write("<with " + std::to_string(i) + '>', many(i));
      stream.write("<after>");
      stream.write_owned(OwnedBytes{std::string{large}});
      all += "<before><with " + std::to_string(i) + "><after>" + large;
    }
  };
  ASSERT_TRUE(runs_until([&] { return !all.empty() && receiver.bytes == all.size(); }));
  std::string without_marks;
  for (const char one : receiver.received)
    if (one != '[' && one != ']') without_marks += one;
  EXPECT_EQ(without_marks, all);
  EXPECT_EQ(receiver.descriptors.size(), 1U + 2U + 3U + 4U + 5U);
  // None comes later than its bytes, nor with those of another.
  for (int i = 1; i <= 5; ++i) {
    const std::size_t with = receiver.received.find("<with " + std::to_string(i));
    const std::size_t opening = receiver.received.rfind('[', with);
    ASSERT_NE(opening, std::string::npos);
    EXPECT_GT(receiver.received.find(']', opening), with);
  }
}

TEST_P(StreamDescriptors, GoOnceThoughTheirBytesAreTakenInParts) {
  Pair pair = unix_pair();
  const std::string large = numbered_text(4'000'000);  // more than the socket takes at once
  Pipe pipe = make_pipe();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  sender->write(large, passable(pipe));
  run_on();
  EXPECT_GT(sender->unsent_bytes(), 0U);
  EXPECT_LT(sender->unsent_bytes(), large.size());
  const auto taker = receiving(std::move(pair.theirs), receiver);
  ASSERT_TRUE(runs_until([&] { return receiver.bytes == large.size(); }));
  EXPECT_EQ(receiver.descriptors.size(), 1U);
  EXPECT_EQ(std::count(receiver.received.begin(), receiver.received.end(), '['), 1);
  std::erase(receiver.received, '[');
  std::erase(receiver.received, ']');
  EXPECT_EQ(receiver.received, large);
}

TEST_P(StreamDescriptors, WaitWhileThereIsNoRoomAndLeaveWithTheirBytes) {
  Pair pair = unix_pair();
  const std::size_t filled = fill_until_full(pair.ours.get());
  Pipe pipe = make_pipe();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  sender->write("x", passable(pipe));
  run_on();
  EXPECT_EQ(sender->unsent_bytes(), 1U);
  EXPECT_LT(net.calls("send"), 10) << "then the poller reports";
  const auto taker = receiving(std::move(pair.theirs), receiver);
  ASSERT_TRUE(runs_until([&] { return receiver.bytes == filled + 1; }));
  EXPECT_EQ(receiver.descriptors.size(), 1U);
}

TEST_P(StreamDescriptors, AnswerInsideACallRightAfterIt) {
  Pair pair = unix_pair();
  Receiver first;
  Pipe pipe = make_pipe();
  sender_calls.on_data_then = [&](Stream& stream, Bytes) {
    stream.write("corked ");
    stream.write("with", passable(pipe));
    stream.write(" and after");
  };
  const auto answerer = adopt(std::move(pair.ours), sender_calls);
  const auto asker = receiving(std::move(pair.theirs), receiver);
  asker->write("?");
  ASSERT_TRUE(runs_until([&] { return receiver.bytes == 21; }));
  EXPECT_EQ(receiver.descriptors.size(), 1U);
  EXPECT_EQ(sender_calls.received, "?");
}

TEST_P(StreamDescriptors, MayBeAnsweredWithDescriptors) {
  Pair pair = unix_pair();
  Receiver echo;
  echo.then = [&](Stream& stream) { stream.write("back", std::move(echo.descriptors)); };
  const auto one = receiving(std::move(pair.ours), receiver);
  const auto other = receiving(std::move(pair.theirs), echo);
  Pipe pipe = make_pipe();
  one->write("there", passable(pipe));
  ASSERT_TRUE(runs_until([&] { return !receiver.descriptors.empty(); }));
  EXPECT_EQ(receiver.received, "[back]");
  write_all(receiver.descriptors[0].fd(), "a long way");
  EXPECT_EQ(read_all(pipe.reader.get()), "a long way");
}

TEST_P(StreamDescriptors, AreAskedForOnTcpAndPipesInVain) {
  Pair tcp = tcp_pair();
  Pipe pipe = make_pipe();
  const auto over_tcp = receiving(std::move(tcp.ours), receiver);
  const auto over_pipe = receiving(std::move(pipe.reader), receiver);
  write_all(tcp.theirs.get(), "a");
  write_all(pipe.writer.get(), "a");
  ASSERT_TRUE(runs_until([&] { return receiver.received == "aa"; }));
  tcp.theirs.close();
  pipe.writer.close();
  EXPECT_TRUE(runs_until([&] { return receiver.closes == 2; }));
  EXPECT_EQ(receiver.reason, CloseReason::eof);
}

TEST_P(StreamDescriptors, MayEndTheirStreamInTheirCall) {
  enum class End { destroy, close, abort, throw_it };
  for (const End end : {End::destroy, End::close, End::abort, End::throw_it}) {
    Pair pair = unix_pair();
    Pipe pipe = make_pipe();
    Receiver taken;
    const auto sender = adopt(std::move(pair.ours), sender_calls);
    auto taker = receiving(std::move(pair.theirs), taken);
    taken.then = [&](Stream& stream) {
      stream.write("an answer");
      if (end == End::destroy) taker.reset();
      if (end == End::close) stream.close();
      if (end == End::abort) stream.abort();
      if (end == End::throw_it) throw end;
    };
    sender->write("x", passable(pipe));
    bool thrown = false;
    try {
      EXPECT_TRUE(runs_until([&] { return !taken.received.empty(); }));
    } catch (End) {
      thrown = true;
    }
    EXPECT_EQ(thrown, end == End::throw_it);
    EXPECT_EQ(taken.received, "[x]");
    taken.descriptors.clear();
    EXPECT_TRUE(is_closed(pipe));
    sender_calls = {};
  }
}

TEST_P(StreamDescriptors, MayBeAskedForAndDeclinedOnTheWay) {
  Pair pair = unix_pair();
  const auto sender = adopt(std::move(pair.ours), sender_calls);
  const auto taker = adopt(std::move(pair.theirs), receiver);
  for (const bool asked : {false, true, false}) {
    taker->set_options({.receive_descriptors = asked});
    receiver.received.clear();
    receiver.descriptors.clear();
    sender->write("x", many(1));
    ASSERT_TRUE(runs_until([&] { return !receiver.received.empty(); }));
    EXPECT_EQ(receiver.received, asked ? "[x]" : "x");
    EXPECT_EQ(receiver.descriptors.size(), asked ? 1U : 0U);
  }
}

TEST_P(StreamDescriptors, ReachAStreamThatTakesOverTheSocketOfAServerThatRefusesThem) {
  struct Releases final : Session {
    explicit Releases(Socket& to) : to_(to) {}
    void on_data(Stream& client, Bytes) override { to_ = client.release().value(); }
    Socket& to_;
  };
  const std::string name = "unix:@rondo-released-" + std::to_string(::getpid());
  Socket released;
  auto server = serve<Releases>(reactor, name, released).value();
  const auto client = connect(reactor, name, sender_calls);
  client->write("hello");
  ASSERT_TRUE(runs_until([&] { return released.fd() >= 0; }));
  const auto taker =
      Stream::adopt(reactor, std::move(released), receiver, {.receive_descriptors = true}).value();
  Pipe pipe = make_pipe();
  client->write("take this", passable(pipe));
  EXPECT_TRUE(runs_until([&] { return receiver.descriptors.size() == 1; }));
  EXPECT_FALSE(receiver.received.empty());
}

TEST_P(StreamDescriptors, PassFromAClientToASession) {
  struct Taking final : Session {
    explicit Taking(Receiver& one) : receiver(one) {}
    void on_data(Stream&, Bytes) override {}
    void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors with) override {
      EXPECT_TRUE(stream.peer_credentials());
      receiver.on_descriptors(stream, data, std::move(with));
    }
    Receiver& receiver;
  };
  const std::string where = "unix:@rondo-descriptors-" + std::to_string(::getpid());
  const auto server =
      serve<Taking>(reactor, where, {.stream = {.receive_descriptors = true}}, receiver);
  ASSERT_TRUE(server) << server.error().message();
  Pipe pipe = make_pipe();
  const auto client = connect(reactor, where, sender_calls);
  client->write("before it is connected", passable(pipe));
  ASSERT_TRUE(runs_until([&] { return !receiver.descriptors.empty(); }));
  EXPECT_EQ(receiver.received, "[before it is connected]");
}

TEST_P(StreamDescriptors, PassFromASessionToAReconnector) {
  struct Giving final : Session {
    explicit Giving(std::vector<Socket>& some) : given(some) {}
    void on_open(Stream& client) override { client.write("here", std::move(given)); }
    void on_data(Stream&, Bytes) override {}
    std::vector<Socket>& given;
  };
  Pipe pipe = make_pipe();
  std::vector<Socket> given = passable(pipe);
  const std::string where = "unix:@rondo-given-" + std::to_string(::getpid());
  const auto server = serve<Giving>(reactor, where, {}, given);
  ASSERT_TRUE(server) << server.error().message();
  Reconnector client{
      reactor, where, receiver, {.connect = {.stream = {.receive_descriptors = true}}}};
  ASSERT_TRUE(
      runs_until([&] { return !receiver.received.empty() || !receiver.descriptors.empty(); }));
  EXPECT_EQ(receiver.received, "[here]");
  EXPECT_EQ(receiver.descriptors.size(), 1u);
}

}  // namespace
}  // namespace rondo::test
