// SPDX-License-Identifier: MIT
// What a stream does if nothing fails.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/stream_fixture.h"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

class Streams : public StreamsOnEveryBackend {
 protected:
  void echo() {
    recorder.on_data_then = [](Stream& stream, Bytes data) { stream.write(data); };
  }
  StreamRecorder recorder;
};
RONDO_ON_EVERY_BACKEND(Streams);

TEST_P(Streams, OnOpenComesFirstAndInALaterTurn) {
  Pair pair = unix_pair();
  write_all(pair.theirs.get(), "early");
  recorder.on_data_then = [&](Stream&, Bytes) { EXPECT_EQ(recorder.opens, 1); };
  const auto stream = adopt(std::move(pair.ours), recorder);
  EXPECT_EQ(recorder.opens, 0);
  EXPECT_TRUE(runs_until([&] { return recorder.calls > 0; }));
  EXPECT_EQ(recorder.opens, 1);
  EXPECT_EQ(recorder.received, "early");
}

TEST_P(Streams, OnOpenComesFirstForAStreamAdoptedInACall) {
  Pair first = unix_pair();
  Pair second = unix_pair();
  StreamRecorder inner;
  std::unique_ptr<Stream> adopted;
  inner.on_data_then = [&](Stream&, Bytes) { EXPECT_EQ(inner.opens, 1); };
  recorder.on_data_then = [&](Stream&, Bytes) { adopted = adopt(std::move(second.ours), inner); };
  const auto stream = adopt(std::move(first.ours), recorder);
  write_all(first.theirs.get(), "x");
  write_all(second.theirs.get(), "y");
  EXPECT_TRUE(runs_until([&] { return inner.calls > 0; }));
  EXPECT_EQ(inner.received, "y");
}

TEST_P(Streams, BytesArriveInOrder) {
  for (Pair (*const make)() : {&unix_pair, &tcp_pair}) {
    Pair pair = make();
    recorder = {};
    echo();
    const auto stream = adopt(std::move(pair.ours), recorder);
    const std::string text = numbered_text(1'000'000);
    std::string back;
    std::size_t at = 0;
    EXPECT_TRUE(runs_until([&] {
      const long count = write_some(pair.theirs.get(), std::string_view{text}.substr(at));
      if (count > 0) at += static_cast<std::size_t>(count);
      back += read_all(pair.theirs.get());
      return back.size() >= text.size();
    }));
    EXPECT_EQ(back, text);
    EXPECT_EQ(recorder.received, text);
    EXPECT_EQ(stream->unsent_bytes(), 0u);
  }
}

TEST_P(Streams, OneByteAtATimeIsServed) {
  Pair pair = tcp_pair();
  echo();
  const auto stream = adopt(std::move(pair.ours), recorder);
  for (int i = 0; i < 100; ++i) {
    write_all(pair.theirs.get(), "x");
    ASSERT_EQ(read_by_peer(pair.theirs, 1), "x");
  }
  EXPECT_EQ(recorder.calls, 100);
}

TEST_P(Streams, KnowTheirEnds) {
  Pair pair = tcp_pair();
  const auto stream = adopt(std::move(pair.ours), recorder);
  EXPECT_EQ(stream->local_endpoint()->host(), "127.0.0.1");
  EXPECT_EQ(stream->remote_endpoint()->host(), "127.0.0.1");
  EXPECT_NE(stream->local_endpoint()->port(), stream->remote_endpoint()->port());
  EXPECT_GE(stream->fd(), 0);
  stream->abort();
  run_on();
  EXPECT_FALSE(stream->local_endpoint()) << "closed";
  EXPECT_FALSE(stream->remote_endpoint());
}

// A stream reads a limited number of bytes in a turn; the rest comes in the next turn.
TEST_P(Streams, AFirehoseHasABudgetPerTurn) {
  Pair hose = unix_pair();
  Pair meek = unix_pair();
  StreamRecorder other;
  const std::size_t fed = fill_until_full(hose.theirs.get());
  ASSERT_GT(fed, std::size_t{128} << 10U);
  const auto first = adopt(std::move(hose.ours), recorder);
  const auto second = adopt(std::move(meek.ours), other);
  write_all(meek.theirs.get(), "me too");
  std::size_t before = 0;
  EXPECT_TRUE(runs_until([&] {
    EXPECT_LE(recorder.received.size() - before, std::size_t{64} << 10U);
    before = recorder.received.size();
    if (before > 0) write_all(hose.theirs.get(), "x");
    return other.calls > 0;
  }));
  EXPECT_LT(recorder.received.size(), fed) << "the neighbour had its turn before";
  EXPECT_TRUE(runs_until([&] { return recorder.received.size() >= fed; })) << "nothing is lost";
}

TEST_P(Streams, TheBudgetPerTurnCanBeRaised) {
  Pair pair = unix_pair();
  const std::size_t fed = fill_until_full(pair.theirs.get());
  const auto stream =
      adopt(std::move(pair.ours), recorder, {.input_per_turn_max = std::size_t{1} << 20U});
  std::size_t most = 0;
  std::size_t before = 0;
  EXPECT_TRUE(runs_until([&] {
    most = std::max(most, recorder.received.size() - before);
    before = recorder.received.size();
    return before == fed;
  }));
  EXPECT_GT(most, std::size_t{64} << 10U);
}

// A completion that writes again for ever must not starve the others.
TEST_P(Streams, AWriterWithoutEndLetsItsNeighboursHaveTheirTurn) {
  Pair hose = unix_pair();
  Pair meek = unix_pair();
  StreamRecorder other;
  other.on_data_then = [](Stream& stream, Bytes data) { stream.write(data); };
  constexpr std::size_t hose_max = 1'000'000;
  const std::string block(1000, 'x');
  recorder.on_writable_then = [&](Stream& stream) {
    for (int i = 0; i < 100; ++i) stream.write(block);
  };
  const auto first = adopt(std::move(hose.ours), recorder, {.write_high_water = 0});
  const auto second = adopt(std::move(meek.ours), other);
  first->write(block);
  for (int i = 0; i < 20; ++i) {
    write_all(meek.theirs.get(), "ping");
    std::string back;
    ASSERT_TRUE(runs_until([&] {
      EXPECT_LE(read_all(hose.theirs.get()).size(), hose_max);
      back += read_all(meek.theirs.get());
      return back.size() == 4;
    }));
  }
  EXPECT_GT(recorder.writables, 10);
}

TEST_P(Streams, TwoTalkToEachOtherWithinOneReactor) {
  Pair pair = unix_pair();
  StreamRecorder other;
  echo();
  other.on_data_then = [&](Stream& stream, Bytes data) {
    if (other.received.size() < 1000) stream.write(data);
  };
  const auto first = adopt(std::move(pair.ours), recorder);
  const auto second = adopt(std::move(pair.theirs), other);
  first->write("0123456789");
  EXPECT_TRUE(runs_until([&] { return other.received.size() >= 1000; }));
  second->close();
  EXPECT_TRUE(runs_until([&] { return recorder.closes + other.closes == 2; }));
  run_on();
  EXPECT_FALSE(reactor.alive());
}

// Neither reads what the other has yet to send: who closes drops it.
TEST_P(Streams, TwoMayCloseAtOnceWithMuchToSay) {
  for (Pair (*const make)() : {&unix_pair, &tcp_pair}) {
    Pair pair = make();
    recorder = {};
    StreamRecorder other;
    const StreamOptions no_limit{.close_timeout = forever};
    const auto first = adopt(std::move(pair.ours), recorder, no_limit);
    const auto second = adopt(std::move(pair.theirs), other, no_limit);
    for (Stream* const one : {first.get(), second.get()}) {
      one->write(std::string(10'000'000, 'x'));
      EXPECT_GT(one->unsent_bytes(), 0u);
      one->close();
    }
    EXPECT_TRUE(runs_until([&] { return recorder.closes + other.closes == 2; }));
    EXPECT_EQ(recorder.ends + other.ends + recorder.calls + other.calls, 0);
    EXPECT_TRUE(recorder.reason == CloseReason::eof || recorder.reason == CloseReason::closed);
    EXPECT_TRUE(other.reason == CloseReason::eof || other.reason == CloseReason::closed);
  }
}

TEST_P(Streams, OneMayWriteToAnotherInItsCall) {
  Pair one = unix_pair();
  Pair two = unix_pair();
  StreamRecorder other;
  const auto first = adopt(std::move(one.ours), recorder);
  const auto second = adopt(std::move(two.ours), other);
  run_on();
  recorder.on_data_then = [&](Stream& stream, Bytes data) {
    stream.write("mine ");
    second->write(data);
    second->write("!");
    stream.write("again");
  };
  const int before = sends(net);
  write_all(one.theirs.get(), "for you");
  EXPECT_TRUE(runs_until([&] { return recorder.calls > 0; }));
  EXPECT_EQ(sends(net) - before, 2);
  EXPECT_EQ(read_all(one.theirs.get()), "mine again");
  EXPECT_EQ(read_all(two.theirs.get()), "for you!");
}

TEST_P(Streams, OptionsMayBeSetFromThemselvesAgainAndAgain) {
  Pair pair = unix_pair();
  const auto stream = adopt(std::move(pair.ours), recorder, {.idle_timeout = 1h});
  for (int i = 0; i < 3; ++i) {
    stream->set_options(stream->options());
    EXPECT_EQ(stream->options().idle_timeout, Duration{1h});
  }
  stream->abort();
  stream->set_options(stream->options());
  EXPECT_TRUE(runs_until([&] { return recorder.closes == 1; }));
  EXPECT_FALSE(recorder.error) << recorder.message;
}

TEST_P(Streams, SeveralBackloggedTurnsNeverTellTwice) {
  Pair pair = unix_pair();
  recorder.on_end_then = [](Stream&) {};
  const auto stream = adopt(std::move(pair.ours), recorder);
  pair.theirs.close();
  EXPECT_TRUE(runs_until([&] { return recorder.ends == 1; }));
  run_turns(reactor, 20);
  EXPECT_EQ(recorder.ends, 1);
  EXPECT_EQ(recorder.closes, 0);
}

TEST_P(Streams, StandardInputMayBeARegularFile) {
  RONDO_NEEDS(files);
  const Fd kept = duplicate(STDIN_FILENO);
  const Fd program{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  ASSERT_EQ(::dup2(program.get(), STDIN_FILENO), STDIN_FILENO);
  {
    const auto stream = Stream::standard_input(reactor, recorder).value();
    EXPECT_TRUE(runs_until([&] { return recorder.received.size() > 100'000; }));
    stream->pause();
    const int calls = recorder.calls;
    run_on();
    EXPECT_EQ(recorder.calls, calls);
    EXPECT_EQ(recorder.received.substr(1, 3), "ELF");
  }
  EXPECT_EQ(::dup2(kept.get(), STDIN_FILENO), STDIN_FILENO);
}

TEST_P(Streams, AThousandAtOnceAreServedAndEndOnce) {
  if (!allow_descriptors(2'100)) GTEST_SKIP() << "too few descriptors";
  constexpr std::size_t crowd = 1'000;
  struct Member {
    StreamRecorder recorder;
    std::unique_ptr<Stream> stream;
    Fd peer;
  };
  std::vector<std::unique_ptr<Member>> members;
  for (std::size_t i = 0; i < crowd; ++i) {
    Pair pair = unix_pair();
    auto member = std::make_unique<Member>();
    member->recorder.on_data_then = [](Stream& one, Bytes data) { one.write(data); };
    member->peer = std::move(pair.theirs);
    const int fd = pair.ours.release();
    auto adopted = Stream::adopt(reactor, Socket{net, fd}, member->recorder, {.idle_timeout = 1h});
    ASSERT_TRUE(adopted) << "adopt descriptor " << fd << ": " << adopted.error().message();
    member->stream = std::move(*adopted);
    write_all(member->peer.get(), std::to_string(i));
    members.push_back(std::move(member));
  }
  const auto all = [&](auto done) {
    return runs_until([&] { return std::all_of(members.begin(), members.end(), done); });
  };
  EXPECT_TRUE(all([](const auto& one) { return one->recorder.calls == 1; }));
  for (std::size_t i = 0; i < crowd; ++i) {
    EXPECT_EQ(read_all(members[i]->peer.get()), std::to_string(i));
    if (i % 4 == 0) members[i]->peer.close();
    if (i % 4 == 1) members[i]->stream->close();
    if (i % 4 == 2) members[i]->stream->abort();
    if (i % 4 == 3) members[i]->stream->shutdown_output();
    if (i % 4 == 3) members[i]->peer.close();
  }
  EXPECT_TRUE(all([](const auto& one) { return one->recorder.closes == 1; }));
  run_on();
  EXPECT_FALSE(reactor.alive());
}

}  // namespace
}  // namespace rondo::test
