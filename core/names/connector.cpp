// SPDX-License-Identifier: MIT
// Connector: a race of connection attempts.
//
//                 a name              its first addresses
//   beginning ------------> looking_up -------------------> racing ---> over
//       |                                                     ^
//       +-------- an address, or a list of them --------------+
//
// From each phase an error, the deadline, or the end of the Connector leads to `over`. The step
// timer drives the phases: it begins, takes up what was found, and starts the attempts that are
// due. So nothing is reported from inside the constructor: everything begins in a later turn. A
// step that runs out of memory is repeated.
//
// A lookup may bring the addresses of one family first, and all of them later (RFC 8305, section
// 3): those that have not been tried are then sorted anew. The race is lost only when the lookup
// has ended too.
//
// An attempt is a socket that connects to one address. Addresses are tried in the order of
// addresses_; next_ is the first that has not been tried. It is due at due_: `stagger` after the
// attempt before, or at once when that has failed. An attempt is watched for writing even if
// connect() has succeeded at once: so there is one way to the result, on_ready, and SO_ERROR
// decides. Only if the listener of a Unix socket has no room (EAGAIN) is there nothing to watch:
// such an address, or one for which memory is missing, waits in without_room_ to be tried again.
//
// `prepare` and the callback may destroy the Connector, or throw: a Call holds the Impl until they
// have returned (see callbacks.h).
#include <rondo/connector.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include <rondo/assert.h>
#include <rondo/reactor.h>
#include <rondo/resolver.h>
#include <rondo/timer.h>

#include "address_order.h"
#include "callbacks.h"
#include "connect_failures.h"
#include "target.h"
#include "used.h"

namespace rondo {
namespace {

constexpr Duration room_pause = std::chrono::milliseconds{10};
constexpr TimePoint at_once = TimePoint::min();
// A deadline that has just passed would do, but libuv notices it only in its next millisecond.
constexpr TimePoint next_turn = TimePoint::min();

std::string name_of(const std::vector<Endpoint>& peers) {
  RONDO_REQUIRE(!peers.empty(), "a Connector was made without an address to connect to.");
  return peers.size() == 1 ? peers[0].to_string()
                           : "one of " + std::to_string(peers.size()) + " addresses";
}

/// Its ends have the same port then, so the address of the peer is seldom asked for.
bool is_self_connected(const Socket& socket, const Endpoint& peer) {
  if (peer.family() == AddressFamily::unix_domain) return false;
  const auto local = socket.local_endpoint();
  return local && local->port() == peer.port() && socket.is_self_connected();
}

/// Empty if `callback` is.
Function<void(Result<Socket>, Watch)> without_watch(Connector::Callback callback) {
  if (!callback) return {};
  return [callback = std::move(callback)](Result<Socket> connected, Watch watch) mutable {
    watch.cancel();
    callback(std::move(connected));
  };
}

}  // namespace

class Connector::Impl final : public detail::Retirable<Connector::Impl> {
 public:
  Impl(Reactor& reactor, Resolver* resolver, std::string target, std::vector<Endpoint> peers,
       WatchedCallback callback, ConnectorOptions options)
      : reactor_(reactor),
        resolver_(resolver),
        target_(resolver == nullptr ? name_of(peers) : std::move(target)),
        addresses_(std::move(peers)),
        options_(std::move(options)),
        callback_(std::move(callback)),
        deadline_(std::in_place, reactor, [this] { time_is_up(); }),
        step_(std::in_place, reactor, [this] { step(); }) {
    RONDO_REQUIRE(callback_, "a Connector was made without a function to call.");
    options_.in_flight_max = std::max<std::size_t>(options_.in_flight_max, 1);
    options_.addresses_max = std::max<std::size_t>(options_.addresses_max, 1);
    deadline_->arm_after(options_.timeout);
    step_->arm_at(next_turn);
  }

  /// Checks that `call` comes from the reactor's thread, in builds with assertions.
  void check(const char* call) const noexcept { detail::check_thread(reactor_, call); }

  void close() noexcept {
    phase_ = Phase::over;
    attempts_.clear();
    lookup_.cancel();
    step_.reset();
    deadline_.reset();
  }

 private:
  class Attempt final : public Handler {
   public:
    Attempt(Impl& impl, const Endpoint& address, Socket socket)
        : address_(address), socket_(std::move(socket)), impl_(impl) {}
    void on_ready(Ready) override { impl_.attempt_is_ready(*this); }

    const Endpoint address_;
    Socket socket_;
    Watch watch_;

   private:
    Impl& impl_;
  };

  enum class Phase : std::uint8_t { beginning, looking_up, racing, over };

  [[nodiscard]] bool is_over() const noexcept { return phase_ == Phase::over; }

  void step() {
    const Call call{*this};
    step_->arm_at(next_turn);  // if this step runs out of memory, it is repeated
    if (phase_ == Phase::beginning) begin();
    if (found_) take_found();
    if (phase_ == Phase::racing) race();
  }

  /// beginning -> looking_up, racing or over.
  void begin() {
    if (resolver_ == nullptr) return begin_race(std::exchange(addresses_, {}));
    const auto target = detail::parse_target(target_);
    if (!target) return finish(named(target.error()));
    if (target->endpoint) return begin_race({*target->endpoint});
    lookup_ = resolver_->resolve_early(
        target->host, target->port, options_.resolution_delay,
        [this](std::vector<Endpoint> some) {
          found_.emplace(std::move(some));
          step_->arm_at(next_turn);
        },
        [this](Result<std::vector<Endpoint>> all) {
          found_.emplace(std::move(all));
          lookup_has_ended_ = true;
          step_->arm_at(next_turn);
        });
    phase_ = Phase::looking_up;
    step_->cancel();
  }

  void begin_race(std::vector<Endpoint> addresses) {
    lookup_has_ended_ = true;
    set_addresses(std::move(addresses));
  }

  /// looking_up -> racing or over; or more addresses for a race.
  void take_found() {
    if (*found_) {
      set_addresses(detail::interleaved(**found_));
    } else if (phase_ == Phase::looking_up) {
      return finish(named(found_->error()));
    }
    found_.reset();
  }

  /// All that are known now. Those that were tried stay in front.
  void set_addresses(std::vector<Endpoint> addresses) {
    const auto tried_end = addresses_.begin() + static_cast<std::ptrdiff_t>(next_);
    std::erase_if(addresses, [&](const Endpoint& address) {
      return std::find(addresses_.begin(), tried_end, address) != tried_end;
    });
    addresses.insert(addresses.begin(), addresses_.begin(), tried_end);
    if (addresses.size() > options_.addresses_max) addresses.resize(options_.addresses_max);
    failures_.make_room(addresses.size() + 1);
    without_room_.reserve(addresses.size());
    attempts_.reserve(std::min(options_.in_flight_max, addresses.size()));
    addresses_ = std::move(addresses);
    phase_ = Phase::racing;
  }

  /// Starts the attempts that are due.
  void race() {
    while (const auto address = take_due()) {
      arm_step();  // before `prepare`, which may throw: the race continues then
      Result<void> started = start(*address);
      if (is_over()) return;
      if (!started) put_aside(*address, std::move(started).error());
    }
    arm_step();
    const bool is_lost = lookup_has_ended_ && next_ == addresses_.size() && attempts_.empty() &&
                         without_room_.empty();
    if (is_lost) fail();
  }

  /// The address to be tried now; empty if none is due.
  std::optional<Endpoint> take_due() {
    if (attempts_.size() >= options_.in_flight_max) return {};
    const TimePoint now = reactor_.now();
    if (next_ < addresses_.size() && now >= due_) {
      due_ = after(now, options_.stagger);
      return addresses_[next_++];
    }
    if (retries_ == 0 && now >= room_due_) {
      retries_ = without_room_.size();
      room_due_ = after(now, room_pause);
    }
    if (retries_ == 0) return {};
    --retries_;
    const Endpoint address = without_room_.front();
    without_room_.erase(without_room_.begin());
    return address;
  }

  void arm_step() noexcept {
    TimePoint next = never;
    if (attempts_.size() < options_.in_flight_max) {
      if (next_ < addresses_.size()) next = due_;
      if (!without_room_.empty()) next = std::min(next, room_due_);
    }
    next == never ? step_->cancel() : step_->arm_at(next);
  }

  /// For an attempt that could not start, or has failed.
  void put_aside(const Endpoint& address, Error error) {
    if (is_without_room(address, error)) return try_again(address);
    failures_.add(address, std::move(error));
    due_ = at_once;
  }

  /// After a pause.
  void try_again(const Endpoint& address) noexcept {
    if (without_room_.empty()) room_due_ = after(reactor_.now(), room_pause);
    without_room_.push_back(address);
  }

  static bool is_without_room(const Endpoint& address, std::error_code error) noexcept {
    return address.family() == AddressFamily::unix_domain &&
           error == std::errc::resource_unavailable_try_again;
  }

  /// Starts an attempt. An error has a context only if it comes from `prepare`, because the address
  /// is named anyway. The race goes on after an exception: it has no other place for this address.
  Result<void> start(const Endpoint& address) try {
    return connect_to(address);
  } catch (const std::bad_alloc&) {
    if (is_over()) throw;
    try_again(address);
    step_->arm_at(next_turn);
    throw;
  } catch (...) {
    if (is_over()) throw;
    put_aside(address, {std::make_error_code(std::errc::operation_canceled), {}});
    step_->arm_at(next_turn);
    throw;
  }

  Result<void> connect_to(const Endpoint& address) {
    auto made = Socket::make(reactor_.net(), address.family(), SocketType::stream);
    if (!made) return Error{made.error(), {}};
    Socket socket = std::move(*made);
    if (options_.prepare) {
      auto prepared = options_.prepare(socket, address);
      if (is_over() || !prepared) return prepared;
    }
    if (options_.source) {
      if (options_.source->family() != address.family()) {
        return Error{std::make_error_code(std::errc::address_family_not_supported), {}};
      }
      if (const int result = reactor_.net().bind(socket.fd(), *options_.source); result < 0) {
        return Error{system_error(-result), {}};
      }
    }
    const int result = reactor_.net().connect(socket.fd(), address);
    if (result < 0 && result != -EINPROGRESS) return Error{system_error(-result), {}};

    auto attempt = std::make_unique<Attempt>(*this, address, std::move(socket));
    auto watch = detail::watch(reactor_, attempt->socket_.fd(), Ready::write, *attempt,
                               detail::Maker::reactor);
    if (!watch) return Error{watch.error(), {}};
    attempt->watch_ = std::move(*watch);
    attempts_.push_back(std::move(attempt));
    return {};
  }

  void attempt_is_ready(Attempt& attempt) {
    const Call call{*this};
    std::error_code error = attempt.socket_.connect_result();
    if (error == std::errc::operation_in_progress) return;
    const Endpoint address = attempt.address_;
    Socket socket = std::move(attempt.socket_);
    Watch watch = std::move(attempt.watch_);
    std::erase_if(attempts_, [&](const auto& each) { return each.get() == &attempt; });

    if (!error && !is_self_connected(socket, address))
      return finish(std::move(socket), std::move(watch));
    watch.cancel();
    if (!error && ++self_connects_ <= self_connects_max) {
      socket.reset();
      auto started = start(address);
      if (is_over() || started) return;
      put_aside(address, std::move(started).error());
    } else {
      if (!error) error = std::make_error_code(std::errc::connection_refused);
      put_aside(address, {error, {}});
    }
    race();
  }

  void time_is_up() {
    const Call call{*this};
    deadline_->arm_at(next_turn);  // if this call runs out of memory, it is repeated
    const std::error_code error = std::make_error_code(std::errc::timed_out);
    if (!unfinished_are_listed_) add_unfinished(error);
    unfinished_are_listed_ = true;
    finish(failures_.listed(target_, error));
  }

  /// Makes failures of what is under way. One of these is then the last of all. If this runs out of
  /// memory, it has changed nothing.
  void add_unfinished(std::error_code error) {
    std::string other;
    if (phase_ != Phase::beginning && !lookup_has_ended_) {
      other = "resolve " + std::string{detail::parse_target(target_)->host};
    }
    failures_.make_room(attempts_.size() + without_room_.size() + 1);
    for (const auto& attempt : attempts_) failures_.add(attempt->address_, {error, {}});
    for (const Endpoint& address : without_room_) failures_.add(address, {error, {}});
    if (!other.empty()) failures_.add({}, {error, std::move(other)});
  }

  void fail() {
    step_->arm_at(next_turn);  // if this call runs out of memory, it is repeated
    finish(failures_.most_telling(target_));
  }

  [[nodiscard]] Error named(const Error& error) const {
    return {error.code, "connect to " + detail::shown(target_) + ": " + error.context};
  }

  void finish(Result<Socket> result, Watch watch = {}) {
    WatchedCallback callback = std::exchange(callback_, WatchedCallback{});
    close();
    callback(std::move(result), std::move(watch));
  }

  Reactor& reactor_;
  Resolver* const resolver_;  // null: the addresses are given
  const std::string target_;
  std::vector<Endpoint> addresses_;
  std::size_t next_ = 0;
  TimePoint due_ = at_once;             // when the next address is tried
  std::vector<Endpoint> without_room_;  // listeners of the Unix family with a full queue
  TimePoint room_due_ = never;          // when these are tried again
  std::size_t retries_ = 0;             // how many of these are to be tried now
  std::size_t self_connects_ = 0;
  Phase phase_ = Phase::beginning;
  ConnectorOptions options_;
  WatchedCallback callback_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  detail::ConnectFailures failures_;
  std::optional<Result<std::vector<Endpoint>>> found_;  // not yet in addresses_
  Lookup lookup_;
  bool lookup_has_ended_ = false;
  bool unfinished_are_listed_ = false;
  std::optional<Timer> deadline_;
  std::optional<Timer> step_;
};

Connector::Connector(Reactor& reactor, Resolver* resolver, std::string target,
                     std::vector<Endpoint> peers, WatchedCallback callback,
                     ConnectorOptions options)
    : impl_((detail::check_thread(reactor, "Connector's constructor"),
             new Impl(reactor, resolver, std::move(target), std::move(peers), std::move(callback),
                      std::move(options)))) {}

Connector::Connector(Reactor& reactor, Resolver& resolver, std::string_view target,
                     Callback callback, ConnectorOptions options)
    : Connector(reactor, &resolver, std::string{target}, {}, without_watch(std::move(callback)),
                std::move(options)) {}

Connector::Connector(Reactor& reactor, std::vector<Endpoint> peers, Callback callback,
                     ConnectorOptions options)
    : Connector(reactor, nullptr, {}, std::move(peers), without_watch(std::move(callback)),
                std::move(options)) {}

Connector::Connector(Connector&& other) noexcept = default;
Connector& Connector::operator=(Connector&& other) noexcept = default;
Connector::~Connector() = default;

void Connector::Retire::operator()(Impl* impl) const noexcept {
  detail::used(impl, "the destructor of Connector").retire();
}

}  // namespace rondo
