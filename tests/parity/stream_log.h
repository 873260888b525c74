// SPDX-License-Identifier: MIT
// Handlers that log their calls and behave in one of a few ways.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/server.h>
#include <rondo/stream.h>

#include "parity/endpoint_names.h"
#include "parity/player.h"

namespace rondo::test {

/// What a handler does in addition to the log.
enum class Manner : std::uint8_t {
  plain,          ///< closes at the peer's end of output
  stays_open,     ///< does nothing at the peer's end of output
  finishes,       ///< with what comes
  closes,         ///< with what comes
  aborts,         ///< with what comes
  pauses,         ///< with what comes
  greets,         ///< writes as soon as it is open, and shuts its output down
  echo,           ///< sends everything back
  echo_in_parts,  ///< the same by two writes in one call
  count
};
/// From here on the behaviours answer: two handlers that do so would never end.
constexpr Manner first_answering = Manner::echo;

/// Calls in their order. Data between two other calls is added up, since its pieces may differ.
class StreamLog final : public StreamHandler {
 public:
  void on_open(Stream& stream) override;
  void on_data(Stream& stream, Bytes data) override;
  void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received) override;
  void on_end(Stream& stream) override;
  void on_resume(Stream&) override { add("resume"); }
  /// The number of these calls depends on the pieces in which the data arrived.
  void on_writable(Stream&) override {
    if (manner < first_answering) add("writable");
  }
  void on_close(Stream& stream, const Close& close) override;

  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  Manner manner = Manner::plain;

 private:
  void add(std::string text);
  void behave(Stream& stream, Bytes data);

  std::string told_;
  Sum sum_;
  bool has_data_ = false;
  bool is_over_ = false;
};

/// One client of a server. The log outlives it.
class LoggedSession final : public Session {
 public:
  explicit LoggedSession(StreamLog& log) : log_(log) {}
  void on_open(Stream& stream) override { log_.on_open(stream); }
  void on_data(Stream& stream, Bytes data) override { log_.on_data(stream, data); }
  void on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received) override {
    log_.on_descriptors(stream, data, std::move(received));
  }
  void on_end(Stream& stream) override { log_.on_end(stream); }
  void on_writable(Stream& stream) override { log_.on_writable(stream); }
  void on_close(Stream& stream, const Close& close) override { log_.on_close(stream, close); }

 private:
  StreamLog& log_;
};

class DatagramLog final : public DatagramHandler {
 public:
  void on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) override;
  void on_error(DatagramSocket& socket, std::error_code error, const Endpoint* to) override;
  void on_end(DatagramSocket&) override { reported += " end"; }

  EndpointNames* names = nullptr;
  bool replies = false;
  std::string reported;
};

}  // namespace rondo::test
