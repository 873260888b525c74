// SPDX-License-Identifier: MIT
// Datagrams beyond write_buffer_max: what waits is offered to the system before any is refused.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <system_error>

#include <rondo/datagram.h>

#include "support/datagram_fixture.h"

namespace rondo {
namespace {

using test::bytes_of;

class DatagramLimitTest : public test::DatagramFixture {};
RONDO_ON_EVERY_BACKEND(DatagramLimitTest);

TEST_P(DatagramLimitTest, AreOfferedToTheSystemBeforeTheyAreRefused) {
  constexpr std::size_t count = 60;  // what the receiver has room for
  const std::string text(1000, 'x');
  for (const bool is_in_callback : {false, true}) {
    SCOPED_TRACE(is_in_callback);
    there.datagrams.clear();
    DatagramSocket server = bound(there);
    const Endpoint to = server.local_endpoint().value();
    DatagramSocket client = bound(here, {.write_buffer_max = 16'000});
    const auto burst = [&] {
      for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(client.send(bytes_of(text), to));
    };
    if (is_in_callback) {
      here.then = [&](DatagramSocket&, auto) { burst(); };
      server.send(bytes_of("go"), client.local_endpoint().value());
    } else {
      burst();
    }
    run_until_received(there, count);
    here.then = nullptr;
    EXPECT_EQ(client.counters().sent, count);
    EXPECT_EQ(client.counters().overflowed, 0U);
  }
}

TEST_P(DatagramLimitTest, ThatFailWhenOfferedAreReportedLater) {
  DatagramSocket server = bound(there);
  const Endpoint to = server.local_endpoint().value();
  DatagramSocket client = bound(here, {.write_buffer_max = 500});
  for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(client.send(bytes_of(text), to));
  net.fail("send", ENOBUFS, 2);
  EXPECT_TRUE(client.send(bytes_of("d"), to));
  EXPECT_TRUE(here.errors.empty()) << "no callback from inside send()";
  run_until_received(there, 2);
  EXPECT_EQ(there.texts(), "c d ");
  ASSERT_EQ(here.errors.size(), 2U);
  for (const std::error_code error : here.errors) EXPECT_EQ(error, std::errc::no_buffer_space);
  EXPECT_EQ(here.failed_to[1], to.to_string());
  EXPECT_EQ(client.counters().dropped, 2U);
  // Also if what was to be sent is refused then, and nothing waits.
  EXPECT_TRUE(client.send(bytes_of("e"), to));
  net.fail("send", ENOBUFS);
  EXPECT_FALSE(client.send(bytes_of(std::string(501, 'x')), to));
  run([&] { return here.errors.size() == 3; });
}

}  // namespace
}  // namespace rondo
