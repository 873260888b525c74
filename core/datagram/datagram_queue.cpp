// SPDX-License-Identifier: MIT
// Terms: a record is what add() made: one datagram, or a run of datagrams of one size to one
// address, whose bytes follow one another. A piece is what one message of the kernel's batch
// carries: a record, or, where the kernel takes no segments, one segment of a record.
//
// The bytes of all records stand in one vector, in their order. So a record stores only its end,
// and joining a segment to the last record is an append. Sent bytes stay at the front until all
// bytes have been sent, usually by the same flush, or until they are the larger half.
#include "datagram_queue.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rondo::detail {
namespace {

constexpr std::size_t segments_max = 64;         // UDP_MAX_SEGMENTS before Linux 6.8
constexpr std::size_t segmented_max = 65'000;    // fits one datagram of IPv4 or IPv6
constexpr std::size_t record_cost = 160;         // documented with write_buffer_max
constexpr std::size_t sent_records_kept = 1024;  // before it is checked whether they are half

bool same(const Endpoint& a, const Endpoint& b) noexcept {
  return a.system_size() == b.system_size() &&
         std::memcmp(a.system(), b.system(), a.system_size()) == 0;
}

bool same(const MessageInfo& a, const MessageInfo& b) noexcept {
  return a.interface == b.interface && same(a.local, b.local);
}

/// Whether segmentation may be the cause: the device computes no checksums (EIO), a segment is
/// larger than what the path carries (EINVAL, EMSGSIZE), or segments are not supported at all.
bool may_be_due_to_segments(std::error_code error) noexcept {
  return error == std::errc::io_error || error == std::errc::invalid_argument ||
         error == std::errc::message_size || error == std::errc::operation_not_supported;
}

}  // namespace

bool DatagramQueue::add(Bytes data, const Endpoint* to, const MessageInfo* source,
                        std::size_t bytes_max, Offload offload) {
  const std::size_t waiting = unsent_bytes() + (records_.size() - next_) * record_cost;
  if (data.size() > bytes_max || waiting > bytes_max - data.size()) return false;
  // All that may throw comes before the first change.
  if (records_.size() == records_.capacity()) records_.reserve(2 * records_.size() + batch_max);
  if (sources_.size() == sources_.capacity() && source != nullptr) {
    sources_.reserve(2 * sources_.size() + batch_max);
  }
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  if (offload == Offload::yes && extend(data, to, source)) return true;
  auto source_at = no_source;
  if (source != nullptr) {
    source_at = static_cast<std::uint32_t>(sources_.size());
    sources_.push_back(*source);
  }
  records_.push_back({.to = to != nullptr ? *to : Endpoint{},
                      .end = bytes_.size(),
                      .segment_size = 0,
                      .source = source_at,
                      .addressed = to != nullptr});
  return true;
}

bool DatagramQueue::extend(Bytes data, const Endpoint* to, const MessageInfo* source) noexcept {
  if (data.empty() || empty()) return false;
  const std::size_t at = records_.size() - 1;
  if (at == next_ && sent_to_ != begin_of(at)) return false;  // a part of it has been sent
  Record& last = records_[at];
  const std::size_t size = last.end - begin_of(at);
  const std::size_t segment_size = last.segment_size != 0 ? last.segment_size : size;
  if (segment_size == 0 || size % segment_size != 0 || data.size() > segment_size) return false;
  if (size / segment_size >= segments_max || size + data.size() > segmented_max) return false;
  if ((last.source != no_source) != (source != nullptr)) return false;
  if (source != nullptr && !same(sources_[last.source], *source)) return false;
  if (last.addressed != (to != nullptr) || (to != nullptr && !same(last.to, *to))) return false;
  last.segment_size = segment_size;
  last.end += data.size();
  return true;
}

std::optional<DatagramQueue::Failure> DatagramQueue::flush(
    Route& route, DatagramSocket::Counters& counters) noexcept {
  while (!empty()) {
    const int sent = route.net.send(route.fd, next_pieces(route.offload));
    if (sent > 0) {
      count_sent(static_cast<std::size_t>(sent), counters);
      continue;
    }
    const std::error_code error = system_error(sent < 0 ? -sent : EAGAIN);
    if (error == std::errc::operation_would_block) {
      forget_sent();
      return Failure{error};
    }
    if (datagrams_in_piece(0) > 1 && may_be_due_to_segments(error)) {
      route.offload = Offload::no;
      continue;
    }
    // ICMP reports for an earlier datagram that its destination does not exist. The next call on
    // the socket returns that error, once, whatever the call is: this datagram has not been sent.
    if (route.is_ip && error == std::errc::connection_refused) return Failure{error};
    Failure failure{error};
    if (records_[next_].addressed) failure.dropped_to = records_[next_].to;
    counters.dropped += datagrams_in_piece(0);
    advance(parts_[0].size());
    return failure;
  }
  forget_sent();
  return {};
}

std::span<Message> DatagramQueue::next_pieces(Offload offload) noexcept {
  std::size_t count = 0;
  std::size_t at = sent_to_;
  for (std::size_t record = next_; record < records_.size() && count < batch_max; ++count) {
    Record& from = records_[record];
    const std::size_t rest = from.end - at;
    const bool is_cut = from.segment_size != 0 && offload == Offload::no;
    const std::size_t size = is_cut ? std::min(rest, from.segment_size) : rest;
    set_piece(count, from, {bytes_.data() + at, size});
    at += size;
    if (at == from.end) ++record;
  }
  return std::span{messages_}.first(count);
}

void DatagramQueue::set_piece(std::size_t piece, Record& from, MutableBytes bytes) noexcept {
  parts_[piece] = bytes;
  Message& message = messages_[piece] = {.parts = {&parts_[piece], 1}};
  if (from.addressed) message.address = &from.to;
  const bool is_segmented = from.segment_size != 0 && bytes.size() > from.segment_size;
  if (!is_segmented && from.source == no_source) return;
  MessageInfo& info = infos_[piece];
  info = from.source != no_source ? sources_[from.source] : MessageInfo{};
  info.segment_size = is_segmented ? from.segment_size : 0;
  message.info = &info;
}

std::size_t DatagramQueue::datagrams_in_piece(std::size_t piece) const noexcept {
  const MessageInfo* info = messages_[piece].info;
  return datagrams_in(parts_[piece].size(), info != nullptr ? info->segment_size : 0);
}

void DatagramQueue::count_sent(std::size_t pieces, DatagramSocket::Counters& counters) noexcept {
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    counters.sent += datagrams_in_piece(piece);
    counters.sent_bytes += parts_[piece].size();
    advance(parts_[piece].size());
  }
}

std::uint64_t DatagramQueue::clear() noexcept {
  std::uint64_t dropped = 0;
  for (std::size_t at = sent_to_; next_ < records_.size(); at = records_[next_++].end) {
    dropped += datagrams_in(records_[next_].end - at, records_[next_].segment_size);
  }
  forget_sent();
  return dropped;
}

void DatagramQueue::advance(std::size_t size) noexcept {
  sent_to_ += size;
  if (sent_to_ == records_[next_].end) ++next_;
}

void DatagramQueue::forget_sent() noexcept {
  if (empty()) {
    bytes_.clear();
    records_.clear();
    sources_.clear();
    next_ = 0;
    sent_to_ = 0;
    return;
  }
  if (next_ < sent_records_kept || next_ < records_.size() / 2) return;
  const std::size_t gone = begin_of(next_);
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(gone));
  records_.erase(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(next_));
  for (Record& record : records_) record.end -= gone;
  next_ = 0;
  sent_to_ -= gone;
}

}  // namespace rondo::detail
