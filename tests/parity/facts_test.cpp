// SPDX-License-Identifier: MIT
// Single facts that scripts have found, checked on the simulated and the real kernel.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "parity/comparison.h"
#include "parity/port_player.h"

namespace rondo::test {
namespace {

constexpr std::uint32_t tcp = 0;
constexpr std::uint32_t udp = 1;
constexpr std::uint32_t tcp6 = 3;
constexpr std::uint32_t unix_stream = 6;
constexpr std::uint32_t unix_datagram = 7;
constexpr std::uint32_t pair_of_streams = 0;
constexpr std::uint32_t send_buffer_40000 = 8 * 18 + 3;
constexpr std::uint32_t group_interface = 17;  // the last option

class Facts : public testing::Test {
 protected:
  /// The outcome of the last step on both kernels.
  static std::string outcome(const Script& script) {
    const auto make = [](Kernel& kernel) -> std::unique_ptr<Player> {
      return std::make_unique<PortPlayer>(kernel);
    };
    const std::vector<std::string> expected = expect(script, make);
    for (const BackendUnderTest& backend : backends_under_test()) {
      const Difference found = compare(script, expected, make, backend, std::chrono::seconds{5});
      EXPECT_FALSE(found) << backend << '\n' << describe(script, make, found);
    }
    return expected.back().substr(0, expected.back().find(" |"));
  }
  static Script connection() {
    return {{Kind::make_socket, 0, 0, tcp}, {Kind::bind_loopback, 0}, {Kind::listen, 0, 0, 16},
            {Kind::make_socket, 1, 0, tcp}, {Kind::connect, 1, 0},    {Kind::accept, 0, 2}};
  }
  static Script with(Script script, std::initializer_list<Step> more) {
    script.insert(script.end(), more);
    return script;
  }
};

// recvmmsg(2) would report the reset, and the data before it would be lost.
TEST_F(Facts, WhatCameBeforeAResetIsReceivedBeforeIt) {
  const Script script{{Kind::make_pair, 0, 1, pair_of_streams},
                      {Kind::write, 0, 0, 3},
                      {Kind::write, 1, 0, 5},
                      {Kind::close, 1}};
  const std::string received = outcome(with(script, {{Kind::receive_descriptor, 0, 2, 20}}));
  EXPECT_TRUE(received.starts_with("5 bytes")) << received;
  EXPECT_EQ(outcome(with(script, {{Kind::receive_descriptor, 0, 2, 20},
                                  {Kind::receive_descriptor, 0, 2, 20}})),
            "Connection reset by peer");
}

TEST_F(Facts, ASecondConnectReturnsTheOutcome) {
  const Script script = connection();
  EXPECT_EQ(outcome(with(script, {{Kind::connect, 1, 0}})), "0");
  EXPECT_EQ(outcome(with(script, {{Kind::connect, 1, 0}, {Kind::connect, 1, 0}})),
            "Transport endpoint is already connected");
  EXPECT_EQ(outcome({{Kind::make_socket, 0, 0, tcp},
                     {Kind::connect_deserted, 0},
                     {Kind::connect_deserted, 0}}),
            "Connection refused");
}

TEST_F(Facts, DataAfterTheReaderHasShutDownResets) {
  EXPECT_EQ(outcome(with(connection(),
                         {{Kind::shut_both, 2}, {Kind::write, 1, 0, 5}, {Kind::take_error, 1}})),
            "Broken pipe");
  EXPECT_EQ(outcome(with(connection(),
                         {{Kind::shut_both, 2}, {Kind::write, 1, 0, 5}, {Kind::take_error, 2}})),
            "Connection reset by peer");
}

TEST_F(Facts, AResetIsReportedAfterBothSidesHaveFinished) {
  const Script script =
      with(connection(), {{Kind::shut_write, 2}, {Kind::fill, 1}, {Kind::close_with_reset, 2}});
  EXPECT_EQ(outcome(with(script, {{Kind::take_error, 1}})), "Broken pipe");
  EXPECT_EQ(outcome(with(connection(), {{Kind::shut_write, 2},
                                        {Kind::fill, 1},
                                        {Kind::shut_write, 1},
                                        {Kind::close_with_reset, 2},
                                        {Kind::take_error, 1}})),
            "Connection reset by peer");
}

TEST_F(Facts, WhatIsShutDownBeforeItConnectsStaysSo) {
  const auto connected_after = [](Kind shut) {
    return Script{{Kind::make_socket, 0, 0, tcp},
                  {Kind::bind_loopback, 0},
                  {Kind::listen, 0, 0, 16},
                  {Kind::make_socket, 1, 0, tcp},
                  {shut, 1},
                  {Kind::connect, 1, 0},
                  {Kind::accept, 0, 2}};
  };
  EXPECT_EQ(outcome(with(connected_after(Kind::shut_read), {{Kind::read, 1, 0, 5}})), "0 bytes");
  EXPECT_EQ(outcome(with(connected_after(Kind::shut_write), {{Kind::write, 1, 0, 5}})),
            "Broken pipe");
  EXPECT_EQ(outcome(with(connected_after(Kind::shut_write), {{Kind::read, 2, 0, 5}})), "not now")
      << "the peer sees no end";
  const Script alone{{Kind::make_socket, 0, 0, tcp},
                     {Kind::bind_loopback, 0},
                     {Kind::shut_write, 0},
                     {Kind::connect_self, 0},
                     {Kind::read, 0, 0, 5}};
  EXPECT_EQ(outcome(alone), "0 bytes") << "except for a socket that connects to itself";
}

TEST_F(Facts, WhatIsBoundAfterARefusalStaysSo) {
  EXPECT_EQ(outcome({{Kind::make_socket, 0, 0, tcp},
                     {Kind::connect_deserted, 0},
                     {Kind::bind_loopback, 0},
                     {Kind::connect_deserted, 0},
                     {Kind::bind_loopback, 0}}),
            "Invalid argument");
}

TEST_F(Facts, ASecondListenKeepsTheAddress) {
  EXPECT_EQ(outcome({{Kind::make_socket, 0, 0, tcp},
                     {Kind::bind_loopback, 0},
                     {Kind::listen, 0, 0, 16},
                     {Kind::shut_both, 0},
                     {Kind::listen, 0, 0, 16},
                     {Kind::ask_local, 0}}),
            "127.0.0.1:p0");
}

TEST_F(Facts, AListenerThatIsShutDownListensNoMore) {
  EXPECT_EQ(outcome(with(connection(), {{Kind::shut_read, 0}, {Kind::accept, 0, 3}})),
            "Invalid argument");
}

TEST_F(Facts, AnAcceptedSocketSendsToGroupsOnItsInterface) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "no ::1";
  const Script script{{Kind::make_socket, 0, 0, tcp6},
                      {Kind::listen, 0, 0, 16},
                      {Kind::make_socket, 1, 0, tcp6},
                      {Kind::connect, 1, 0},
                      {Kind::accept, 0, 2},
                      {Kind::get_option, 2, 0, group_interface}};
  EXPECT_EQ(outcome(script), "multicast_interface: 1");
}

TEST_F(Facts, AFailedSendBindsUdp) {
  const std::string local =
      outcome({{Kind::make_socket, 0, 0, udp}, {Kind::send_empty, 0}, {Kind::ask_local, 0}});
  EXPECT_EQ(local, "0.0.0.0:p0");
}

TEST_F(Facts, AFailedConnectBindsUdp) {
  EXPECT_EQ(
      outcome(
          {{Kind::make_socket, 0, 0, udp}, {Kind::connect_path, 0, 0, 0}, {Kind::ask_local, 0}}),
      "0.0.0.0:p0");
}

TEST_F(Facts, TheSecondOfABatchGetsTheErrorOfTheFirst) {
  EXPECT_EQ(outcome({{Kind::make_socket, 0, 0, udp},
                     {Kind::connect_deserted, 0},
                     {Kind::send_batch, 0, 0, 5}}),
            "1");
}

TEST_F(Facts, ElevenDatagramsWait) {
  Script script{{Kind::make_socket, 0, 0, unix_datagram},
                {Kind::bind_path, 0, 0, 0},
                {Kind::make_socket, 1, 0, unix_datagram},
                {Kind::connect_path, 1, 0, 0}};
  for (int i = 0; i < 11; ++i) script.push_back({Kind::send, 1, 0, 5});
  EXPECT_EQ(outcome(script), "sent 5");
  EXPECT_EQ(outcome(with(script, {{Kind::send, 1, 0, 5}})), "not now");
}

TEST_F(Facts, ASenderIsCalledAsHeIsNow) {
  const std::string received = outcome({{Kind::make_socket, 0, 0, unix_datagram},
                                        {Kind::bind_path, 0, 0, 2},
                                        {Kind::make_socket, 1, 0, unix_datagram},
                                        {Kind::connect_path, 1, 0, 2},
                                        {Kind::send, 1, 0, 5},
                                        {Kind::bind_abstract, 1, 0, 1},
                                        {Kind::receive, 0, 0, 20}});
  EXPECT_TRUE(received.ends_with("from unix:@1")) << received;
}

TEST_F(Facts, AClientIsCalledAsHeIsWhenHeIsAccepted) {
  EXPECT_EQ(outcome({{Kind::make_socket, 0, 0, unix_stream},
                     {Kind::bind_path, 0, 0, 1},
                     {Kind::listen, 0, 0, 2},
                     {Kind::make_socket, 1, 0, unix_stream},
                     {Kind::connect_path, 1, 0, 1},
                     {Kind::bind_abstract, 1, 0, 0},
                     {Kind::accept_with_peer, 0, 2}}),
            "unix:@0");
}

TEST_F(Facts, ADatagramTakesMoreRoomThanItsBytes) {
  const Script script{{Kind::make_pair, 0, 1, 1}, {Kind::set_option, 1, 0, send_buffer_40000}};
  EXPECT_EQ(outcome(with(script, {{Kind::send_batch, 1, 0, 4'000}})), "3");
  for (const std::uint32_t size : {1U, 60U, 300U, 705U, 2'000U, 8'000U, 12'000U, 20'000U}) {
    Script filled = script;
    for (int i = 0; i < 12; ++i) filled.push_back({Kind::send, 1, 0, size});
    (void)outcome(filled);  // both agree after each step
  }
}

TEST_F(Facts, AbstractNamesAreOfAType) {
  EXPECT_EQ(outcome({{Kind::make_socket, 0, 0, unix_stream},
                     {Kind::bind_abstract, 0, 0, 0},
                     {Kind::make_socket, 1, 0, unix_datagram},
                     {Kind::bind_abstract, 1, 0, 0}}),
            "0");
}

TEST_F(Facts, AConnectedDatagramSocketReceivesFromItsPeerOnly) {
  EXPECT_EQ(outcome({{Kind::make_pair, 0, 1, 1},
                     {Kind::bind_path, 0, 0, 0},
                     {Kind::make_socket, 2, 0, unix_datagram},
                     {Kind::send_to_path, 2, 0, 4}}),
            "Operation not permitted");
}

}  // namespace
}  // namespace rondo::test
