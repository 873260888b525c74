// SPDX-License-Identifier: MIT
#include "support/descriptor_states.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cerrno>

namespace rondo::test {
namespace {

using Made = DescriptorState::Made;

Made with(Fd fd) { return {std::move(fd), {}}; }
Made with(Fd fd, Fd other) {
  Made made{std::move(fd), {}};
  made.others.push_back(std::move(other));
  return made;
}

/// The network may take a moment until the other side knows.
void await(int fd, short events) { kernel().await(fd, events); }

Made fresh() { return with(Fd{kernel().net().socket(AddressFamily::ipv4, SocketType::stream)}); }
void is_unconnected(int fd) {
  EXPECT_EQ(read_result(fd), -ENOTCONN);
  EXPECT_EQ(write_result(fd), -EPIPE);
}

Made refused() {
  Made made = with(tcp_connecting(deserted_port()));
  await(made.fd.get(), POLLOUT);
  return made;
}
void is_refused(int fd) {
  EXPECT_EQ(kernel().net().take_error(fd), ECONNREFUSED);
  EXPECT_EQ(read_result(fd), 0);
}

Made idle() {
  Pair pair = tcp_pair();
  return with(std::move(pair.ours), std::move(pair.theirs));
}
void has_nothing_and_takes(int fd) {
  EXPECT_EQ(read_result(fd), -EAGAIN);
  EXPECT_EQ(write_result(fd), 1);
}

Made data_pending() {
  Made made = idle();
  write_all(made.others[0].get(), "hello");
  await(made.fd.get(), POLLIN);
  return made;
}
void has_data_and_takes(int fd) {
  EXPECT_EQ(read_all(fd), "hello");
  EXPECT_EQ(read_result(fd), -EAGAIN);
  EXPECT_EQ(write_result(fd), 1);
}

Made data_and_end() {
  Made made = data_pending();
  finish_writing(made.others[0]);
  await(made.fd.get(), POLLIN);
  return made;
}
void has_data_then_an_end_and_takes(int fd) {
  EXPECT_EQ(read_all(fd), "hello");
  EXPECT_EQ(read_result(fd), 0);
  EXPECT_EQ(write_result(fd), 1);
}

Made drained_and_end() {
  Made made = idle();
  finish_writing(made.others[0]);
  await(made.fd.get(), POLLIN);
  return made;
}
void is_at_the_end_and_takes(int fd) {
  EXPECT_EQ(read_result(fd), 0);
  EXPECT_EQ(write_result(fd), 1);
}

Made both_finished() {
  Made made = drained_and_end();
  finish_writing(made.fd);
  await(made.fd.get(), POLLHUP);
  return made;
}
void is_over(int fd) {
  EXPECT_EQ(read_result(fd), 0);
  EXPECT_EQ(write_result(fd), -EPIPE);
}

Made own_end() {
  Made made = idle();
  finish_writing(made.fd);
  return made;
}
void has_nothing_and_takes_nothing(int fd) {
  EXPECT_EQ(read_result(fd), -EAGAIN);
  EXPECT_EQ(write_result(fd), -EPIPE);
}

Made own_reading_ended() {
  Made made = idle();
  EXPECT_EQ(kernel().net().shutdown(made.fd.get(), Direction::read), 0);
  return made;
}

Made reset_by_our_write() {
  Made made = idle();
  made.others.clear();
  await(made.fd.get(), POLLIN);
  write_all(made.fd.get(), "unwanted");
  await(made.fd.get(), POLLERR);
  return made;
}

Made reset_with_data() {
  Made made = data_pending();
  close_with_reset(made.others[0]);
  await(made.fd.get(), POLLERR);
  return made;
}
void has_data_then_a_reset(int fd) {
  char data[16];
  EXPECT_EQ(read_some(fd, data, sizeof data), 5) << "what came before the reset";
  EXPECT_EQ(read_result(fd), -ECONNRESET);
}

Made unix_peer_gone() { return with(unix_pair().ours); }

Made unix_peer_gone_unread() {
  Pair pair = unix_pair();
  write_all(pair.ours.get(), "never read");
  pair.theirs.close();
  return with(std::move(pair.ours));
}
void is_reset(int fd) {
  EXPECT_EQ(read_result(fd), -ECONNRESET);
  is_over(fd);
}

Made pipe_without_writer() { return with(make_pipe().reader); }
void is_at_the_end(int fd) { EXPECT_EQ(read_result(fd), 0); }

Made pipe_without_reader() { return with(make_pipe().writer); }
void is_broken(int fd) { EXPECT_EQ(write_result(fd), -EPIPE); }

Made datagram_unreachable() {
  Pair pair = udp_pair();
  pair.theirs.close();
  write_all(pair.ours.get(), "not read");
  await(pair.ours.get(), POLLERR);
  return with(std::move(pair.ours));
}
void is_refused_once(int fd) {
  EXPECT_EQ(read_result(fd), -ECONNREFUSED);
  EXPECT_EQ(read_result(fd), -EAGAIN) << "the error is not fatal";
  EXPECT_EQ(write_result(fd), 1);
}

}  // namespace

Ready must_report(const std::string& backend, const DescriptorState& state) {
  return state.make == fresh && backend.starts_with("kqueue") ? Ready::none : state.ready;
}

const std::vector<DescriptorState>& descriptor_states() {
  using enum Ready;
  static const std::vector<DescriptorState> states = {
      {"TcpFresh", write, both, fresh, is_unconnected},
      {"TcpConnectRefused", both, both, refused, is_refused},
      {"TcpIdle", write, write, idle, has_nothing_and_takes},
      {"DataPending", both, both, data_pending, has_data_and_takes},
      {"DataPendingAndPeerFinished", both, both, data_and_end, has_data_then_an_end_and_takes},
      {"DrainedAndPeerFinished", both, both, drained_and_end, is_at_the_end_and_takes},
      {"BothDirectionsFinished", both, both, both_finished, is_over},
      {"OwnWritingFinished", write, write, own_end, has_nothing_and_takes_nothing},
      {"OwnReadingFinished", both, both, own_reading_ended, is_at_the_end_and_takes},
      {"ResetAfterOurWrite", both, both, reset_by_our_write, is_over},
      {"ResetWithFiveUnreadBytes", both, both, reset_with_data, has_data_then_a_reset},
      {"UnixPeerClosed", both, both, unix_peer_gone, is_over},
      {"UnixPeerClosedWithOurDataUnread", both, both, unix_peer_gone_unread, is_reset},
      {"PipeWithoutWriter", read, both, pipe_without_writer, is_at_the_end},
      {"PipeWithoutReader", write, both, pipe_without_reader, is_broken},
      {"UdpUnreachable", both, both, datagram_unreachable, is_refused_once},
  };
  return states;
}

}  // namespace rondo::test
