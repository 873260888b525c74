// SPDX-License-Identifier: MIT
// DatagramSocket: receive a batch, call the handler, send what it has left, and again, within a
// budget.
//
//     readable --> DatagramReader --> handler --> DatagramWriter --> the socket
//                                        |
//     send() from elsewhere -------------+--> a deferred flush, before the next wait
//
// The reader and the writer know what may be done; only this file calls the handler. Every callback
// may destroy the socket, or throw. A Call keeps this object until the callback has returned, and
// deferred work holds a Call too.
#include "datagram_impl.h"

#include <algorithm>
#include <new>

namespace rondo {
namespace {

constexpr std::size_t failures_per_flush_max = 64;  // then the other handlers have their turn

}  // namespace

DatagramSocket::Impl::Impl(Reactor& reactor, detail::Loop& loop, Socket socket,
                           AddressFamily family, DatagramHandler& handler,
                           const DatagramOptions& options, std::vector<UnappliedOption> unapplied)
    : loop_(loop),
      buffers_(loop.per_reactor<detail::DatagramBuffers>()),
      handler_(handler),
      per_turn_max_(std::max<std::size_t>(options.datagrams_per_turn_max, 1)),
      unapplied_(std::move(unapplied)),
      socket_(std::move(socket)),
      reader_(reactor, socket_, options, [this] { update(); }),
      writer_(reactor, buffers_,
              {socket_.net(), socket_.fd(), family != AddressFamily::unix_domain,
               detail::DatagramQueue::Offload{options.send_offload}},
              options, [this] { unblock(); }) {}

std::error_code DatagramSocket::Impl::start(Reactor& reactor) noexcept {
  auto watch = detail::watch(reactor, socket_.fd(), Ready::read, *this);
  if (!watch) return watch.error();
  watch_ = std::move(*watch);
  return {};
}

void DatagramSocket::Impl::close() noexcept {
  writer_.drop_inherited();
  writer_.send_now(counters_);
  writer_.close();
  reader_.close();
  watch_.cancel();
  socket_.close();
}

bool DatagramSocket::Impl::send(Bytes data, const Endpoint* to, const MessageInfo* source) {
  writer_.drop_inherited();
  const bool is_taken = writer_.add(data, to, source) || add_after_offer(data, to, source);
  if (!is_taken) ++counters_.overflowed;
  if (handler_calls_ == 0 && (is_taken || writer_.has_failures())) schedule_flush();
  return is_taken;
}

/// The limit is for what the system does not take.
bool DatagramSocket::Impl::add_after_offer(Bytes data, const Endpoint* to,
                                           const MessageInfo* source) {
  if (!writer_.can_flush()) return false;
  writer_.offer(counters_);
  update();
  return writer_.add(data, to, source);
}

void DatagramSocket::Impl::send_now() noexcept {
  writer_.drop_inherited();
  writer_.send_now(counters_);
  update();
  if (handler_calls_ == 0 && writer_.has_failures()) schedule_flush();
}

void DatagramSocket::Impl::pause() noexcept {
  reader_.pause();
  update();
}

void DatagramSocket::Impl::resume() noexcept {
  reader_.resume();
  update();
}

void DatagramSocket::Impl::on_ready(Ready ready) {
  const Call call{*this};
  if (can_write(ready) && writer_.is_blocked()) unblock();
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): `call` holds this object
  if (can_read(ready)) receive();
}

/// If the handler returns, the caller flushes what it has sent. If it throws, a later flush does.
template <typename F>
void DatagramSocket::Impl::call_handler(F call) {
  struct Count {
    std::size_t& count;
    ~Count() { --count; }
  };
  try {
    const Count counted{++handler_calls_};
    call();
  } catch (...) {
    if (!is_retired() && writer_.can_flush()) schedule_flush();
    throw;
  }
}

void DatagramSocket::Impl::report(std::error_code error, const Endpoint* to) {
  ++counters_.errors;
  call_handler([&] { handler_.on_error(*owner_, error, to); });
}

void DatagramSocket::Impl::receive() {
  const auto batch = buffers_.borrow_batch(reader_.size_max());
  for (std::size_t budget = per_turn_max_; budget > 0 && !is_retired() && reader_.is_reading();) {
    const auto outcome = reader_.receive(*batch, budget, counters_);
    budget -= std::min(budget, std::max<std::size_t>(batch->datagrams.size(), 1));
    if (outcome.error) {
      update();
      report(outcome.error, nullptr);
    } else if (!batch->datagrams.empty()) {
      call_handler([&] { handler_.on_datagrams(*owner_, batch->datagrams); });
    } else if (!outcome.is_end) {
      return;
    }
    flush(Trigger::sending);
    if (outcome.is_end && !is_retired()) end();
    if (!outcome.may_have_more) return;
  }
}

void DatagramSocket::Impl::end() {
  reader_.end();
  update();
  call_handler([&] { handler_.on_end(*owner_); });
  flush(Trigger::sending);
}

void DatagramSocket::Impl::schedule_flush() noexcept {
  if (!writer_.schedule()) return;
  try {
    loop_.defer([call = Call{*this}] {
      Impl& impl = *call;
      if (!impl.is_retired() && impl.writer_.is_scheduled()) impl.flush(Trigger::sending);
    });
  } catch (const std::bad_alloc&) {
    writer_.stall(counters_);  // its timer takes no memory
  }
}

void DatagramSocket::Impl::flush(Trigger trigger) {
  if (!is_retired()) writer_.drop_inherited();
  for (std::size_t failures = 0; !is_retired() && handler_calls_ == 0 && writer_.can_flush();) {
    const auto failure = writer_.flush(std::exchange(trigger, Trigger::sending), counters_);
    if (!failure) break;
    report(failure->error, failure->dropped_to ? &*failure->dropped_to : nullptr);
    if (++failures >= failures_per_flush_max && !is_retired()) return schedule_flush();
  }
  if (!is_retired()) update();
}

/// The socket is writable again, or a stalled output tries again.
void DatagramSocket::Impl::unblock() {
  const Call call{*this};
  writer_.unblock();
  flush(Trigger::writable);
}

void DatagramSocket::Impl::update() noexcept {
  const Ready read = reader_.is_reading() ? Ready::read : Ready::none;
  watch_.set(writer_.is_blocked() ? read | Ready::write : read);
}

}  // namespace rondo
