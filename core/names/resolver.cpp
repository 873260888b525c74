// SPDX-License-Identifier: MIT
// Resolver: which lookups ask name servers, which wait, and how each ends exactly once.
//
// An Operation is one lookup. Its Lookup owns it; the resolver lists it. Its state only goes
// forward:
//
//     waiting --> asking --> answered --> over
//
// It may skip states: a name that needs no server is answered at once, and a lookup that is
// cancelled, or reaches its deadline, is over.
//
//   waiting    in waiting_: in_flight_max other lookups are asking
//   asking     in active_, with a channel to the name servers
//   answered   in active_; the result is stored, and the timer is armed for the next turn
//   over       in no list; the callback has been called, or will not be called
//
// The operation's timer is first its deadline, and then reports the answer in a later turn. Only
// the timer calls the callback, after the operation has left the lists and released its channel.
// Nothing is touched afterwards: the callback may destroy the Lookup, the Resolver, or both.
//
// A channel is made when a lookup needs one. A few are kept for later lookups, but not a channel
// whose lookup failed: the next one reads the configuration again.
#include <rondo/resolver.h>

#include <algorithm>
#include <list>
#include <utility>

#include <rondo/assert.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "address_order.h"
#include "dns.h"
#include "host_name.h"
#include "hosts_file.h"
#include "quoted.h"
#include "used.h"

namespace rondo {
namespace {

using Addresses = std::vector<Endpoint>;
using Answer = Result<Addresses, std::error_code>;

constexpr std::size_t idle_channels_max = 4;
// Not the present time: libuv would notice only in its next millisecond that it has passed.
constexpr TimePoint next_turn = TimePoint::min();

Addresses without_duplicates(const Addresses& addresses) {
  Addresses kept;
  for (const Endpoint& address : addresses) {
    if (std::find(kept.begin(), kept.end(), address) == kept.end()) kept.push_back(address);
  }
  return kept;
}

bool keeps_channel_usable(std::error_code error) noexcept {
  return error == ResolveError::host_not_found || error == ResolveError::no_address;
}

}  // namespace

class Lookup::Operation {
 public:
  using Position = std::list<Operation*>::iterator;
  enum class State { waiting, asking, answered, over };

  Operation(Resolver::Impl& resolver, Reactor& reactor, std::string_view host, std::uint16_t port,
            std::optional<AddressFamily> family, Resolver::Callback callback)
      : host_(host),
        port_(port),
        family_(family),
        resolver_(resolver),
        reactor_(reactor),
        callback_(std::move(callback)),
        timer_(reactor, [this] { on_timer(); }) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() { cancel(); }

  /// Checks that `call` comes from the reactor's thread, in builds with assertions.
  void check(const char* call) const noexcept { detail::check_thread(reactor_, call); }

  void cancel() noexcept;

 private:
  friend class Lookup;
  friend class Resolver;
  friend class Resolver::Impl;

  void on_timer();
  void report_early(const Addresses& found);
  [[nodiscard]] Result<Addresses> result() const;
  [[nodiscard]] Addresses prepared(const Addresses& found) const;

  const std::string host_;
  const std::uint16_t port_;
  const std::optional<AddressFamily> family_;
  Resolver::Impl& resolver_;
  Reactor& reactor_;
  State state_ = State::over;
  Position position_;  // in the list that its state says
  std::unique_ptr<detail::DnsChannel> channel_;
  std::optional<Answer> answer_;
  const char* defect_ = nullptr;  // what is wrong with the name
  Duration early_delay_ = forever;
  Resolver::Early early_;  // may be empty
  Resolver::Callback callback_;
  Timer timer_;
};

class Resolver::Impl {
 public:
  using Operation = Lookup::Operation;
  using State = Operation::State;

  Impl(Reactor& reactor, ResolverOptions options)
      : reactor_(reactor),
        options_(std::move(options)),
        names_(reactor.backend().name_service()),
        hosts_(names_ == nullptr ? options_.hosts_path : std::string{}),
        starter_(reactor, [this] { start_next(); }) {
    idle_.reserve(idle_channels_max);
    options_.in_flight_max = std::max<std::size_t>(options_.in_flight_max, 1);
  }
  /// Checks that `call` comes from the reactor's thread, in builds with assertions.
  void check(const char* call) const noexcept { detail::check_thread(reactor_, call); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  /// One at a time: destroying a callback may destroy another Lookup.
  ~Impl() {
    while (!active_.empty()) active_.front()->cancel();
    while (!waiting_.empty()) waiting_.front()->cancel();
  }

  std::unique_ptr<Operation> begin(std::unique_ptr<Operation> made) {
    Operation& operation = *made;
    const std::string_view host = operation.host_;
    operation.position_ = waiting_.insert(waiting_.end(), &operation);
    operation.state_ = State::waiting;
    if (const char* defect = find_defect(host)) {
      answer(operation, make_error_code(ResolveError::bad_name), defect);
    } else if (auto known = look_up_here(operation)) {
      answer(operation, std::move(*known));
    } else if (channels_in_use_ >= options_.in_flight_max &&
               waiting_.size() > options_.waiting_max) {
      answer(operation, make_error_code(ResolveError::too_many));
    } else {
      operation.timer_.arm_after(options_.timeout);
      start_next();
    }
    return made;
  }

  [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }

  /// The operation is over: it leaves the lists and releases its channel.
  void leave(Operation& operation) noexcept {
    (operation.state_ == State::waiting ? waiting_ : active_).erase(operation.position_);
    operation.state_ = State::over;
    if (operation.channel_ != nullptr) {
      operation.channel_->cancel();
      put_back(std::move(operation.channel_));
    }
    start_next_soon();
  }

 private:
  /// In the next turn: starting a lookup takes memory, and ending one must not.
  void start_next_soon() noexcept {
    if (!waiting_.empty()) starter_.arm_at(next_turn);
  }
  void start_next() {
    while (channels_in_use_ < options_.in_flight_max && !waiting_.empty()) start(*waiting_.front());
  }
  Result<std::unique_ptr<detail::DnsChannel>, std::error_code> make_channel() {
    if (names_ != nullptr) return detail::make_name_service_channel(*names_);
    return detail::make_dns_channel(reactor_, options_);
  }
  void start(Operation& operation);
  void answer(Operation& operation, Answer answer, const char* defect = nullptr) noexcept;
  static const char* find_defect(std::string_view host);
  std::optional<Answer> look_up_here(const Operation& operation);
  void put_back(std::unique_ptr<detail::DnsChannel> channel) noexcept {
    --channels_in_use_;
    if (idle_.size() < idle_channels_max) idle_.push_back(std::move(channel));
  }

  Reactor& reactor_;
  ResolverOptions options_;
  NameService* const names_;  // null: use the hosts file and DNS
  detail::HostsFile hosts_;
  std::size_t channels_in_use_ = 0;
  std::vector<std::unique_ptr<detail::DnsChannel>> idle_;
  std::list<Operation*> waiting_;
  std::list<Operation*> active_;
  Timer starter_;
};

/// Why `host` is neither a name nor a numeric address, or null if it is one.
const char* Resolver::Impl::find_defect(std::string_view host) {
  if (!detail::looks_numeric(host)) return detail::defect_of_name(host);
  return detail::numeric_address(host) ? nullptr : "not an address";
}

/// The answer, if it is known without a name server.
std::optional<Answer> Resolver::Impl::look_up_here(const Operation& operation) {
  const std::string& host = operation.host_;
  Addresses found;
  const bool numeric = detail::looks_numeric(host);
  if (numeric) {
    if (const auto address = detail::numeric_address(host)) found.push_back(*address);
  } else {
    found = hosts_.find(host);
    if (found.empty() && detail::is_localhost(host)) {
      found = {Endpoint::loopback(0, AddressFamily::ipv6), Endpoint::loopback(0)};
    }
  }
  std::erase_if(found, [&](const Endpoint& address) {
    return operation.family_ && address.family() != *operation.family_;
  });
  if (!found.empty()) return found;
  // Addresses and localhost (RFC 6761) are never sent to a name server.
  if (numeric || detail::is_localhost(host)) return make_error_code(ResolveError::no_address);
  return {};
}

void Resolver::Impl::start(Operation& operation) {
  if (idle_.empty()) {
    auto made = make_channel();
    if (!made) return answer(operation, made.error());
    idle_.push_back(std::move(*made));
  }
  operation.channel_ = std::move(idle_.back());
  idle_.pop_back();
  ++channels_in_use_;
  operation.state_ = State::asking;
  active_.splice(active_.end(), waiting_, operation.position_);
  detail::EarlyAnswer early;
  if (operation.early_) {
    early = {operation.early_delay_,
             [&operation](const Addresses& found) { operation.report_early(found); }};
  }
  operation.channel_->ask(operation.host_, operation.family_, std::move(early),
                          [this, &operation](auto result) {
                            auto channel = std::move(operation.channel_);
                            if (result || keeps_channel_usable(result.error())) {
                              put_back(std::move(channel));
                            } else {
                              --channels_in_use_;
                            }
                            answer(operation, std::move(result));
                            start_next_soon();
                          });
}

/// Stores the answer for the next turn. Takes no memory, so that no answer is lost.
void Resolver::Impl::answer(Operation& operation, Answer answer, const char* defect) noexcept {
  if (operation.state_ == State::waiting) {
    active_.splice(active_.end(), waiting_, operation.position_);
  }
  operation.state_ = State::answered;
  operation.answer_.emplace(std::move(answer));
  operation.defect_ = defect;
  operation.timer_.arm_at(next_turn);
}

Result<Addresses> Lookup::Operation::result() const {
  if (!answer_) return Error{make_error_code(ResolveError::timed_out), "resolve " + host_};
  if (defect_ != nullptr) {
    return Error{answer_->error(), "resolve " + detail::quoted(host_) + ": " + defect_};
  }
  if (!*answer_) return Error{answer_->error(), "resolve " + host_};
  return prepared(**answer_);
}

Addresses Lookup::Operation::prepared(const Addresses& found) const {
  Addresses addresses = without_duplicates(found);
  for (Endpoint& address : addresses) address = address.with_port(port_);
  detail::order_addresses(reactor_.net(), addresses);
  return addresses;
}

/// The callback comes last.
void Lookup::Operation::report_early(const Addresses& found) {
  Addresses addresses = prepared(found);
  Resolver::Early early = std::move(early_);
  early(std::move(addresses));
}

/// The deadline has passed, or the answer is to be reported. The callback comes last.
void Lookup::Operation::on_timer() {
  timer_.arm_at(next_turn);  // if memory is missing below, this is repeated
  Result<Addresses> ended = result();
  timer_.cancel();
  Resolver::Callback callback = std::move(callback_);
  resolver_.leave(*this);
  callback(std::move(ended));
}

void Lookup::Operation::cancel() noexcept {
  if (state_ == State::over) return;
  timer_.cancel();
  // Destroyed last: what the callbacks own may destroy this operation.
  const Resolver::Early early = std::move(early_);
  const Resolver::Callback callback = std::move(callback_);
  resolver_.leave(*this);
}

Lookup::Lookup() noexcept = default;
Lookup::Lookup(std::unique_ptr<Operation> operation) noexcept : operation_(std::move(operation)) {}
Lookup::Lookup(Lookup&& other) noexcept = default;
Lookup& Lookup::operator=(Lookup&& other) noexcept = default;
Lookup::~Lookup() {
  if (operation_ != nullptr) operation_->check("the destructor of Lookup");
}

Lookup::operator bool() const noexcept {
  if (operation_ != nullptr) operation_->check("Lookup::operator bool");
  return operation_ != nullptr && operation_->state_ != Operation::State::over;
}

void Lookup::cancel() noexcept {
  if (operation_ != nullptr) operation_->check("Lookup::cancel");
  // Moved out first: when the callback is destroyed, this Lookup is empty already.
  const auto operation = std::move(operation_);
}

Resolver::Resolver(Reactor& reactor, ResolverOptions options)
    : impl_((detail::check_thread(reactor, "Resolver's constructor"),
             std::make_unique<Impl>(reactor, std::move(options)))) {}
Resolver::Resolver(Resolver&& other) noexcept = default;
Resolver& Resolver::operator=(Resolver&& other) noexcept = default;
Resolver::~Resolver() {
  if (impl_ != nullptr) impl_->check("the destructor of Resolver");
}

Lookup Resolver::resolve(std::string_view host, std::uint16_t port, Callback callback,
                         std::optional<AddressFamily> family) {
  RONDO_REQUIRE(callback, "Resolver::resolve", " needs a function to call.");
  RONDO_REQUIRE(family != AddressFamily::unix_domain, "Resolver::resolve",
                " finds no Unix sockets: use Endpoint::parse(\"unix:/path\").");
  auto& impl = detail::used(impl_.get(), "Resolver::resolve");
  return Lookup{impl.begin(std::make_unique<Lookup::Operation>(impl, impl.reactor(), host, port,
                                                               family, std::move(callback)))};
}

Lookup Resolver::resolve_early(std::string_view host, std::uint16_t port, Duration delay,
                               Early early, Callback callback) {
  auto operation = std::make_unique<Lookup::Operation>(*impl_, impl_->reactor(), host, port,
                                                       std::nullopt, std::move(callback));
  operation->early_delay_ = delay;
  operation->early_ = std::move(early);
  return Lookup{impl_->begin(std::move(operation))};
}

}  // namespace rondo
