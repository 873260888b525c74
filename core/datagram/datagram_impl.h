// SPDX-License-Identifier: MIT
// DatagramSocket::Impl: one socket, its two directions, and the calls of the handler.
#pragma once

#include <cstddef>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/reactor.h>

#include "callbacks.h"
#include "datagram_buffers.h"
#include "datagram_reader.h"
#include "datagram_writer.h"
#include "loop/loop.h"

namespace rondo {

class DatagramSocket::Impl final : public Handler, public detail::Retirable<DatagramSocket::Impl> {
 public:
  Impl(Reactor& reactor, detail::Loop& loop, Socket socket, AddressFamily family,
       DatagramHandler& handler, const DatagramOptions& options,
       std::vector<UnappliedOption> unapplied);

  std::error_code start(Reactor& reactor) noexcept;
  /// Closes the socket; the handler is not called any more.
  void close() noexcept;

  /// Checks that `call` comes from the reactor's thread, in builds with assertions.
  void check(const char* call) const noexcept { loop_.check_thread(call); }

  bool send(Bytes data, const Endpoint* to, const MessageInfo* source);
  /// Before the socket's peer changes: what is sent to the peer goes to the present one.
  void send_now() noexcept;
  void pause() noexcept;
  void resume() noexcept;
  void ref() noexcept { watch_.ref(); }
  void unref() noexcept { watch_.unref(); }

  void set_owner(DatagramSocket& owner) noexcept { owner_ = &owner; }
  Socket& socket() noexcept { return socket_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept { return writer_.unsent_bytes(); }
  [[nodiscard]] const std::vector<UnappliedOption>& unapplied() const noexcept {
    return unapplied_;
  }

 private:
  using Trigger = detail::DatagramWriter::Trigger;

  void on_ready(Ready ready) override;
  template <typename F>
  void call_handler(F call);
  void report(std::error_code error, const Endpoint* to);
  void receive();
  void end();
  bool add_after_offer(Bytes data, const Endpoint* to, const MessageInfo* source);
  void schedule_flush() noexcept;
  void flush(Trigger trigger);
  void unblock();
  void update() noexcept;

  detail::Loop& loop_;
  detail::DatagramBuffers& buffers_;
  DatagramHandler& handler_;
  DatagramSocket* owner_ = nullptr;
  const std::size_t per_turn_max_;
  std::size_t handler_calls_ = 0;  // while one runs, what it sends waits for its end
  Counters counters_;
  std::vector<UnappliedOption> unapplied_;
  Socket socket_;
  detail::DatagramReader reader_;
  detail::DatagramWriter writer_;
  Watch watch_;
};

}  // namespace rondo
