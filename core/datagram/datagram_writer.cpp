// SPDX-License-Identifier: MIT
// DatagramWriter: the transitions. What leaves, and in what order, is in datagram_queue.cpp.
#include "datagram_writer.h"

#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {
namespace {

constexpr std::size_t failures_max = 64;

}  // namespace

DatagramWriter::DatagramWriter(Reactor& reactor, DatagramBuffers& buffers,
                               DatagramQueue::Route route, const DatagramOptions& options,
                               Function<void()> on_retry)
    : buffers_(buffers),
      route_(route),
      buffer_max_(options.write_buffer_max),
      keep_unsent_(options.keep_unsent),
      timer_(std::in_place, reactor, std::move(on_retry)) {
  timer_->unref();
}

bool DatagramWriter::add(Bytes data, const Endpoint* to, const MessageInfo* source) {
  if (!queue_) {
    queue_ = buffers_.borrow_queue();
    forks_ = fork_count();
  }
  return queue_->add(data, to, source, buffer_max_, route_.offload);
}

void DatagramWriter::offer(DatagramSocket::Counters& counters) {
  while (queue_ && !queue_->empty() && can_flush() && failures_.size() < failures_max) {
    failures_.reserve(failures_.size() + 1);  // before anything changes, since it takes memory
    const auto failure = queue_->flush(route_, counters);
    if (!failure) return;
    if (failure->error == std::errc::operation_would_block) {
      wait(State::blocked, counters);
    } else {
      failures_.push_back(*failure);
    }
  }
}

std::optional<DatagramQueue::Failure> DatagramWriter::flush(
    Trigger trigger, DatagramSocket::Counters& counters) noexcept {
  RONDO_ASSERT(can_flush());
  if (!failures_.empty()) {
    const DatagramQueue::Failure first = failures_.front();
    failures_.erase(failures_.begin());
    return first;
  }
  if (!queue_) return {};
  const std::uint64_t sent_before = counters.sent;
  auto failure = queue_->flush(route_, counters);
  if (!failure) {
    state_ = State::ready;
    buffers_.give_back(std::move(queue_));
    return {};
  }
  if (failure->error != std::errc::operation_would_block) return failure;
  const bool took_nothing = counters.sent == sent_before;
  wait(trigger == Trigger::writable && took_nothing ? State::stalled : State::blocked, counters);
  return {};
}

bool DatagramWriter::schedule() noexcept {
  if (state_ != State::ready) return false;
  state_ = State::scheduled;
  return true;
}

void DatagramWriter::stall(DatagramSocket::Counters& counters) noexcept {
  wait(State::stalled, counters);
}

void DatagramWriter::wait(State state, DatagramSocket::Counters& counters) noexcept {
  RONDO_ASSERT(can_flush());
  if (!keep_unsent_) {
    counters.dropped += queue_->clear();
    buffers_.give_back(std::move(queue_));
    state = State::ready;
  }
  state_ = state;
  if (state_ == State::stalled) timer_->arm_after(retry_after);
}

void DatagramWriter::forget() noexcept {
  queue_->clear();
  buffers_.give_back(std::move(queue_));
  timer_->cancel();
  state_ = State::ready;
}

void DatagramWriter::unblock() noexcept {
  RONDO_ASSERT(state_ == State::blocked || state_ == State::stalled);
  state_ = State::ready;
}

void DatagramWriter::send_now(DatagramSocket::Counters& counters) noexcept {
  for (std::size_t failures = 0; queue_ && failures < failures_max; ++failures) {
    const auto failure = queue_->flush(route_, counters);
    if (!failure) return forget();
    if (failure->error == std::errc::operation_would_block) return;
  }
}

void DatagramWriter::close() noexcept {
  if (queue_) {
    queue_->clear();
    buffers_.give_back(std::move(queue_));
  }
  failures_.clear();
  state_ = State::ready;
  timer_.reset();
}

}  // namespace rondo::detail
