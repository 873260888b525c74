// DatagramSocket: receive a batch, call the handler, send what it has left, again, within a budget.
//
// The public face is in datagram.cpp.
//
// Input.  Readiness is told again as long as something is there, so a batch that is not full ends
// the look: no call is made only to hear that there is nothing. Where the kernel hands over several
// datagrams as one (GRO), they are taken apart here, and the handler does not see it.
//
// Output.  send() only adds to the output, which leaves after the callback that is running, or by
// work that is deferred to before the next wait. What the kernel does not take stays, and the watch
// asks for write. A Unix socket without a peer is always writable, whoever's queue is full; so
// where nothing went though it was writable, the timer tries again.
//
// Errors.  One that concerns a datagram, or what ICMP told of an earlier one, is handed on, and the
// next datagram follows. Reading ends by errors that cannot pass, and rests for a while after want
// of memory or too many errors in a row, so nothing spins.
//
// The callbacks may destroy the socket, or throw. A Call keeps the object from the end of its use;
// deferred work holds one too. retire() gives up everything else at once.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include <rondo/datagram.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "datagram_buffers.h"
#include "loop/loop.h"

namespace rondo {
class DatagramSocket::Impl final : public Handler {
  using DatagramInput = detail::DatagramInput;
  using DatagramOutput = detail::DatagramOutput;

  static constexpr Duration input_rest = std::chrono::milliseconds{10};
  static constexpr Duration output_rest = std::chrono::milliseconds{1};
  static constexpr std::size_t errors_in_a_row_max = 64;
  static constexpr std::size_t offloaded_size_max = 65'535;  // of what GRO hands over

 public:
  Impl(Reactor& reactor, detail::Loop& loop, Socket socket, AddressFamily family,
       DatagramHandler& handler, const DatagramOptions& options,
       std::vector<UnappliedOption> unapplied)
      : loop_(loop),
        buffers_(loop.per_reactor<detail::DatagramBuffers>()),
        handler_(&handler),
        size_max_(std::max<std::size_t>(options.datagram_size_max, 1)),
        per_turn_max_(std::max<std::size_t>(options.datagrams_per_turn_max, 1)),
        output_bytes_max_(options.output_bytes_max),
        keep_unsent_(options.keep_unsent),
        unapplied_(std::move(unapplied)),
        socket_(std::move(socket)),
        way_{socket_.net(), socket_.fd(), family != AddressFamily::unix_domain,
             DatagramOutput::Offload{options.send_offload}},
        timer_(std::in_place, reactor, [this] { end_rest(); }) {
    if (options.receive_offload) size_max_ = std::max(size_max_, offloaded_size_max);
    is_seqpacket_ = socket_.option(SOL_SOCKET, SO_TYPE).value_or(SOCK_DGRAM) == SOCK_SEQPACKET;
  }

  std::error_code start(Reactor& reactor) noexcept {
    auto watch = detail::watch(reactor, socket_.fd(), Ready::read, *this);
    if (!watch) return watch.error();
    watch_ = std::move(*watch);
    return {};
  }

  /// Nothing is called afterwards. The object goes now, or with the last Call.
  void retire() noexcept {
    retired_ = true;
    if (output_) send_the_rest();
    watch_.cancel();
    timer_.reset();
    socket_.close();
    if (calls_ == 0) delete this;
  }

  void on_ready(Ready ready) override {
    const Call call{*this};
    if (can_write(ready) && blocked_) {
      blocked_ = false;
      was_writable_ = true;
      flush();
    }
    if (can_read(ready)) receive();
  }

  bool send(Bytes data, const Endpoint* to, const MessageInfo* source) {
    loop_.check_thread();
    if (!output_) output_ = buffers_.borrow_output();
    if (!output_->add(data, to, source, output_bytes_max_, way_.offload)) {
      ++counters_.overflowed;
      return false;
    }
    if (delivering_ == 0) flush_soon();
    return true;
  }

  void set_held(bool held) noexcept {
    held_ = held;
    if (!held) failed_ = false;
    update();
  }
  void set_referenced(bool referenced) noexcept {
    if (referenced) {
      watch_.ref();
      timer_->ref();
    } else {
      watch_.unref();
      timer_->unref();
    }
  }

  void set_owner(DatagramSocket& owner) noexcept { owner_ = &owner; }
  Socket& socket() noexcept { return socket_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept {
    return output_ ? output_->unsent_bytes() : 0;
  }
  [[nodiscard]] const std::vector<UnappliedOption>& unapplied() const noexcept {
    return unapplied_;
  }

 private:
  /// Keeps the object alive until it has returned or thrown, or the work that holds it has gone.
  class Call {
   public:
    explicit Call(Impl& impl) noexcept : impl_(&impl) { ++impl.calls_; }
    Call(Call&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
    Call& operator=(Call&&) = delete;
    ~Call() {
      if (impl_ != nullptr && --impl_->calls_ == 0 && impl_->retired_) delete impl_;
    }
    Impl& operator*() const noexcept { return *impl_; }

   private:
    Impl* impl_;
  };

  /// While the handler runs: what it sends waits for its end.
  class Delivery {
   public:
    explicit Delivery(Impl& impl) noexcept : impl_(impl) { ++impl_.delivering_; }
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;
    ~Delivery() { --impl_.delivering_; }

   private:
    Impl& impl_;
  };

  /// Calls the handler. Its output has to be flushed by the caller, unless it throws.
  template <typename F>
  void deliver(F call) {
    try {
      const Delivery delivery{*this};
      call();
    } catch (...) {
      if (!retired_ && output_) flush_soon();
      throw;
    }
  }

  // Input.

  static bool is_lasting(std::error_code error) noexcept {
    constexpr std::array lasting{
        std::errc::bad_file_descriptor, std::errc::not_a_socket,
        std::errc::invalid_argument,    std::errc::bad_address,
        std::errc::not_connected,       std::errc::operation_not_supported};
    return std::any_of(lasting.begin(), lasting.end(),
                       [error](std::errc one) { return error == one; });
  }

  [[nodiscard]] bool reading() const noexcept {
    return !retired_ && !held_ && !failed_ && !resting_;
  }

  void receive() {
    struct Lent {
      detail::DatagramBuffers& buffers;
      std::unique_ptr<DatagramInput> input;
      ~Lent() { buffers.give_back(std::move(input)); }
    } lent{buffers_, buffers_.borrow_input(size_max_)};

    for (std::size_t budget = per_turn_max_; budget > 0 && reading();) {
      const std::size_t asked = std::min(budget, DatagramInput::batch_max);
      const auto messages = lent.input->messages(asked, size_max_);
      const int moved = way_.net.receive(way_.fd, messages);
      if (moved == -EAGAIN) return;
      if (moved < 0) {
        --budget;
        receive_failed(system_error(-moved));
      } else {
        const auto received = static_cast<std::size_t>(moved);
        const bool ended = gather(*lent.input, messages.first(received));
        const auto& datagrams = lent.input->datagrams;
        if (!datagrams.empty()) hand_over(datagrams);
        if (ended && !retired_) end();
        if (received < asked) return;
        budget -= std::min(budget, std::max<std::size_t>(datagrams.size(), 1));
      }
    }
  }

  /// Returns whether the end was among them.
  bool gather(DatagramInput& input, std::span<const Message> messages) {
    input.datagrams.clear();
    errors_in_a_row_ = 0;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const Message& message = messages[i];
      if (is_seqpacket_ && message.size == 0) return true;
      counters_.received_bytes += message.size;
      counters_.truncated += message.truncated ? 1 : 0;
      Bytes rest = input.bytes(i);
      const std::size_t segment_size = message.info->segment_size;
      do {
        const bool is_last = segment_size == 0 || rest.size() <= segment_size;
        const Bytes data = is_last ? rest : rest.first(segment_size);
        const bool is_cut = is_last && message.truncated;
        const std::size_t size =
            segment_size != 0 ? (is_cut ? 0 : data.size()) : message.info->whole_size;
        input.datagrams.push_back({data, *message.address, *message.info, is_cut, size});
        rest = rest.subspan(data.size());
      } while (!rest.empty());
    }
    counters_.received += input.datagrams.size();
    return false;
  }

  void hand_over(const std::vector<Datagram>& datagrams) {
    deliver([&] { handler_->on_datagrams(*owner_, datagrams); });
    flush();
  }

  void receive_failed(std::error_code error) {
    if (is_lasting(error)) {
      failed_ = true;
    } else if (is_exhaustion(error) || ++errors_in_a_row_ >= errors_in_a_row_max) {
      errors_in_a_row_ = 0;
      resting_ = true;
      rest(input_rest);
    }
    update();
    report(error, nullptr);
    flush();
  }

  void end() {
    failed_ = true;
    update();
    deliver([&] { handler_->on_end(*owner_); });
    flush();
  }

  void report(std::error_code error, const Endpoint* to) {
    ++counters_.errors;
    deliver([&] { handler_->on_error(*owner_, error, to); });
  }

  // Output.

  void flush_soon() noexcept try {
    if (flush_is_due_ || blocked_) return;
    loop_.defer([call = Call{*this}] {
      (*call).flush_is_due_ = false;
      (*call).flush();
    });
    flush_is_due_ = true;
  } catch (const std::bad_alloc&) {
    block(true);  // by the timer, which takes no memory
  }

  void flush() {
    for (std::size_t errors = 0; !retired_ && output_ && !blocked_ && delivering_ == 0;) {
      const std::uint64_t sent_before = counters_.sent;
      const auto outcome = output_->flush(way_, counters_);
      const bool was_writable = std::exchange(was_writable_, false);
      if (!outcome.error) {
        buffers_.give_back(std::move(output_));
      } else if (outcome.error == std::errc::operation_would_block) {
        block(was_writable && counters_.sent == sent_before);
      } else {
        report(outcome.error, outcome.dropped && outcome.addressed ? &outcome.to : nullptr);
        if (++errors >= errors_in_a_row_max && !retired_) return flush_soon();
      }
    }
    if (!retired_) update();
  }

  void block(bool though_writable) noexcept {
    if (!keep_unsent_) {
      counters_.dropped += output_->clear();
      return;
    }
    blocked_ = true;
    by_timer_ = though_writable;
    if (by_timer_) rest(output_rest);
  }

  /// Once more without a word: there is nobody left to tell.
  void send_the_rest() noexcept {
    for (std::size_t errors = 0; !output_->empty() && errors < errors_in_a_row_max; ++errors) {
      const auto outcome = output_->flush(way_, counters_);
      if (outcome.error == std::errc::operation_would_block) break;
    }
    output_->clear();
    buffers_.give_back(std::move(output_));
  }

  // Both.

  void rest(Duration duration) noexcept {
    if (!timer_->armed()) timer_->arm_after(duration);
  }

  void end_rest() {
    const Call call{*this};
    resting_ = false;
    if (std::exchange(by_timer_, false)) {
      blocked_ = false;
      was_writable_ = true;
      flush();
    }
    if (!retired_) update();
  }

  void update() noexcept {
    const Ready read = reading() ? Ready::read : Ready::none;
    watch_.set(blocked_ && !by_timer_ ? read | Ready::write : read);
  }

  detail::Loop& loop_;
  detail::DatagramBuffers& buffers_;
  DatagramHandler* handler_;
  DatagramSocket* owner_ = nullptr;
  std::size_t size_max_;
  const std::size_t per_turn_max_;
  const std::size_t output_bytes_max_;
  const bool keep_unsent_;
  bool is_seqpacket_ = false;
  bool held_ = false;          // by pause()
  bool failed_ = false;        // by what cannot pass, or the end
  bool resting_ = false;       // input, until the timer
  bool blocked_ = false;       // output, until it is writable or ...
  bool by_timer_ = false;      // ... until the timer
  bool was_writable_ = false;  // so the kernel said before this flush
  bool flush_is_due_ = false;
  bool retired_ = false;
  std::size_t calls_ = 0;
  std::size_t delivering_ = 0;
  std::size_t errors_in_a_row_ = 0;
  Counters counters_;
  std::vector<UnappliedOption> unapplied_;
  std::unique_ptr<DatagramOutput> output_;  // while something waits
  Socket socket_;
  DatagramOutput::Way way_;
  std::optional<Timer> timer_;
  Watch watch_;
};

}  // namespace rondo
