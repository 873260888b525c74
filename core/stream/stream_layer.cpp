// SPDX-License-Identifier: MIT
// A layer between a stream and its descriptor, such as TLS. receive() and transmit() pass through
// it, so that the rest of the stream does not notice: what is queued, counted and limited are plain
// bytes. A message costs a plain stream nothing, because a stream with a layer does not take the
// fast path.
//
//   securing   from the beginning until the handshake is done: nothing is read or sent but by the
//              handshake, which takes its steps at the end of a turn, after the messages of
//              others, and a few in each turn (see handshake_queue.h)
//
// A layer may have input that no poller reports, since it reads ahead: run_end_of_turn() looks.
#include <rondo/stream_layer.h>

#include <cerrno>
#include <string>
#include <utility>

#include "stream_impl.h"

namespace rondo {

StreamLayer::~StreamLayer() = default;

}  // namespace rondo

namespace rondo::detail {

/// The descriptor, as the layer sees it.
class StreamImpl::Wire final : public LayerWire {
 public:
  explicit Wire(StreamImpl& stream) noexcept : stream_(stream) {}

  [[nodiscard]] std::ptrdiff_t read(MutableBytes into) noexcept override {
    was_read_ = true;
    return stream_.receive(into);
  }
  void shutdown() noexcept override { stream_.transmit_end(); }
  [[nodiscard]] bool was_read() const noexcept { return was_read_; }
  [[nodiscard]] std::ptrdiff_t write(Bytes data) noexcept override {
    const std::ptrdiff_t taken = stream_.net().write(data, stream_.fd_);
    const bool is_full = taken < 0 ? is_transient(errno) : taken < std::ssize(data);
    if (is_full) stream_.state_.set(StreamState::blocked);
    return taken;
  }

 private:
  StreamImpl& stream_;
  bool was_read_ = false;
};

/// Before it is open, or when it is upgraded.
void StreamImpl::set_layer(std::unique_ptr<StreamLayer> layer) {
  StreamExtra& own = extra();
  context().handshakes().add();
  own.layer = std::move(layer);
  state_.set(StreamState::layered);
  state_.set(StreamState::securing);
}

StreamLayers* layers_of_all_streams = nullptr;

void StreamImpl::add_layer_of_tests() {
  const bool takes_one = state_.is_socket() && owner() == nullptr && !options().receive_descriptors;
  if (!takes_one || state_.has(StreamState::layered | StreamState::lent)) return;
  if (auto layer = layers_of_all_streams->make({})) set_layer(std::move(*layer));
}

StreamLayer& StreamImpl::own_layer() const noexcept { return *extra_->layer; }

/// False: it goes on later, or the stream is gone.
bool StreamImpl::run_handshake() {
  if (!secure()) return false;
  const bool is_done = !state_.is_over() && !state_.closing();
  return !is_done || state_.life() != Life::opening || owner() == nullptr ||
         owner()->secured(*this);
}

/// Takes the next steps of the handshake. False: it goes on later.
bool StreamImpl::secure() noexcept {
  if (state_.closing() && !output_waits()) {  // there is nothing to protect
    leave_handshake();
    extra_->layer_is_finished = true;
    return true;
  }
  if (is_inherited()) {  // its next step is the parent's
    end_for(EPIPE);
    return true;
  }
  if (!takes_handshake_step()) {
    update_interest();
    return false;
  }
  Wire wire{*this};
  switch (own_layer().shake_hands(wire)) {
    case StreamLayer::Handshake::waits:
      extra_->handshake.has_input = false;
      update_interest();
      return false;
    case StreamLayer::Handshake::failed:
      end_for_layer(errno);
      return true;
    case StreamLayer::Handshake::done:
      break;
  }
  leave_handshake();
  if (options().handshake_timeout == forever || state_.handshake_is_done())
    extra_->handshake_from = never;
  active_at_ = context().tick();
  if (state_.has(StreamState::reads_timed)) extra_->read_at = context().now();
  deadlines_changed();
  if (!state_.is_over()) update_interest();
  return true;
}

/// Not if there is nothing to do yet, or if others come first.
bool StreamImpl::takes_handshake_step() noexcept {
  HandshakeProgress& progress = extra_->handshake;
  const bool is_peers = !own_layer().speaks_first();
  if (progress.turn == HandshakeTurn::waits) return false;
  if (is_peers && !progress.has_input) return false;
  HandshakeQueue& queue = context().handshakes();
  const bool begins = is_peers && !progress.has_begun;
  if (progress.turn == HandshakeTurn::none && !queue.take_step(begins)) {
    progress.turn = HandshakeTurn::waits;
    queue.wait(*this, begins);
    return false;
  }
  progress.turn = HandshakeTurn::none;
  if (!begins) return true;
  progress.has_begun = true;
  queue.begun();
  return true;
}

/// It is done, or nothing more is done for it.
void StreamImpl::leave_handshake() noexcept {
  if (!state_.has(StreamState::securing)) return;
  HandshakeProgress& progress = extra_->handshake;
  HandshakeQueue& queue = context().handshakes();
  if (progress.turn == HandshakeTurn::waits)
    queue.leave(*this, !own_layer().speaks_first() && !progress.has_begun);
  if (progress.has_begun) queue.ended();
  progress = {};
  queue.remove();
  state_.clear(StreamState::securing);
}

/// It holds more memory from now on, until it is idle for a while.
void StreamImpl::layer_is_used() noexcept {
  if (!extra_->layer_rests) return;
  extra_->layer_rests = false;
  context().not_later_than(*this, after(context().now(), layer_rests_after));
}

/// Two processes with the same state of a layer would break it, and what it protects.
std::ptrdiff_t StreamImpl::refuse_child() noexcept {
  errno = EPIPE;
  return -1;
}

std::ptrdiff_t StreamImpl::receive_layered(MutableBytes into) noexcept {
  if (is_inherited()) return refuse_child();
  layer_is_used();
  Wire wire{*this};
  const std::ptrdiff_t result = own_layer().read(wire, into);
  // A layer that has to write first does not take what has arrived, which would be reported in
  // each turn.
  extra_->layer_reads_later = result < 0 && !wire.was_read() && state_.has(StreamState::blocked);
  return result;
}

std::ptrdiff_t StreamImpl::transmit_layered(std::span<const Bytes> parts) noexcept {
  if (is_inherited()) return refuse_child();
  layer_is_used();
  Wire wire{*this};
  std::ptrdiff_t taken = 0;
  for (Bytes part : parts) {
    while (!part.empty()) {
      const std::ptrdiff_t result = own_layer().write(wire, part);
      if (result == 0) errno = EIO;  // against its contract; to go on would take for ever
      if (result <= 0) return taken > 0 ? taken : -1;
      taken += result;
      part = part.subspan(static_cast<std::size_t>(result));
    }
  }
  return taken;
}

/// Once all output has left. False: the wire takes no more, so it goes on later.
bool StreamImpl::finish_layer() noexcept {
  if (extra_->layer_is_finished || is_inherited()) return true;
  Wire wire{*this};
  extra_->layer_is_finished = own_layer().finish(wire);
  if (extra_->layer_is_finished) return true;
  update_interest();
  if (state_.closing() && extra_->close_deadline == never) {
    extra_->close_deadline = after(context().now(), options().close_timeout);
    deadlines_changed();
  }
  return false;
}

bool StreamImpl::layer_has_input() const noexcept {
  return state_.reads() && !is_held() && own_layer().has_input();
}

/// What the layer has read ahead. False: the stream is gone.
bool StreamImpl::take_layer_input() {
  if (!layer_has_input()) return true;
  const StreamObserver observer{context(), *this};
  if (take_input_uncorked() && !observer.stream_is_gone()) take_more_input();
  return !observer.stream_is_gone();
}

/// The layer has failed, or the wire has, with `error`.
void StreamImpl::end_for_layer(int error) noexcept {
  const StreamLayer::Failure* const failure = own_layer().failure();
  if (failure == nullptr) {
    const bool is_early = state_.has(StreamState::securing);
    return end_for(error, is_early ? Limit::layer_handshake : Limit::none);
  }
  const bool is_cut = failure->reason == CloseReason::truncated;
  if (!is_cut) {
    // The peer is to read why. If input is unread, the system resets the connection.
    transmit_end();
    std::byte unread[4'096];
    for (int tries = 0; tries < 16 && receive(unread) > 0; ++tries) {
    }
  }
  end(failure->reason, is_cut ? 0 : EPROTO);
  state_.assign(StreamState::resets, is_cut);  // also where output is left
}

Result<void> StreamImpl::upgrade(StreamLayers& layers, std::string_view host, Bytes unread) {
  check("Stream::upgrade");
  const auto refuse = [](std::errc why, const char* reason) {
    return Error{std::make_error_code(why), std::string{"upgrade a stream: "} + reason};
  };
  if (!state_.output_is_open() || !state_.input_is_open())
    return refuse(std::errc::not_connected, "its input or output has ended");
  const auto not_supported = std::errc::operation_not_supported;
  if (state_.connecting()) return refuse(not_supported, "it is not connected yet");
  if (state_.has(StreamState::layered)) return refuse(not_supported, "it has a layer already");
  if (!state_.is_socket()) return refuse(not_supported, "it is not a socket");
  if (!unread.empty()) {
    end_for(EPROTO);
    return refuse(std::errc::protocol_error, "unprotected input follows the command");
  }
  flush();
  if (unsent_bytes() > 0)
    return refuse(std::errc::device_or_resource_busy, "output from before has not left yet");
  auto layer = layers.make(host);
  if (!layer) return std::move(layer).error();
  set_layer(std::move(*layer));
  extra_->handshake_from = context().now();
  context().withdraw_cork(*this);  // it was flushed
  deadlines_changed();
  context().run_at_end_of_turn(*this);
  return {};
}

}  // namespace rondo::detail
