// SPDX-License-Identifier: MIT
// The queue of datagrams that wait.
#include "datagram/datagram_queue.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/allocation_counter.h"
#include "support/intercepting_net.h"

namespace rondo::test {
namespace {

using detail::DatagramQueue;
using Offload = DatagramQueue::Offload;

/// Takes as many datagrams as it has room for, and keeps them.
class Taker final : public InterceptingNet {
 public:
  Taker() : InterceptingNet(system_net()) {}

  int send(int, std::span<Message> messages) noexcept override {
    int count = 0;
    for (; count < std::ssize(messages) && room > 0; ++count, --room) {
      const Bytes part = messages[static_cast<std::size_t>(count)].parts[0];
      taken.emplace_back(as_text(part));
    }
    return count > 0 ? count : -EAGAIN;
  }

  std::size_t room = 0;
  std::vector<std::string> taken;

 private:
  int next(Call) noexcept override { return 0; }
};

std::vector<std::string> numbers(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back(std::to_string(i));
  return texts;
}

class DatagramQueueTest : public ::testing::Test {
 protected:
  void add(const std::vector<std::string>& texts) {
    for (const std::string_view text : texts) {
      EXPECT_TRUE(
          queue.add(std::as_bytes(std::span{text}), nullptr, nullptr, unlimited, Offload::no));
    }
  }
  void flush() {
    const auto failure = queue.flush(route, counters);
    EXPECT_EQ(failure.has_value(), !queue.empty());
  }

  Taker net;
  DatagramQueue queue;
  DatagramQueue::Route route{net, -1, false, Offload::no};
  DatagramSocket::Counters counters;
};

TEST_F(DatagramQueueTest, KeepsTheOrderWhileManyAreSentAndMoreWait) {
  const auto all = numbers(5000);
  add({all.begin(), all.begin() + 3000});
  for (const std::size_t room : {2000U, 500U, 1U}) {
    net.room = room;
    flush();
  }
  add({all.begin() + 3000, all.end()});
  net.room = all.size();
  flush();
  EXPECT_EQ(net.taken, all);
  EXPECT_EQ(counters.sent, all.size());
}

TEST_F(DatagramQueueTest, GrowsInFewSteps) {
  const auto all = numbers(5000);
  const std::uint64_t before = allocations();
  add(all);
  EXPECT_LE(allocations() - before, 40u);
}

}  // namespace
}  // namespace rondo::test
