// Connector: a race of connects.
//
// Terms.  An attempt is a socket that connects to one address. A step is what the step timer does:
// at first it begins (parses, asks for the name), then it starts the next attempt. Addresses are
// tried in the order of addresses_, of which next_ is the first that has not been tried.
//
// The course.  begin() -> take_found() -> resolved() -> race() -> finish(). race() starts attempts
// until one is under way; it comes again with the step timer, or when an attempt has failed.
// Nothing is reported from inside the constructor, as everything begins in a step, which is a later
// turn. A step that ends for want of memory is taken again.
//
// An attempt is watched for writing also where connect() said that it has succeeded: there is one
// way to the end, on_ready, and SO_ERROR decides. Only where a Unix socket's listener has no room
// (EAGAIN) is there nothing to watch, and connect is called again after a pause.
//
// `prepare` and the callback may destroy the Connector, or throw. While one runs, Impl is in a
// Call; retire() gives up everything at once, and the object goes at the end of the last Call.
#include <rondo/connector.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <utility>

#include <rondo/assert.h>
#include <rondo/reactor.h>
#include <rondo/resolver.h>
#include <rondo/timer.h>

#include "callbacks.h"
#include "quoted.h"

namespace rondo {
namespace {

constexpr Duration room_pause = std::chrono::milliseconds{10};
// A time that has passed would do, but libuv waits for its next millisecond to see that it has.
constexpr TimePoint next_turn = TimePoint::min();

/// What a target asks for: an address, or a name and its port.
struct Target {
  std::optional<Endpoint> endpoint;
  std::string_view host;
  std::uint16_t port = 0;
};

Result<Target> parse_target(std::string_view text) {
  auto endpoint = Endpoint::parse(text);
  if (endpoint) return Target{*endpoint, {}, 0};
  const std::size_t colon = text.rfind(':');
  const bool is_name = colon != text.npos && text.find(':') == colon && colon > 0;
  if (!is_name || text.starts_with("unix:") || text.starts_with('[')) return endpoint.error();
  Target target{{}, text.substr(0, colon), 0};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, target.port);
  if (error == std::errc{} && stop == end) return target;
  return Error{std::make_error_code(std::errc::invalid_argument),
               "parse target " + detail::quoted(text) + ": not a port"};
}

/// As it is, where nothing in it could be taken for a part of the message.
std::string shown(const std::string& target) {
  std::string quoted = detail::quoted(target);
  return quoted.size() == target.size() + 2 ? target : quoted;
}

/// RFC 8305, 4: the families take turns, beginning with that of the first.
std::vector<Endpoint> interleaved(const std::vector<Endpoint>& sorted) {
  std::vector<Endpoint> first;
  std::vector<Endpoint> second;
  for (const Endpoint& address : sorted) {
    (address.family() == sorted.front().family() ? first : second).push_back(address);
  }
  std::vector<Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

/// How much an error tells of the peer: least, that there is no way to it from here.
int telling(std::error_code error) noexcept {
  if (error == std::errc::network_unreachable || error == std::errc::host_unreachable ||
      error == std::errc::address_family_not_supported ||
      error == std::errc::address_not_available) {
    return 0;
  }
  return error == std::errc::timed_out ? 1 : 2;
}

}  // namespace

class Connector::Impl final : public detail::Retirable<Connector::Impl> {
 public:
  Impl(Reactor& reactor, Resolver* resolver, std::string target, std::vector<Endpoint> peers,
       Callback callback, ConnectorOptions options)
      : reactor_(reactor),
        resolver_(resolver),
        target_(std::move(target)),
        addresses_(std::move(peers)),
        options_(std::move(options)),
        callback_(std::move(callback)),
        deadline_(std::in_place, reactor, [this] { time_is_up(); }),
        step_(std::in_place, reactor, [this] { step(); }) {
    RONDO_ASSERT(callback_);
    options_.in_flight_max = std::max<std::size_t>(options_.in_flight_max, 1);
    options_.addresses_max = std::max<std::size_t>(options_.addresses_max, 1);
    deadline_->arm_after(options_.timeout);
    step_->arm_at(next_turn);
  }

  void close() noexcept {
    over_ = true;
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

  struct Failure {
    Endpoint address;
    std::error_code error;
  };

  void step() {
    const Call call{*this};
    step_->arm_at(next_turn);  // for want of memory it may have to come again
    if (racing_) {
      race();
    } else if (found_) {
      take_found();
    } else if (resolver_ != nullptr) {
      begin(*resolver_);
    } else {
      resolved(addresses_);
    }
  }

  void begin(Resolver& resolver) {
    const auto target = parse_target(target_);
    if (!target) return finish(named(target.error()));
    if (target->endpoint) return resolved({*target->endpoint});
    lookup_ = resolver.resolve(target->host, target->port, [this](auto found) {
      found_.emplace(std::move(found));
      step_->arm_at(next_turn);
    });
    step_->cancel();
  }

  void take_found() {
    if (!*found_) return finish(named(found_->error()));
    resolved(interleaved(**found_));
  }

  void resolved(std::vector<Endpoint> addresses) {
    if (addresses.size() > options_.addresses_max) addresses.resize(options_.addresses_max);
    failures_.reserve(addresses.size() + 1);
    attempts_.reserve(std::min(options_.in_flight_max, addresses.size()));
    addresses_ = std::move(addresses);
    racing_ = true;
    race();
  }

  /// Starts the next attempt, and the one after if that fails at once.
  void race() {
    step_->cancel();
    while (next_ < addresses_.size() && attempts_.size() < options_.in_flight_max) {
      // First, so that the race goes on where `prepare` throws.
      step_->arm_after(options_.stagger);
      const Endpoint address = addresses_[next_++];
      const std::error_code error = start(address);
      if (over_ || !error) return;
      if (is_without_room(address, error)) {
        --next_;
        return step_->arm_after(room_pause);
      }
      failures_.push_back({address, error});
    }
    if (next_ == addresses_.size() && attempts_.empty()) fail();
  }

  static bool is_without_room(const Endpoint& address, std::error_code error) noexcept {
    return address.family() == AddressFamily::unix_domain &&
           error == std::errc::resource_unavailable_try_again;
  }

  std::error_code start(const Endpoint& address) {
    auto made = Socket::make(reactor_.net(), address.family(), SocketType::stream);
    if (!made) return made.error();
    Socket socket = std::move(*made);
    if (options_.prepare) {
      const std::error_code error = options_.prepare(socket);
      if (over_ || error) return error;
    }
    if (options_.source) {
      if (options_.source->family() != address.family()) {
        return std::make_error_code(std::errc::address_family_not_supported);
      }
      if (const int result = reactor_.net().bind(socket.fd(), *options_.source); result < 0) {
        return system_error(-result);
      }
    }
    const int result = reactor_.net().connect(socket.fd(), address);
    if (result < 0 && result != -EINPROGRESS) return system_error(-result);

    auto attempt = std::make_unique<Attempt>(*this, address, std::move(socket));
    auto watch = detail::watch(reactor_, attempt->socket_.fd(), Ready::write, *attempt);
    if (!watch) return watch.error();
    attempt->watch_ = std::move(*watch);
    attempts_.push_back(std::move(attempt));
    return {};
  }

  void attempt_is_ready(Attempt& attempt) {
    const Call call{*this};
    std::error_code error = attempt.socket_.connect_result();
    if (error == std::errc::operation_in_progress) return;
    const Endpoint address = attempt.address_;
    attempt.watch_.cancel();
    Socket socket = std::move(attempt.socket_);
    std::erase_if(attempts_, [&](const auto& each) { return each.get() == &attempt; });

    if (!error && !socket.is_self_connected()) return finish(std::move(socket));
    if (!error) {
      socket.reset();
      error = ++self_connects_ > self_connects_max
                  ? std::make_error_code(std::errc::connection_refused)
                  : start(address);
      if (over_ || !error) return;
    }
    failures_.push_back({address, error});
    race();
  }

  void time_is_up() {
    const Call call{*this};
    deadline_->arm_at(next_turn);  // for want of memory it may have to come again
    const std::error_code error = std::make_error_code(std::errc::timed_out);
    for (const auto& attempt : attempts_) failures_.push_back({attempt->address_, error});
    if (attempts_.empty() && next_ < addresses_.size()) {
      failures_.push_back({addresses_[next_], error});
    }
    finish(failure(error));
  }

  void fail() {
    step_->arm_at(next_turn);  // for want of memory it may have to come again
    // Without any, `prepare` threw each time.
    std::error_code code = std::make_error_code(std::errc::operation_canceled);
    const auto most = std::max_element(
        failures_.begin(), failures_.end(),
        [](const auto& a, const auto& b) { return telling(a.error) < telling(b.error); });
    if (most != failures_.end()) code = most->error;
    finish(failure(code));
  }

  [[nodiscard]] Error named(const Error& error) const {
    return {error.code, "connect to " + shown(target_) + ": " + error.context};
  }

  /// All that failed. One whose error is `code` comes last, as its reason ends the message.
  [[nodiscard]] Error failure(std::error_code code) {
    const auto last = std::find_if(failures_.begin(), failures_.end(),
                                   [&](const Failure& each) { return each.error == code; });
    if (last != failures_.end()) std::rotate(last, last + 1, failures_.end());
    std::string tried = "connect to " + shown(target_);
    if (failures_.size() == 1 && failures_[0].address.to_string() == target_) return {code, tried};
    for (std::size_t i = 0; i < failures_.size(); ++i) {
      tried += (i == 0 ? ": " : "; ") + failures_[i].address.to_string();
      if (i + 1 < failures_.size()) tried += ": " + failures_[i].error.message();
    }
    return {code, std::move(tried)};
  }

  void finish(Result<Socket> result) {
    Callback callback = std::exchange(callback_, Callback{});
    close();
    callback(std::move(result));
  }

  Reactor& reactor_;
  Resolver* const resolver_;  // null: the addresses are given
  const std::string target_;
  std::vector<Endpoint> addresses_;
  std::size_t next_ = 0;
  std::size_t self_connects_ = 0;
  bool racing_ = false;
  bool over_ = false;
  ConnectorOptions options_;
  Callback callback_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::vector<Failure> failures_;
  std::optional<Result<std::vector<Endpoint>>> found_;
  Lookup lookup_;
  std::optional<Timer> deadline_;
  std::optional<Timer> step_;
};

Connector::Connector(Reactor& reactor, Resolver& resolver, std::string_view target,
                     Callback callback, ConnectorOptions options)
    : impl_(new Impl(reactor, &resolver, std::string{target}, std::vector<Endpoint>{},
                     std::move(callback), std::move(options))) {}

Connector::Connector(Reactor& reactor, std::vector<Endpoint> peers, Callback callback,
                     ConnectorOptions options) {
  RONDO_ASSERT(!peers.empty());
  std::string target = peers.size() == 1 ? peers[0].to_string()
                                         : "one of " + std::to_string(peers.size()) + " addresses";
  impl_.reset(new Impl(reactor, nullptr, std::move(target), std::move(peers), std::move(callback),
                       std::move(options)));
}

Connector::Connector(Connector&& other) noexcept = default;
Connector& Connector::operator=(Connector&& other) noexcept = default;
Connector::~Connector() = default;

void Connector::Retire::operator()(Impl* impl) const noexcept { impl->retire(); }

}  // namespace rondo
