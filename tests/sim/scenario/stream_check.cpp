// SPDX-License-Identifier: MIT
#include "stream_check.h"

#include <exception>
#include <system_error>
#include <utility>

#include "scene.h"

namespace rondo::sim::scenario {

StreamCheck::StreamCheck(Scene& scene, Host& host, std::string who)
    : scene_(scene), host_(host), who_(std::move(who)) {}

void StreamCheck::expect(bool holds, std::string_view what) { scene_.expect(holds, who_, what); }

void StreamCheck::begins(const StreamOptions& options, SceneLayers* layers) {
  options_ = options;
  layers_ = layers;
  begun_at_ = heard_at_ = host_.now();
}

void StreamCheck::begins_late(const StreamOptions& options, SceneLayers* layers) {
  begins(options, layers);
  has_begun_before_ = layers != nullptr;
}

void StreamCheck::uses_layer() {
  if (layers_ == nullptr || uses_layer_) return;
  uses_layer_ = true;
  expect(layers_->begins_to_use_one(), "used before it was secured");
}

StreamCheck::Call::Call(StreamCheck& check, std::string_view name) : check_(check) {
  if (check.is_inside_) check.expect(false, std::string{name} + " from inside another call");
  if (check.reason_) check.expect(false, std::string{name} + " after on_close");
  if (check.is_destroyed_) check.expect(false, std::string{name} + " after it was destroyed");
  check.is_inside_ = true;
}

void StreamCheck::opened() {
  expect(!is_open_, "on_open twice");
  uses_layer();
  is_open_ = true;
  heard_at_ = host_.now();
}

void StreamCheck::received(std::size_t size) {
  was_read(size);
  heard_at_ = host_.now();
}

void StreamCheck::was_read(std::size_t size) {
  expect(is_open_, "data before on_open");
  expect(size != 0, "input without data");
  expect(!peer_has_finished_, "data after on_end");
}

void StreamCheck::peer_finished() {
  expect(is_open_, "on_end before on_open");
  expect(!peer_has_finished_, "on_end twice");
  peer_has_finished_ = true;
}

void StreamCheck::closed(const Close& close) {
  check_reason(close);
  reason_ = close.reason;
}

void StreamCheck::check_reason(const Close& close) {
  switch (close.reason) {
    case CloseReason::eof:
      return expect(peer_has_finished_ || may_be_closed_, "eof, but the peer has not finished");
    case CloseReason::closed:
      return expect(may_be_closed_, "closed without a call of close()");
    case CloseReason::timed_out:
      return check_deadline(close);
    case CloseReason::overflow:
      return expect(written_ > options_.write_buffer_max,
                    "overflow, but it wrote no more than it may");
    case CloseReason::aborted:
      return expect(may_be_stopped_, "aborted without a call of abort()");
    case CloseReason::not_connected:
      expect(!is_open_, "not connected, but it was open");
      return expect(static_cast<bool>(close.error), "not connected, but without an error");
    case CloseReason::reset:
    case CloseReason::error:
      return expect(static_cast<bool>(close.error), "ended without an error");
    case CloseReason::truncated:
      expect(layers_ != nullptr, "truncated, but it has no layer");
      return expect(!scene_.is_last_part(), "truncated, although its peer did not leave");
  }
}

/// A deadline is never early by the clock of its host.
void StreamCheck::check_deadline(const Close& close) {
  const TimePoint now = host_.now();
  if (close.what == "idle timeout") {
    expect(options_.idle_timeout != forever, "an idle timeout that is not set");
    expect(now - heard_at_ >= options_.idle_timeout, "an idle timeout too early");
  } else if (close.what == "lifetime") {
    expect(options_.lifetime != forever, "a lifetime that is not set");
    expect(has_begun_before_ || now - begun_at_ >= options_.lifetime, "a lifetime too short");
  } else if (close.what == "handshake timeout") {
    expect(layers_ != nullptr && !is_open_, "a handshake timeout without a handshake");
    const bool is_known = layers_ != nullptr && !has_begun_before_;
    expect(!is_known || now - begun_at_ >= layers_->handshake_timeout_min(),
           "a handshake timeout too early");
  } else if (close.what == "read timeout") {
    expect(options_.read_timeout != forever, "a read timeout that is not set");
    expect(now - heard_at_ >= options_.read_timeout, "a read timeout too early");
  } else if (close.what == "write timeout") {
    expect(options_.write_timeout != forever, "a write timeout that is not set");
    expect(written_ != 0, "a write timeout, but nothing was written");
  } else if (close.what == "close timeout") {
    expect(may_be_closed_, "a close timeout without a call of close()");
  } else {
    expect(close.error == std::errc::timed_out, "timed out, but with another error");
  }
}

}  // namespace rondo::sim::scenario
