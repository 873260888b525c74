// SPDX-License-Identifier: MIT
// Time and order. One step is a turn of one of the runnable reactors, drawn from the seed or, if
// there is none, the next event, for which the clock jumps. What is sent within one machine takes
// no time: it arrives, in order, when the call or the event that sent it is over, so that no object
// is called from inside itself.
#include "world.h"

#include <algorithm>
#include <utility>

#include "backends.h"
#include "inside.h"
#include "machine.h"
#include "misuse.h"
#include "waiting.h"

namespace rondo::sim {
namespace {

constexpr Duration time_of_turns_min = std::chrono::microseconds{1};
constexpr Duration time_of_turns_max = std::chrono::seconds{1};
constexpr unsigned slow_packet = 100;
constexpr std::size_t spare_packets_max = std::size_t{1} << 16U;
constexpr Duration reordering_delay_min = std::chrono::milliseconds{1};

bool may_be_of_host(const Address& address) noexcept {
  return !address.is_any() && !address.is_loopback() && !address.is_multicast() &&
         !address.is_broadcast();
}

std::string quoted(std::string_view text) { return '"' + std::string{text} + '"'; }

}  // namespace

WorldImpl::WorldImpl(std::uint64_t world_seed, const WorldOptions& world_options)
    : seed(world_seed),
      options(world_options),
      random{world_seed, world_options.choices},
      faults{*this} {
  check(options.link);
  demand(options.turns_per_instant_max != 0, "turns_per_instant_max: must not be 0");
}

/// The end of a world is not an event in it, and the reader of the trace may be gone.
WorldImpl::~WorldImpl() { trace.end(); }

// --- hosts --------------------------------------------------------------------------------------

/// The address that the text denotes, or the first one that name() has set for it.
std::optional<Address> WorldImpl::address_of(std::string_view name_or_address) const noexcept {
  const auto alias = names_.find(name_or_address);
  if (alias == names_.end()) return Address::parse(name_or_address);
  return alias->second.empty() ? std::nullopt : std::optional{alias->second.front()};
}

Host* WorldImpl::find_host(std::string_view name_or_address) const {
  const auto known = hosts_by_name_.find(name_or_address);
  if (known != hosts_by_name_.end()) return known->second;
  const auto address = address_of(name_or_address);
  const Machine* const owner = address ? machine_at(*address) : nullptr;
  return owner == nullptr ? nullptr : hosts_[owner->id()].get();
}

Host& WorldImpl::host(std::string_view name_or_address) {
  if (Host* const known = find_host(name_or_address)) return *known;
  std::optional<Address> address = address_of(name_or_address);
  if (address && !may_be_of_host(*address)) {
    misuse("host: not an address of one host: " + quoted(name_or_address));
  }
  if (!address && !is_host_name(name_or_address)) {
    misuse("host: neither an address nor a name: " + quoted(name_or_address));
  }
  const auto id = static_cast<std::uint32_t>(hosts_.size());
  hosts_.push_back(std::unique_ptr<Host>{new Host{*this, name_or_address, id}});
  Host& host = *hosts_.back();
  machines_.push_back(host.machine_.get());
  hosts_by_name_.emplace(name_or_address, &host);
  if (!address) {
    const std::string next =
        "10.77." + std::to_string(1 + id / 250) + '.' + std::to_string(1 + id % 250);
    address = Address::parse(next);
    set_name(name_or_address, {*address});
  }
  machines_by_ip_.emplace(address->ip, host.machine_.get());
  host.machine_->add_address(*address);
  return host;
}

Machine* WorldImpl::machine_at(const Address& address) const noexcept {
  const auto found = machines_by_ip_.find(address.ip);
  return found == machines_by_ip_.end() ? nullptr : found->second;
}

std::error_code WorldImpl::add_address(Machine& machine, std::string_view text) {
  const auto address = Address::parse(text);
  if (!address) return std::make_error_code(std::errc::invalid_argument);
  const auto [found, is_new] = machines_by_ip_.emplace(address->ip, &machine);
  if (is_new) {
    machine.add_address(*address);
  } else if (found->second != &machine) {
    return std::make_error_code(std::errc::address_in_use);
  }
  return {};
}

// --- paths between hosts ---------------------------------------------------------------------

Path& WorldImpl::path(const Machine& from, const Machine& to) {
  const auto [found, is_new] = paths_.try_emplace({from.id(), to.id()});
  if (is_new) found->second.link = options.link;
  return found->second;
}

/// Does not make a host, because a misspelt name would become a host of its own.
Machine& WorldImpl::machine_of(std::string_view host) const {
  if (const Host* const known = find_host(host)) return *known->machine_;
  std::string others;
  for (const Machine* const machine : machines_) others += ' ' + std::string{machine->name()};
  misuse("there is no host " + quoted(host) + " yet, but:" + (others.empty() ? " none" : others));
}

Path& WorldImpl::between(std::string_view from, std::string_view to) {
  return path(machine_of(from), machine_of(to));
}

void WorldImpl::reopen(std::string_view from, std::string_view to) {
  reopen(machine_of(from), machine_of(to));
}

/// `Arrival` is not type-erased, so that a packet fits into the event.
template <typename Arrival>
void WorldImpl::arrive_at(Path& way, const Machine& to, TimePoint time, Arrival arrive) {
  events.at(time, [&way, &to, arrive = std::move(arrive)]() mutable {
    if (to.is_up()) {
      arrive();
    } else {
      way.wait(std::move(arrive));
    }
  });
}

std::unique_ptr<Packet> WorldImpl::make_packet() {
  if (spare_packets_.empty()) return std::make_unique<Packet>();
  std::unique_ptr<Packet> packet = std::move(spare_packets_.back());
  spare_packets_.pop_back();
  return packet;
}

/// Keeps the packet with its buffer for the next one.
void WorldImpl::arrive(std::unique_ptr<Packet> packet) {
  Tcp::arrive(*packet);
  if (packet->data.capacity() > ByteQueue::copied_max) packet->data = {};
  packet->data.clear();
  if (spare_packets_.size() < spare_packets_max) spare_packets_.push_back(std::move(packet));
}

void WorldImpl::send_packet(const Machine& from, std::size_t size, std::unique_ptr<Packet> packet) {
  const Machine& to = *packet->to;
  auto arrive = [this, one = std::move(packet)]() mutable { this->arrive(std::move(one)); };
  if (&from == &to) {
    within_.emplace_back(std::move(arrive));
    return;
  }
  Path& way = path(from, to);
  const unsigned slowness = strikes(Fault::slow_packet) ? slow_packet : 1;
  const TimePoint time = way.arrival(now, size, Path::Order::kept, slowness, random);
  if (way.is_open()) {
    arrive_at(way, to, time, std::move(arrive));
  } else {
    way.wait(std::move(arrive));
  }
}

void WorldImpl::send_datagram(const Machine& from, const Machine& to, std::size_t size,
                              Function<Function<void()>()> make_arrival) {
  if (&from == &to) return within_.push_back(make_arrival());
  Path& way = path(from, to);
  if (way.is_cut || random.chance(way.link.loss) || strikes(Fault::lost_datagram)) return;
  const bool is_doubled = random.chance(way.link.duplication) || strikes(Fault::doubled_datagram);
  for (int copies = is_doubled ? 2 : 1; copies > 0; --copies) {
    if (way.is_held) {
      way.wait(make_arrival());
      continue;
    }
    TimePoint time = way.arrival(now, size, Path::Order::any, 1, random);
    if (random.chance(way.link.reordering) || strikes(Fault::late_datagram)) {
      const Duration delay = std::max(way.link.latency, reordering_delay_min) * 2;
      time += Duration{
          static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(delay.count())))};
    }
    events.at(time, [&to, arrive = make_arrival()]() mutable {
      if (to.is_up()) arrive();
    });
  }
}

void WorldImpl::reopen(const Machine& from, const Machine& to) {
  Path& way = path(from, to);
  if (!way.is_open()) return;
  for (Path::Arrival& arrival : way.take_waiting()) {
    const TimePoint time = way.arrival(now, 0, Path::Order::kept, 1, random);
    arrive_at(way, to, time, std::move(arrival));
  }
}

void WorldImpl::reopen_paths_to(const Machine& to) {
  for (Machine* const from : machines_) {
    if (from != &to) reopen(*from, to);
  }
}

void WorldImpl::doubt(const Machine& machine) {
  for (Machine* const other : machines_) {
    if (other != &machine) other->doubt(machine);
  }
}

void WorldImpl::doubt(std::string_view from, std::string_view to) {
  Machine& one = machine_of(from);
  Machine& other = machine_of(to);
  one.doubt(other);
  other.doubt(one);
}

void WorldImpl::deliver_local() {
  if (std::exchange(delivering_local_, true)) return;
  while (!within_.empty()) {
    Function<void()> arrive = std::move(within_.front());
    within_.pop_front();
    arrive();
  }
  delivering_local_ = false;
}

// --- running ------------------------------------------------------------------------------------

/// Throws one exception at a time.
void WorldImpl::throw_kept() {
  if (thrown_.empty()) [[likely]]
    return;
  const std::exception_ptr first = std::move(thrown_.front());
  thrown_.erase(thrown_.begin());
  std::rethrow_exception(first);
}

bool WorldImpl::step(TimePoint limit) {
  const Inside world{nullptr};
  throw_kept();
  if (any_woken.exchange(false)) {
    for (Machine* const machine : machines_) {
      for (BackendBase* const backend : machine->backends) backend->look_whether_woken();
    }
  }
  if (!runnable_.empty()) {
    turn_one(limit);
    throw_kept();
    return true;
  }
  const TimePoint time = events.next();
  if (time == never || time > limit) return false;
  run_next_event();
  return true;
}

void WorldImpl::run_next_event() {
  const Inside world{nullptr};
  now = std::max(now, events.next());
  Function<void()> action = events.pop();
  action();
  deliver_local();
}

void WorldImpl::turn_one(TimePoint limit) {
  (void)spend_turn(limit);        // a turn follows in any case
  if (runnable_.empty()) return;  // an event in spend_turn() may have ended the reactor
  const std::size_t index = runnable_.size() == 1 ? 0 : random.below(runnable_.size());
  HostedEnd& end = *runnable_[index];
  runnable_[index] = runnable_.back();
  runnable_.pop_back();
  end.is_runnable_ = false;
  if (strikes(Fault::clock_jump)) {
    constexpr std::uint64_t jump_max = 60'000'000'000;
    end.machine_.jump_clock(Duration{static_cast<Duration::rep>(random.below(jump_max))});
  }
  end.machine_.note("turn");
  end.run();
}

void WorldImpl::make_runnable(HostedEnd& end) {
  if (std::exchange(end.is_runnable_, true)) return;
  runnable_.push_back(&end);
}

void WorldImpl::forget(HostedEnd& end) noexcept {
  if (end.is_runnable_) std::erase(runnable_, &end);
}

/// While reactors keep spinning, more time passes each time, but only up to the next event.
bool WorldImpl::spend_turn(TimePoint limit) {
  if (std::exchange(turns_at_, now) != now) {
    turns_ = 0;
    time_of_turns_ = time_of_turns_min;
  }
  if (++turns_ <= options.turns_per_instant_max) return false;
  turns_ = 0;
  const TimePoint next = std::min(limit, events.next());
  now = std::max(now + time_of_turns_min, std::min(now + time_of_turns_, next));
  turns_at_ = now;
  time_of_turns_ = std::min(time_of_turns_ * 2, time_of_turns_max);
  while (events.next() <= now) run_next_event();
  return true;
}

void WorldImpl::list_waiting(WaitingList& list) const {
  for (const Machine* const machine : machines_) {
    for (const BackendBase* const backend : machine->backends) backend->list_waiting(list);
    if (!machine->is_up()) list.remark(std::string{machine->name()} + " is down");
  }
  for (const std::string& name : unanswered_names) {
    list.remark("no answer comes for the name " + name);
  }
  for (const auto& [ends, way] : paths_) {
    if (way.is_open() && way.waiting() == 0) continue;
    const std::string_view state = way.is_cut ? " is cut" : way.is_held ? " is held" : "";
    list.remark("from " + std::string{machines_[ends.first]->name()} + " to " +
                std::string{machines_[ends.second]->name()} + std::string{state} +
                ", waiting packets: " + std::to_string(way.waiting()));
  }
}

void WorldImpl::list_tasks(WaitingList& list) const {
  for (const Machine* const machine : machines_)
    for (const BackendBase* const backend : machine->backends) backend->list_tasks(list);
}

}  // namespace rondo::sim
