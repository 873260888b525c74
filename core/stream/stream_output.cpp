// Output. Where bytes are on their way out:
//
//   the cork    written inside the stream's own on_data, while nothing waits: one send when that
//               returns, from a buffer that all streams share
//   the queue   what the system did not take, and what was written elsewhere: sent when the
//               stream is settled. `blocked` says that the system took less than it was offered,
//               and that the poller is asked to tell when there is room
//
// Errors of the system are not told here. They end the output (output_failed), while the input,
// which may hold what the peer sent before it went, is read to its end; there the error is told.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <rondo/stream.h>

#include "socket/rights.h"
#include "streams.h"

namespace rondo {

using detail::StreamExtra;
using detail::Streams;

namespace {

constexpr std::size_t direct_size_min = std::size_t{4}
                                        << 10U;  // then a copy costs more than a call
constexpr std::size_t parts_per_write_max = 64;
constexpr std::size_t writes_per_settling_max = 16;
constexpr std::uint64_t file_bytes_per_write_max = std::uint64_t{1} << 20U;

bool breaks_connection(int error) noexcept {
  return error == EPIPE || error == ECONNRESET || error == ECONNABORTED || error == ENOTCONN ||
         error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
}

}  // namespace

bool Stream::write(Bytes data) {
  Streams& streams = group_->streams;
  // One comparison, which an empty piece does not pass either.
  if (streams.corked == this && data.size() - 1 < Streams::cork_size - streams.cork_used)
      [[likely]] {
    std::byte* const end = streams.cork() + streams.cork_used;
    streams.cork_used += data.size();
    std::memcpy(end, data.data(), data.size());
    return true;
  }
  return write_out(data);
}

bool Stream::write_out(Bytes data) {
  const Bytes part[] = {data};
  return write_parts(part);
}

bool Stream::write_parts(std::span<const Bytes> parts) {
  if (is(output_over)) return false;
  Streams& streams = group_->streams;
  std::size_t size = 0;
  for (const Bytes part : parts) size += part.size();
  if (size == 0) return !is(above_mark);
  if (streams.corked == this && size <= Streams::cork_size - streams.cork_used) {
    for (const Bytes part : parts) (void)write(part);  // all of them fit
    return true;
  }
  // What is large, and first in line, is offered to the system where it lies.
  std::size_t sent = 0;
  if (size >= direct_size_min && !output_waits() && !is(is_connecting | is_file | blocked) &&
      parts.size() < parts_per_write_max) {
    if (!send_directly(parts, size, sent)) return false;
    if (sent == size) return true;
  }
  uncork();
  return queue_parts(parts, sent) && output_grew();
}

/// All but what was `sent`. False: there was no memory for what is left of something whose
/// beginning has gone, so nothing can come after it.
bool Stream::queue_parts(std::span<const Bytes> parts, std::size_t sent) {
  bool has_begun = sent > 0;
  try {
    for (const Bytes part : parts) {
      const std::size_t skipped = std::min(sent, part.size());
      sent -= skipped;
      extra().output.push_copy(part.subspan(skipped));
      has_begun = has_begun || skipped < part.size();
    }
    return true;
  } catch (const std::bad_alloc&) {
    if (!has_begun) throw;
    output_refused(ENOMEM);
    return false;
  }
}

/// Queues what the system has not taken of the cork. False: there was no memory, or too much
/// output, and it has ended.
bool Stream::queue_rest(Bytes rest) noexcept try {
  extra().output.push_copy(rest);
  flags_ |= blocked;
  (void)output_grew();  // no caller uses the result
  return !is(ended);
} catch (const std::bad_alloc&) {
  output_refused(ENOMEM);
  return false;
}

/// Offers the cork and `parts`, `size` bytes in all. False: the output has failed. Tells how much
/// of `parts` was taken; what of the cork was not is in the queue then.
bool Stream::send_directly(std::span<const Bytes> parts, std::size_t size, std::size_t& sent) {
  Streams& streams = group_->streams;
  std::array<Bytes, parts_per_write_max> all;
  std::size_t count = 0;
  const bool has_cork = streams.corked == this && streams.cork_used > 0;
  if (has_cork) all[count++] = streams.cork_data();
  for (const Bytes part : parts) all[count++] = part;
  const std::size_t corked = has_cork ? streams.cork_used : 0;
  std::ptrdiff_t result = count == 1 ? streams.net().write(all[0], fd_)
                                     : streams.net().writev(std::span{all}.first(count), fd_);
  if (result < 0) {
    if (!detail::is_not_now(errno)) {
      output_refused(errno);
      return false;
    }
    result = 0;
  }
  const auto taken = static_cast<std::size_t>(result);
  tally(sent_, taken);
  if (taken > 0) heard_at_ = streams.tick();
  if (taken < corked + size) flags_ |= blocked;
  if (taken >= corked) {
    sent = taken - corked;
  } else if (!queue_rest(streams.cork_data().subspan(taken))) {
    return false;
  }
  if (streams.corked == this) {
    streams.cork_used = 0;
    if (is(blocked)) streams.uncork(*this);
  }
  return true;
}

bool Stream::write_owned(OwnedBytes data) {
  if (is(output_over)) return false;
  if (data.data().size() < direct_size_min) return write(data.data());
  const bool is_first = !output_waits();
  uncork();
  extra().output.push_owned(std::move(data));
  if (is_first && !is(is_connecting | is_file | blocked)) drain();
  return !is(output_over) && output_grew();
}

bool Stream::send_file(File file, std::uint64_t offset, std::uint64_t size) {
  if (is(output_over)) return false;
  uncork();
  extra().output.push_file(std::move(file), offset, size);
  return output_grew();
}

bool Stream::write(Bytes data, std::vector<Socket> descriptors) {
  if (descriptors.empty()) return write(data);
  if (is(output_over)) return false;
  if (data.empty() || descriptors.size() > descriptors_per_send_max) {
    end_for(EINVAL);
    return false;
  }
  uncork();
  extra().output.push_with_descriptors(data, std::move(descriptors));
  if (extra_->output.descriptors_waiting() > options().write_descriptors_max) {
    end(CloseReason::overflow);
    return false;
  }
  return output_grew();
}

void Stream::flush() {
  if (group_->streams.corked == this) return send_cork();
  if (output_waits() && !is(blocked | is_connecting | ended)) drain();
}

/// Moves what is corked to the queue, so that what is queued next comes after it. It leaves also
/// where that cannot be queued.
void Stream::uncork() {
  Streams& streams = group_->streams;
  if (streams.corked != this) return;
  if (streams.cork_used > 0) {
    extra().output.push_copy(streams.cork_data());
    flags_ |= has_output;
    streams.settle_later(*this);
  }
  streams.uncork(*this);
}

void Stream::send_cork() {
  Streams& streams = group_->streams;
  if (streams.cork_used == 0) return;
  const std::ptrdiff_t sent = streams.net().write(streams.cork_data(), fd_);
  cork_left(sent);
}

/// What is left of the cork after a write said `sent` goes to the queue.
void Stream::cork_left(std::ptrdiff_t sent) noexcept {
  Streams& streams = group_->streams;
  if (sent < 0) {
    if (!detail::is_not_now(errno)) return output_refused(errno);
    sent = 0;
  }
  const auto taken = static_cast<std::size_t>(sent);
  const Bytes rest = streams.cork_data().subspan(taken);
  tally(sent_, taken);
  streams.cork_used = 0;
  if (rest.empty()) return;
  streams.uncork(*this);
  (void)queue_rest(rest);  // an ended stream is reported later
}

/// The same at the end of the corked call; what take_input() is to return.
bool Stream::cork_refused(std::ptrdiff_t sent) noexcept {
  cork_left(sent);
  group_->streams.uncork(*this);
  (void)group_->streams.end_corked_call();  // it is there: we are in it
  return false;
}

/// Something was queued. What write() is to return.
bool Stream::output_grew() noexcept {
  Streams& streams = group_->streams;
  const StreamOptions& limits = options();
  const std::size_t waiting = extra_->output.memory();
  if (!extra_->output.empty()) flags_ |= has_output;
  if (waiting > limits.write_buffer_max) {
    end(CloseReason::overflow);
    return false;
  }
  const bool was_above = is(above_mark);
  if (waiting > limits.write_high_water) flags_ |= above_mark;
  if (limits.write_timeout > Duration::zero() && extra_->progress_at == never) {
    extra_->progress_at = streams.now();
    if (fd_ >= 0) deadlines_changed();
  }
  if (is(blocked) || is(above_mark) != was_above) update_interest();
  if (!is(blocked | is_connecting)) streams.settle_later(*this);
  return !is(above_mark);
}

/// Sends from the queue what the system takes. Calls no handler.
void Stream::drain() {
  Streams& streams = group_->streams;
  detail::OutputQueue& output = extra_->output;
  for (std::size_t writes = 0; !output.empty() && !is(blocked); ++writes) {
    if (writes == writes_per_settling_max) {
      streams.settle_later(*this);  // the neighbours have their turn
      return;
    }
    std::uint64_t offered = 0;
    std::ptrdiff_t result = send_front(offered);
    if (result < 0) {
      if (!detail::is_not_now(errno)) return output_refused(errno);
      result = 0;
    } else if (result == 0) {
      return end(CloseReason::error, ENODATA);  // a file that is shorter than was said
    }
    const auto taken = static_cast<std::uint64_t>(result);
    output.drop(taken);
    if (output.empty()) flags_ &= ~std::uint32_t{has_output};
    tally(sent_, taken);
    if (taken < offered) flags_ |= blocked;
    if (taken > 0) {
      heard_at_ = streams.tick();
      extra_->progress_at = output.empty() || extra_->progress_at == never ? never : streams.now();
    }
  }
  update_interest();
}

/// One write of what comes first. -1 and errno, or the bytes that were taken of those `offered`; 0
/// is the end of a file.
std::ptrdiff_t Stream::send_front(std::uint64_t& offered) noexcept {
  Net& net = group_->streams.net();
  std::array<Bytes, parts_per_write_max> parts;
  const std::size_t count = extra_->output.gather(parts);
  if (count == 0) {
    const auto file = extra_->output.file();
    offered = std::min<std::uint64_t>(file.size, file_bytes_per_write_max);
    return net.send_file(file.fd, file.offset, static_cast<std::size_t>(offered), fd_);
  }
  if (!extra_->output.front_descriptors().empty()) {
    offered = parts[0].size();
    return send_with_descriptors(parts[0]);
  }
  const auto gathered = std::span<const Bytes>{parts}.first(count);
  for (const Bytes part : gathered) offered += part.size();
  return is(is_file) ? net.write_file(gathered, fd_) : net.writev(gathered, fd_);
}

std::ptrdiff_t Stream::send_with_descriptors(Bytes data) noexcept {
  std::array<int, descriptors_per_send_max> numbers;
  std::size_t count = 0;
  for (const Socket& one : extra_->output.front_descriptors()) numbers[count++] = one.fd();
  const auto sent =
      detail::send_descriptors(group_->streams.net(), fd_, data, std::span{numbers}.first(count));
  if (sent) return static_cast<std::ptrdiff_t>(*sent);
  errno = sent.error().value();
  return -1;
}

void Stream::output_refused(int error) noexcept {
  group_->streams.uncork(*this);
  // A stream that does not read would never report it; and only a broken connection is certain
  // to end the input too. Without memory there is no place to keep the error.
  if (is(input_over | paused) || !breaks_connection(error) || try_extra() == nullptr) {
    flags_ |= resets;  // what was refused is lost
    return end_for(error);
  }
  extra_->output.clear();
  flags_ &= ~std::uint32_t{has_output};
  extra_->error = error;
  extra_->progress_at = never;
  flags_ = (flags_ | output_failed) & ~std::uint32_t{blocked};
  update_interest();
}

bool Stream::output_waits() const noexcept { return is(has_output); }

std::size_t Stream::unsent_bytes() const noexcept {
  const Streams& streams = group_->streams;
  const std::size_t corked = streams.corked == this ? streams.cork_used : 0;
  return corked + (extra_ == nullptr ? 0 : static_cast<std::size_t>(extra_->output.size()));
}

StreamExtra& Stream::extra() {
  if (try_extra() == nullptr) throw std::bad_alloc{};
  return *extra_;
}

StreamExtra* Stream::try_extra() noexcept {
  if (extra_ == nullptr) extra_ = new (std::nothrow) StreamExtra;
  return extra_;
}

}  // namespace rondo
