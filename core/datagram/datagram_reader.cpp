// SPDX-License-Identifier: MIT
// DatagramReader: one system call brings a batch, which is split into datagrams.
//
// The poller reports readiness again as long as something is there. So a batch that is not full
// ends the turn's reading: no call is made only to learn that nothing is left. Where the kernel has
// joined several datagrams (GRO), they are split here; the handler does not notice.
//
// Errors that concern one datagram, or that ICMP reports for an earlier one, change nothing. Errors
// that last end the input. Exhaustion, or too many errors in a row, make it rest, so that a reactor
// never spins on an error.
#include "datagram_reader.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <rondo/assert.h>
#include <rondo/socket.h>

namespace rondo::detail {
namespace {

constexpr std::size_t joined_size_max = 65'535;  // what GRO joins into one message

bool is_lasting(std::error_code error) noexcept {
  constexpr std::array lasting{std::errc::bad_file_descriptor, std::errc::not_a_socket,
                               std::errc::invalid_argument,    std::errc::bad_address,
                               std::errc::not_connected,       std::errc::operation_not_supported};
  return std::any_of(lasting.begin(), lasting.end(),
                     [error](std::errc one) { return error == one; });
}

}  // namespace

DatagramReader::DatagramReader(Reactor& reactor, Socket& socket, const DatagramOptions& options,
                               Function<void()> on_rested)
    : net_(socket.net()),
      fd_(socket.fd()),
      is_seqpacket_(socket.option(SOL_SOCKET, SO_TYPE).value_or(SOCK_DGRAM) == SOCK_SEQPACKET),
      size_max_(std::max<std::size_t>(options.datagram_size_max,
                                      options.receive_offload ? joined_size_max : 1)),
      on_rested_(std::move(on_rested)),
      timer_(std::in_place, reactor, [this] { end_rest(); }) {
  timer_->unref();
}

DatagramReader::Outcome DatagramReader::receive(DatagramBatch& batch, std::size_t datagrams_max,
                                                DatagramSocket::Counters& counters) {
  RONDO_ASSERT(is_reading());
  batch.datagrams.clear();
  const std::size_t count = std::min(datagrams_max, DatagramBatch::messages_max);
  const auto messages = batch.messages(count, size_max_);
  const int received = net_.receive(fd_, messages);
  if (received == -EAGAIN) return {};
  if (received < 0) {
    const std::error_code error = system_error(-received);
    fail(error);
    return {.error = error, .may_have_more = true};
  }
  errors_in_a_row_ = 0;
  const auto filled = messages.first(static_cast<std::size_t>(received));
  const bool is_end = split(batch, filled, counters);
  counters.received += batch.datagrams.size();
  return {.is_end = is_end, .may_have_more = filled.size() == count};
}

/// Returns whether the end was among the messages.
bool DatagramReader::split(DatagramBatch& batch, std::span<const Message> messages,
                           DatagramSocket::Counters& counters) const {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (is_seqpacket_ && message.size == 0) return true;
    counters.received_bytes += message.size;
    counters.truncated += message.truncated ? 1 : 0;
    Bytes rest = batch.bytes(i);
    const std::size_t segment_size = message.info->segment_size;
    do {
      const bool is_last = segment_size == 0 || rest.size() <= segment_size;
      const Bytes data = is_last ? rest : rest.first(segment_size);
      const bool is_truncated = is_last && message.truncated;
      const std::size_t joined_size = is_truncated ? 0 : data.size();
      const std::size_t size = segment_size != 0 ? joined_size : message.info->whole_size;
      batch.datagrams.push_back({data, *message.address, *message.info, is_truncated, size});
      rest = rest.subspan(data.size());
    } while (!rest.empty());
  }
  return false;
}

void DatagramReader::fail(std::error_code error) noexcept {
  if (is_lasting(error)) {
    end();
  } else if (is_exhaustion(error) || ++errors_in_a_row_ >= errors_in_a_row_max) {
    rest();
  }
}

void DatagramReader::end() noexcept { state_ = State::ended; }

void DatagramReader::rest() noexcept {
  errors_in_a_row_ = 0;
  state_ = State::resting;
  timer_->arm_after(rest_time);
}

void DatagramReader::end_rest() {
  if (state_ == State::resting) state_ = State::open;
  on_rested_();
}

void DatagramReader::resume() noexcept {
  paused_ = false;
  if (state_ == State::ended) state_ = State::open;
}

void DatagramReader::close() noexcept {
  state_ = State::ended;
  timer_.reset();
}

}  // namespace rondo::detail
