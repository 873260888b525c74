// SPDX-License-Identifier: MIT
// What a stream seldom needs, in a block of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include <rondo/connector.h>
#include <rondo/endpoint.h>
#include <rondo/stream.h>
#include <rondo/stream_layer.h>
#include <rondo/time.h>

#include "file_source.h"
#include "function_handler.h"
#include "output_queue.h"
#include "stream_context.h"

namespace rondo::detail {

/// Whether a layer's handshake may take its next step.
enum class HandshakeTurn : std::uint8_t { none, waits, granted };
struct HandshakeProgress {
  HandshakeTurn turn = HandshakeTurn::none;
  bool has_input = false;  // the poller has reported some
  bool has_begun = false;  // by the peer: it is counted
};

/// What a stream seldom needs.
struct StreamExtra {
  OutputQueue output;
  std::unique_ptr<FileSource> source;      // while a pipe that is being sent has nothing to read
  std::unique_ptr<StreamOptions> options;  // its own, where they differ from the group's
  std::unique_ptr<Connector> connector;    // while it connects
  OwnedHandler handler;                    // if it was made with functions
  std::unique_ptr<StreamLayer> layer;
  std::unique_ptr<const Endpoint> peer;  // a server's client, until its session is made
  std::string what;                      // Close::what of a client that could not connect
  std::error_code close_error;
  TimePoint close_deadline = never;
  TimePoint opened_at = never;
  TimePoint handshake_from = never;  // until the handshakes are done, if one is timed
  TimePoint read_at = never;         // when input was received, if reads are timed
  TimePoint progress_at = never;     // since when the output waits without progress
  std::uint64_t dropped = 0;         // bytes of input, while closing
  OutputSize counted;                // what of the output the group's sum contains
  int error = 0;                     // why the output failed
  bool is_inherited = false;         // a forked child: the descriptor is also the parent's
  bool awaits_flush = false;         // on_writable is called when nothing is queued
  bool layer_is_finished = false;    // it has shown the peer the end of the output
  bool layer_rests = false;          // since it was idle
  bool layer_reads_later = false;    // when there is room for output
  HandshakeProgress handshake;

  /// Whether it holds nothing that is needed.
  [[nodiscard]] bool is_spare() const noexcept {
    return output.empty() && options == nullptr && connector == nullptr && handler == nullptr &&
           layer == nullptr && what.empty() && !close_error && close_deadline == never &&
           opened_at == never && handshake_from == never && read_at == never &&
           progress_at == never && dropped == 0 && error == 0 && !is_inherited && !awaits_flush;
  }
};

}  // namespace rondo::detail
