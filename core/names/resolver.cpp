// Resolver: which lookups ask, which wait, and how each ends exactly once.
//
// An Operation is one lookup. Its Lookup owns it; the resolver lists it. It is in one of these
// states, and moves to the right only:
//
//   waiting    in waiting_, for one of in_flight_max places
//   asking     in busy_, with a channel to the name servers
//   answered   in busy_, its result kept, its timer armed for the next turn
//   over       in no list; the callback has been called, or never will be
//
// Its one timer is the deadline at first, and then what brings the answer in a turn of its own.
// What needs no name server (a wrong name, a number, the hosts file) is answered right away. The
// callback is called from the timer alone, after the operation has left the lists and given up its
// channel, with nothing touched afterwards: so it may destroy the Lookup, the Resolver, or both.
//
// Channels are made for the first lookup that needs one and kept for the next, a few; one that
// ended in trouble is thrown away, and the next reads the configuration anew.
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

namespace rondo {
namespace {

using Addresses = std::vector<Endpoint>;
using Answer = Result<Addresses, std::error_code>;

constexpr std::size_t idle_channels_max = 4;
// A time that has passed would do, but libuv waits for its next millisecond to see that it has.
constexpr TimePoint next_turn = TimePoint::min();

Addresses without_duplicates(const Addresses& addresses) {
  Addresses kept;
  for (const Endpoint& address : addresses) {
    if (std::find(kept.begin(), kept.end(), address) == kept.end()) kept.push_back(address);
  }
  return kept;
}

bool leaves_channel_sound(std::error_code error) noexcept {
  return error == ResolveError::host_not_found || error == ResolveError::no_address;
}

}  // namespace

class Lookup::Operation {
 public:
  using Place = std::list<Operation*>::iterator;
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

  void cancel() noexcept;

 private:
  friend class Lookup;
  friend class Resolver::Impl;

  void on_timer();
  [[nodiscard]] Result<Addresses> result() const;

  const std::string host_;
  const std::uint16_t port_;
  const std::optional<AddressFamily> family_;
  Resolver::Impl& resolver_;
  Reactor& reactor_;
  State state_ = State::over;
  Place place_;
  std::unique_ptr<detail::DnsChannel> channel_;
  std::optional<Answer> answer_;
  const char* wrong_ = nullptr;  // what is wrong with the name
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
        starter_(reactor, [this] { start_waiting(); }) {
    idle_.reserve(idle_channels_max);
    options_.in_flight_max = std::max<std::size_t>(options_.in_flight_max, 1);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  /// One by one, as destroying a callback may destroy another Lookup.
  ~Impl() {
    while (!busy_.empty()) busy_.front()->cancel();
    while (!waiting_.empty()) waiting_.front()->cancel();
  }

  std::unique_ptr<Operation> begin(std::string_view host, std::uint16_t port, Callback callback,
                                   std::optional<AddressFamily> family) {
    auto made =
        std::make_unique<Operation>(*this, reactor_, host, port, family, std::move(callback));
    Operation& operation = *made;
    operation.place_ = waiting_.insert(waiting_.end(), &operation);
    operation.state_ = State::waiting;
    if (const char* wrong = wrong_with(host)) {
      answer(operation, make_error_code(ResolveError::bad_name), wrong);
    } else if (auto known = look_up_here(operation)) {
      answer(operation, std::move(*known));
    } else if (asking_ >= options_.in_flight_max && waiting_.size() > options_.waiting_max) {
      answer(operation, make_error_code(ResolveError::too_many));
    } else {
      operation.timer_.arm_after(options_.timeout);
      start_waiting();
    }
    return made;
  }

  /// Takes it out of the lists.
  void leave(Operation& operation) noexcept {
    (operation.state_ == State::waiting ? waiting_ : busy_).erase(operation.place_);
    operation.state_ = State::over;
    if (operation.channel_ != nullptr) {
      operation.channel_->cancel();
      put_back(std::move(operation.channel_));
    }
    start_soon();
  }

 private:
  /// In the next turn, as it takes memory, which those who make room must not.
  void start_soon() noexcept {
    if (waiting_.empty()) {
      starter_.cancel();
    } else {
      starter_.arm_at(next_turn);
    }
  }
  void start_waiting() {
    while (asking_ < options_.in_flight_max && !waiting_.empty()) start(*waiting_.front());
  }
  Result<std::unique_ptr<detail::DnsChannel>, std::error_code> make_channel() {
    if (names_ != nullptr) return detail::make_name_service_channel(*names_);
    return detail::make_dns_channel(reactor_, options_);
  }
  void start(Operation& operation);
  void answer(Operation& operation, Answer answer, const char* wrong = nullptr) noexcept;
  static const char* wrong_with(std::string_view host);
  std::optional<Answer> look_up_here(const Operation& operation);
  void put_back(std::unique_ptr<detail::DnsChannel> channel) noexcept {
    --asking_;
    if (idle_.size() < idle_channels_max) idle_.push_back(std::move(channel));
  }

  Reactor& reactor_;
  ResolverOptions options_;
  NameService* const names_;  // null: the hosts file and DNS answer
  detail::HostsFile hosts_;
  std::size_t asking_ = 0;
  std::vector<std::unique_ptr<detail::DnsChannel>> idle_;
  std::list<Operation*> waiting_;
  std::list<Operation*> busy_;
  Timer starter_;
};

/// What is wrong with `host`, or null.
const char* Resolver::Impl::wrong_with(std::string_view host) {
  if (!detail::looks_numeric(host)) return detail::wrong_with_name(host);
  return detail::numeric_address(host) ? nullptr : "not an address";
}

/// What is known without a name server, if it is.
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
  // Of these there is nothing else to know, and nobody else is to be asked.
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
  ++asking_;
  operation.state_ = State::asking;
  busy_.splice(busy_.end(), waiting_, operation.place_);
  operation.channel_->ask(operation.host_, operation.family_, [this, &operation](auto result) {
    auto channel = std::move(operation.channel_);
    if (result || leaves_channel_sound(result.error())) {
      put_back(std::move(channel));
    } else {
      --asking_;
    }
    answer(operation, std::move(result));
    start_soon();
  });
}

/// Keeps it for the next turn. Takes no memory, so that nothing is lost for want of it.
void Resolver::Impl::answer(Operation& operation, Answer answer, const char* wrong) noexcept {
  if (operation.state_ == State::waiting) {
    busy_.splice(busy_.end(), waiting_, operation.place_);
  }
  operation.state_ = State::answered;
  operation.answer_.emplace(std::move(answer));
  operation.wrong_ = wrong;
  operation.timer_.arm_at(next_turn);
}

Result<Addresses> Lookup::Operation::result() const {
  if (!answer_) return Error{make_error_code(ResolveError::timed_out), "resolve " + host_};
  if (wrong_ != nullptr) {
    return Error{answer_->error(), "resolve " + detail::quoted(host_) + ": " + wrong_};
  }
  if (!*answer_) return Error{answer_->error(), "resolve " + host_};
  Addresses addresses = without_duplicates(**answer_);
  for (Endpoint& address : addresses) address = address.with_port(port_);
  detail::order_addresses(reactor_.net(), addresses);
  return addresses;
}

/// The deadline, or the turn of the answer. The last thing is the call.
void Lookup::Operation::on_timer() {
  timer_.arm_at(next_turn);  // for want of memory it may have to come again
  Result<Addresses> ended = result();
  timer_.cancel();
  Resolver::Callback callback = std::move(callback_);
  resolver_.leave(*this);
  callback(std::move(ended));
}

void Lookup::Operation::cancel() noexcept {
  if (state_ == State::over) return;
  timer_.cancel();
  // Destroyed last: what it holds may destroy this operation.
  const Resolver::Callback callback = std::move(callback_);
  resolver_.leave(*this);
}

Lookup::Lookup() noexcept = default;
Lookup::Lookup(std::unique_ptr<Operation> operation) noexcept : operation_(std::move(operation)) {}
Lookup::Lookup(Lookup&& other) noexcept = default;
Lookup& Lookup::operator=(Lookup&& other) noexcept = default;
Lookup::~Lookup() = default;

Lookup::operator bool() const noexcept {
  return operation_ != nullptr && operation_->state_ != Operation::State::over;
}

void Lookup::cancel() noexcept {
  // Moved out first: a callback's destructor that looks at this Lookup finds it empty.
  const auto operation = std::move(operation_);
}

Resolver::Resolver(Reactor& reactor, ResolverOptions options)
    : impl_(std::make_unique<Impl>(reactor, std::move(options))) {}
Resolver::Resolver(Resolver&& other) noexcept = default;
Resolver& Resolver::operator=(Resolver&& other) noexcept = default;
Resolver::~Resolver() = default;

Lookup Resolver::resolve(std::string_view host, std::uint16_t port, Callback callback,
                         std::optional<AddressFamily> family) {
  RONDO_ASSERT(callback);
  RONDO_ASSERT(family != AddressFamily::unix_domain);
  return Lookup{impl_->begin(host, port, std::move(callback), family)};
}

}  // namespace rondo
