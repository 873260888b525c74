// SPDX-License-Identifier: MIT
#include "parity/stream_log.h"

#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace rondo::test {
namespace {

constexpr std::string_view close_names[] = {"eof",      "closed",  "reset",         "timed_out",
                                            "overflow", "stopped", "not_connected", "failed"};

}  // namespace

std::string StreamLog::to_string() const {
  return has_data_ ? told_ + " (" + sum_.to_string() + ')' : told_;
}

void StreamLog::add(std::string text) {
  told_ = to_string() + ' ' + std::move(text);
  has_data_ = false;
  sum_ = {};
}

void StreamLog::on_open(Stream& stream) {
  add("open");
  if (manner != Manner::greets) return;
  stream.write("hello");
  stream.shutdown_output();
}

void StreamLog::on_data(Stream& stream, Bytes data) {
  has_data_ = true;
  sum_.add(data);
  behave(stream, data);
}

/// Closes the received descriptors.
void StreamLog::on_descriptors(Stream& stream, Bytes data, ReceivedDescriptors received) {
  add(received.lost ? "lost descriptors" : "descriptors");
  on_data(stream, data);
}

void StreamLog::behave(Stream& stream, Bytes data) {
  switch (manner) {
    case Manner::echo:
      stream.write(data);
      return;
    case Manner::echo_in_parts:
      stream.write(data.first(1));
      stream.write(data.subspan(1));
      return;
    case Manner::finishes:
      return stream.shutdown_output();
    case Manner::closes:
      return stream.close();
    case Manner::aborts:
      return stream.abort();
    case Manner::pauses:
      return stream.pause();
    default:
      return;
  }
}

void StreamLog::on_end(Stream& stream) {
  add("end");
  if (manner != Manner::stays_open) StreamHandler::on_end(stream);
}

void StreamLog::on_close(Stream&, const Close& close) {
  std::string text = "close:" + std::string{close_names[static_cast<std::size_t>(close.reason)]};
  if (close.error) text += ' ' + close.error.message();
  // The context of an error contains ports; the name of a deadline does not.
  if (close.reason == CloseReason::timed_out) text += ' ' + std::string{close.what};
  add(std::move(text));
  is_over_ = true;
}

void DatagramLog::on_datagrams(DatagramSocket& socket, std::span<const Datagram> received) {
  for (const Datagram& datagram : received) {
    Sum sum;
    sum.add(datagram.data);
    reported += ' ' + sum.to_string() + " from " + names->name(datagram.from);
    if (datagram.truncated) reported += ", truncated";
    if (replies && datagram.data.size() > 1) socket.reply(datagram, datagram.data.first(1));
  }
}

void DatagramLog::on_error(DatagramSocket&, std::error_code error, const Endpoint* to) {
  reported += " error: " + error.message();
  if (to != nullptr) reported += " to " + names->name(*to);
}

}  // namespace rondo::test
