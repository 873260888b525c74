// SPDX-License-Identifier: MIT
// The public classes World and Host.
#include <rondo/sim.h>

#include <string>
#include <utility>

#include "backends.h"
#include "inside.h"
#include "machine.h"
#include "misuse.h"
#include "waiting.h"
#include "world.h"

namespace rondo::sim {

// --- Host ---------------------------------------------------------------------------------------

Host::Host(WorldImpl& world, std::string_view name, std::uint32_t id)
    : machine_(std::make_unique<Machine>(world, name, id)) {}
Host::~Host() = default;

std::unique_ptr<HostedBackend> Host::backend() {
  const Inside world{nullptr};
  return std::make_unique<HostedEnd>(*machine_);
}
std::unique_ptr<Backend> Host::driving_backend() {
  const Inside world{nullptr};
  return std::make_unique<DrivingEnd>(*machine_);
}
Net& Host::net() noexcept { return machine_->net(); }

Result<void> Host::add_address(std::string_view address) {
  const Inside world{nullptr};
  if (const std::error_code error = machine_->world().add_address(*machine_, address)) {
    return Error{error, "add address " + std::string{address} + " to " + std::string{name()}};
  }
  return {};
}
std::string_view Host::address() const noexcept { return machine_->address_text(); }
std::string_view Host::name() const noexcept { return machine_->name(); }

int Host::pipe(int (&fds)[2]) noexcept { return machine_->net().pipe(fds); }
int Host::duplicate(int fd) noexcept { return machine_->net().duplicate(fd); }

void Host::crash() {
  const Inside world{nullptr};
  machine_->crash();
  machine_->world().doubt(*machine_);
}
void Host::restart() {
  const Inside world{nullptr};
  machine_->restart();
}
bool Host::is_up() const noexcept { return machine_->is_up(); }

void Host::limit_descriptors(std::size_t count) noexcept { machine_->table().limit(count); }
void Host::limit_memory(std::size_t bytes) noexcept { machine_->limit_memory(bytes); }
void Host::jump_clock(Duration forward) {
  demand(is_some_time(forward), "jump_clock: the duration is below zero, or more than a year");
  const Inside world{nullptr};
  machine_->jump_clock(forward);
}
TimePoint Host::now() const noexcept { return machine_->now(); }
std::size_t Host::descriptors() const noexcept { return machine_->table().open(); }
std::size_t Host::connections() const noexcept { return machine_->connections.size(); }

// --- World --------------------------------------------------------------------------------------

World::World(std::uint64_t seed, const WorldOptions& options)
    : impl_(std::make_unique<WorldImpl>(seed, options)) {
  const char* const path = environment("RONDO_SIM_TRACE");
  // A trace that cannot be written must not change the run of a test.
  if (path != nullptr) {
    const std::error_code error = impl_->trace.write_to(path, Trace::Mode::append);
    if (error)
      warn("cannot write the trace to RONDO_SIM_TRACE=" + std::string{path} + ": " +
           error.message());
  }
  impl_->trace.note(now(), "the world", "begins, seed", {seed});
}
World::~World() = default;

Host& World::host(std::string_view name_or_address) {
  const Inside world{nullptr};
  return impl_->host(name_or_address);
}

void World::name(std::string_view name, std::initializer_list<std::string_view> addresses) {
  const Inside world{nullptr};
  std::vector<Address> parsed;
  for (const std::string_view text : addresses) {
    const auto address = Address::parse(text);
    if (!address) misuse("name: not an address: \"" + std::string{text} + '"');
    parsed.push_back(*address);
  }
  impl_->set_name(name, std::move(parsed));
}
void World::name_latency(Duration latency) noexcept {
  demand(is_some_time(latency), "name_latency: the latency is below zero, or more than a year");
  impl_->name_latency = latency;
}

void World::link(std::string_view a, std::string_view b, const Link& link) {
  const Inside world{nullptr};
  check(link);
  impl_->between(a, b).link = link;
  impl_->between(b, a).link = link;
}

void World::partition(std::string_view a, std::string_view b) {
  cut(a, b);
  cut(b, a);
}

void World::partition(std::string_view a, std::string_view b, Duration duration) {
  const Inside world{nullptr};
  demand(is_some_time(duration), "partition: the duration is below zero, or more than a year");
  partition(a, b);
  impl_->events.at(after(now(), duration),
                   [this, one = std::string{a}, other = std::string{b}] { heal(one, other); });
}

void World::cut(std::string_view from, std::string_view to) {
  const Inside world{nullptr};
  impl_->between(from, to).is_cut = true;
  impl_->trace.note(now(), from, "is cut off from", to);
  impl_->doubt(from, to);
}

void World::heal(std::string_view a, std::string_view b) {
  const Inside world{nullptr};
  impl_->trace.note(now(), a, "reaches and is reached by", b);
  impl_->between(a, b).is_cut = false;
  impl_->between(b, a).is_cut = false;
  impl_->reopen(a, b);
  impl_->reopen(b, a);
}

void World::hold(std::string_view from, std::string_view to) {
  const Inside world{nullptr};
  impl_->between(from, to).is_held = true;
  impl_->trace.note(now(), from, "is held up on the way to", to);
}

void World::release(std::string_view from, std::string_view to) {
  const Inside world{nullptr};
  impl_->between(from, to).is_held = false;
  impl_->trace.note(now(), from, "is released on the way to", to);
  impl_->reopen(from, to);
}

Faults& World::faults() noexcept { return impl_->faults; }

void World::run_for(Duration duration) {
  const TimePoint limit = after(now(), duration);
  while (now() <= limit && impl_->step(limit)) {
  }
  impl_->pass_until(limit);
}

bool World::run_until(Function<bool()> done, Duration limit) {
  demand(static_cast<bool>(done), "run_until: the condition is empty");
  const TimePoint end = after(now(), limit);
  while (!done()) {
    if (now() <= end && impl_->step(end)) continue;
    impl_->pass_until(end);
    return false;
  }
  return true;
}

Result<void> World::run() {
  while (impl_->step(never)) {
  }
  WaitingList list;
  impl_->list_waiting(list);
  if (list.count() == 0) return {};
  return Error{std::make_error_code(std::errc::resource_deadlock_would_occur),
               "run the simulated network"};
}

TimePoint World::now() const noexcept { return impl_->now; }
Duration World::elapsed() const noexcept { return impl_->now - WorldImpl::beginning; }
std::uint64_t World::seed() const noexcept { return impl_->seed; }
std::uint64_t World::draw(std::uint64_t bound) noexcept {
  demand(bound != 0, "draw: the bound is 0");
  return impl_->random.below(bound);
}
void World::note(std::string_view what) { impl_->trace.note(now(), "the test", "says", what); }
std::uint64_t World::trace_hash() const noexcept { return impl_->trace.hash(); }
void World::on_trace(Function<void(std::string_view)> reader) {
  impl_->trace.read_by(std::move(reader));
}
Result<void> World::write_trace(const std::string& path) {
  if (const auto error = impl_->trace.write_to(path.c_str(), Trace::Mode::replace)) {
    return Error{error, "write " + path};
  }
  return {};
}

}  // namespace rondo::sim
