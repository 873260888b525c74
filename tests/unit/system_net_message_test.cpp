// SPDX-License-Identifier: MIT
// The system's Net: messages, in batches and with descriptors. An empty datagram is data.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/net.h>

#include "support/system_net_fixture.h"

namespace rondo {
namespace {

using test::Buffer;
using test::bytes;
using test::is_close_on_exec;
using test::wait_for;

class SystemNetMessageTest : public test::SystemNetFixture {};

TEST_F(SystemNetMessageTest, TakesADatagramOfZeroBytesForData) {
  Endpoint here;
  Endpoint there;
  const int receiver = udp(here);
  const int sender = udp(there);
  Message empty{.address = &here};
  EXPECT_EQ(net_.send(sender, {&empty, 1}), 1);
  Buffer buffer;
  MutableBytes room = buffer.all();
  Endpoint from;
  Message message{.address = &from, .parts = {&room, 1}, .size = 77};
  wait_for(receiver, POLLIN);
  EXPECT_EQ(net_.receive(receiver, {&message, 1}), 1);
  EXPECT_EQ(message.size, 0U);
  EXPECT_EQ(from, there);
  EXPECT_FALSE(message.truncated);
  EXPECT_EQ(net_.receive(receiver, {&message, 1}), -EAGAIN);
}

TEST_F(SystemNetMessageTest, FlagsATruncatedDatagram) {
  const auto [a, b] = pair(SocketType::datagram);
  EXPECT_EQ(net_.write(bytes("0123456789"), b), 10);
  EXPECT_EQ(net_.write(bytes("0123"), b), 4);
  Buffer buffer;
  MutableBytes rooms[] = {buffer.first(4), buffer.first(4)};
  Message messages[] = {{.parts = {&rooms[0], 1}}, {.parts = {&rooms[1], 1}, .truncated = true}};
  EXPECT_EQ(net_.receive(a, messages), 2);
  EXPECT_EQ(messages[0].size, 4U);
  EXPECT_TRUE(messages[0].truncated);
  EXPECT_EQ(messages[1].size, 4U);
  EXPECT_FALSE(messages[1].truncated);
}

TEST_F(SystemNetMessageTest, ReportsAnUnnamedSender) {
  const auto [a, b] = pair(SocketType::datagram);
  ASSERT_EQ(net_.write(bytes("x"), b), 1);
  Buffer buffer;
  MutableBytes room = buffer.all();
  Endpoint from;
  Message message{.address = &from, .parts = {&room, 1}};
  EXPECT_EQ(net_.receive(a, {&message, 1}), 1);
  EXPECT_EQ(from.to_string(), "unix:");
}

TEST_F(SystemNetMessageTest, MovesDatagramsInBatches) {
  constexpr std::size_t count = 100;
  const auto [a, b] = pair(SocketType::datagram);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) texts.push_back("datagram " + std::to_string(i));
  std::vector<MutableBytes> parts;
  for (std::string& text : texts) parts.push_back(std::as_writable_bytes(std::span{text}));
  std::vector<Message> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i].parts = {&parts[i], 1};

  // The kernel's queue is short (net.unix.max_dgram_qlen), so datagrams are received in between.
  std::vector<std::string> received;
  std::size_t sent = 0;
  int calls = 0;
  while (received.size() < count && ++calls < 1000) {
    if (sent < count) {
      const int moved = net_.send(b, std::span{out}.subspan(sent));
      if (moved > 0) sent += static_cast<std::size_t>(moved);
    }
    std::vector<Buffer> buffers(count);
    std::vector<MutableBytes> rooms;
    for (Buffer& buffer : buffers) rooms.push_back(buffer.all());
    std::vector<Message> in(count);
    for (std::size_t i = 0; i < count; ++i) in[i].parts = {&rooms[i], 1};
    const int moved = net_.receive(a, in);
    for (std::size_t i = 0; moved > 0 && i < static_cast<std::size_t>(moved); ++i) {
      received.emplace_back(buffers[i].text(static_cast<std::ptrdiff_t>(in[i].size)));
    }
  }
  EXPECT_EQ(received, texts);
  EXPECT_LT(calls, 100);
  EXPECT_EQ(out.back().size, texts.back().size());
  EXPECT_EQ(net_.receive(a, {}), 0);
  EXPECT_EQ(net_.send(b, {}), 0);
}

TEST_F(SystemNetMessageTest, RefusesAMessageOfTooManyParts) {
  const auto [a, b] = pair(SocketType::datagram);
  Buffer buffer;
  std::vector<MutableBytes> parts(257, buffer.first(1));
  Message messages[] = {{.parts = std::span{parts}.first(256)}, {.parts = parts}};
  EXPECT_EQ(net_.send(b, messages), 1);
  EXPECT_EQ(messages[0].size, 256U);
  EXPECT_EQ(net_.send(b, std::span{messages}.last(1)), -EMSGSIZE);
}

TEST_F(SystemNetMessageTest, PassesDescriptorsCloseOnExec) {
  const auto [a, b] = pair();
  const auto [reader, writer] = pipe();
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  auto* header = reinterpret_cast<cmsghdr*>(control.data());
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &writer, sizeof(int));
  Buffer buffer;
  MutableBytes part = buffer.first(1);
  Message out{.parts = {&part, 1}, .control = control};
  ASSERT_EQ(net_.send(b, {&out, 1}), 1);

  control = {};
  Message in{.parts = {&part, 1}, .control = control};
  ASSERT_EQ(net_.receive(a, {&in, 1}), 1);
  EXPECT_EQ(in.control_size, static_cast<std::size_t>(CMSG_SPACE(sizeof(int))));
  EXPECT_FALSE(in.control_truncated);
  int received = -1;
  std::memcpy(&received, CMSG_DATA(header), sizeof(int));
  keep(received);
  EXPECT_NE(received, writer);
  EXPECT_TRUE(is_close_on_exec(received));
  const Bytes mark = bytes("!");
  ASSERT_EQ(net_.write_file({&mark, 1}, received), 1);
  EXPECT_EQ(net_.read(buffer.all(), reader), 1);
}

TEST_F(SystemNetMessageTest, FlagsControlDataWithoutRoom) {
  const auto [a, b] = pair();
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  auto* header = reinterpret_cast<cmsghdr*>(control.data());
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &a, sizeof(int));
  Buffer buffer;
  MutableBytes part = buffer.first(1);
  Message out{.parts = {&part, 1}, .control = control};
  ASSERT_EQ(net_.send(b, {&out, 1}), 1);
  Message in{.parts = {&part, 1}};
  ASSERT_EQ(net_.receive(a, {&in, 1}), 1);
  EXPECT_EQ(in.control_size, 0U);
  EXPECT_TRUE(in.control_truncated);
}

}  // namespace
}  // namespace rondo
