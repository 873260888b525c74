// Datagrams that wait to be sent, and how they leave.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/endpoint.h>
#include <rondo/net.h>

namespace rondo::detail {

class DatagramOutput {
 public:
  enum class Offload : bool { no, yes };

  /// The socket they leave by.
  struct Way {
    Net& net;
    int fd;
    bool is_ip;
    Offload offload;  ///< becomes no where the kernel refuses segments; they go one by one then
  };

  /// What flush() came to: all gone (no error), operation_would_block, or an error of one datagram.
  struct Outcome {
    std::error_code error{};
    Endpoint to{};           // of an error: whose it was
    bool addressed = false;  // ... and whether it had an address of its own
    bool dropped = false;    // ... and whether it is gone
  };

  /// False: more than `bytes_max` would wait. `to` and `source` may be null. With `offload`, what
  /// is like the one before becomes a segment of it.
  bool add(Bytes data, const Endpoint* to, const MessageInfo* source, std::size_t bytes_max,
           Offload offload);

  /// Sends from the front until nothing is left or something is in the way.
  [[nodiscard]] Outcome flush(Way& way, DatagramSocket::Counters& counters) noexcept;

  /// Returns how many datagrams are dropped.
  std::uint64_t clear() noexcept;

  [[nodiscard]] bool empty() const noexcept { return next_ == records_.size(); }
  /// Bytes that wait, without what keeping them costs.
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
  std::size_t next_ = 0;     // the record that goes next
  std::size_t sent_to_ = 0;  // and how far in bytes_ it, and all before, have gone
};

}  // namespace rondo::detail
