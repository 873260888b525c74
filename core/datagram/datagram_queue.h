// SPDX-License-Identifier: MIT
// Datagrams that wait to be sent, and how they leave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::detail {

class DatagramQueue {
 public:
  enum class Offload : bool { no, yes };

  /// The socket by which datagrams leave.
  struct Route {
    Net& net;
    int fd;
    bool is_ip;
    Offload offload;  ///< becomes `no` where the kernel refuses segments; then each goes alone
  };

  /// Why flush() has stopped: operation_would_block, or the error of one datagram.
  struct Failure {
    std::error_code error;
    std::optional<Endpoint> dropped_to{};  ///< the destination of a dropped datagram
  };

  /// Returns false if more than `bytes_max` would wait. `to` and `source` may be null. With
  /// `offload`, a datagram that is like the one before becomes a segment of it.
  bool add(Bytes data, const Endpoint* to, const MessageInfo* source, std::size_t bytes_max,
           Offload offload);

  /// Sends from the front until nothing is left or something fails.
  [[nodiscard]] std::optional<Failure> flush(Route& route,
                                             DatagramSocket::Counters& counters) noexcept;

  /// Returns how many datagrams are dropped.
  std::uint64_t clear() noexcept;

  [[nodiscard]] bool empty() const noexcept { return next_ == records_.size(); }
  /// Bytes that wait, without the cost of keeping them.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept { return bytes_.size() - sent_to_; }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return bytes_.capacity() + records_.capacity() * sizeof(Record) +
           sources_.capacity() * sizeof(MessageInfo);
  }

 private:
  static constexpr std::size_t batch_max = 32;

  /// One datagram, or several of `segment_size` bytes, the last of which may be shorter.
  struct Record {
    Endpoint to;
    std::size_t end;           // in bytes_; it begins where the one before ends
    std::size_t segment_size;  // 0: one datagram
    std::uint32_t source;      // in sources_
    bool addressed;
  };
  static constexpr std::uint32_t no_source = UINT32_MAX;

  [[nodiscard]] bool extend(Bytes data, const Endpoint* to, const MessageInfo* source) noexcept;
  [[nodiscard]] std::span<Message> next_pieces(Offload offload) noexcept;
  void set_piece(std::size_t piece, Record& from, MutableBytes bytes) noexcept;
  void count_sent(std::size_t pieces, DatagramSocket::Counters& counters) noexcept;
  [[nodiscard]] std::size_t datagrams_in_piece(std::size_t piece) const noexcept;
  [[nodiscard]] std::size_t begin_of(std::size_t record) const noexcept {
    return record == 0 ? 0 : records_[record - 1].end;
  }
  [[nodiscard]] static std::size_t datagrams_in(std::size_t size,
                                                std::size_t segment_size) noexcept {
    return segment_size == 0 ? 1 : (size + segment_size - 1) / segment_size;
  }
  void advance(std::size_t size) noexcept;
  void forget_sent() noexcept;

  std::vector<std::byte> bytes_;
  std::vector<Record> records_;
  std::vector<MessageInfo> sources_;
  std::array<Message, batch_max> messages_;  // the pieces of one call
  std::array<MutableBytes, batch_max> parts_;
  std::array<MessageInfo, batch_max> infos_;
  std::size_t next_ = 0;     // the record to be sent next
  std::size_t sent_to_ = 0;  // the end in bytes_ of what has been sent
};

}  // namespace rondo::detail
