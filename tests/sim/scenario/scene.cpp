// SPDX-License-Identifier: MIT
#include "scene.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

#include <rondo/task_report.h>

#include "actor.h"
#include "cast.h"

namespace rondo::sim::scenario {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t violations_max = 20;
constexpr std::array<std::string_view, 3> client_addresses{"10.0.1.1", "10.0.1.2", "10.0.1.3"};

/// For choices before the world exists.
std::uint64_t next_after(std::uint64_t seed) noexcept {
  return seed * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX
}

Link draw_link(std::uint64_t seed) {
  const auto below = [&](std::uint64_t bound) {
    seed = next_after(seed);
    return (seed >> 33U) % bound;
  };
  Link link;
  link.latency = Duration{static_cast<Duration::rep>(below(50'000'000))};
  link.jitter = Duration{static_cast<Duration::rep>(below(20'000'000))};
  link.bandwidth = below(2) == 0 ? 0 : 100'000 + below(10'000'000);
  return link;
}

}  // namespace

// --- a scene ------------------------------------------------------------------------------------

Scene::Scene(std::uint64_t seed, Allocations allocations)
    : world(seed, {.link = draw_link(seed)}), has_tasks_(next_after(~seed) >> 63U == 0) {
  if ((next_after(~seed) >> 61U & 3U) == 0) layers_.emplace(*this);
  populate();
  world.faults().swarm();
  if (allocations == Allocations::succeed) world.faults().set(Fault::failed_allocation, 0);
}

Scene::~Scene() = default;

void Scene::run() {
  storm();
  calm_down();
  live_on();
  converse();
  end();
}

void Scene::violated(std::string_view who, std::string_view what) {
  if (violations_.size() == violations_max) return;
  violations_.push_back("after " + std::to_string(world.elapsed() / 1ms) + " ms, " +
                        std::string{who} + ": " + std::string{what});
}

StreamCheck& Scene::check_of_stream(Site& site, std::string_view who) {
  return stream_checks_.emplace_back(*this, site.host, std::string{who});
}

/// Some of its addresses have no host, or no listener on the port.
void Scene::name_service() {
  switch (draw(4)) {
    case 0:
      return world.name("service", {"2001:db8::dead", "10.0.0.1"});
    case 1:
      return world.name("service", {"2001:db8::1", "10.0.0.9", "10.0.0.1"});
    case 2:
      return world.name("service", {"10.0.0.9", "10.0.0.1", "2001:db8::dead"});
    default:
      return world.name("service", {"10.0.0.1"});
  }
}

void Scene::populate() {
  name_service();
  sites_.push_back(std::make_unique<Site>(*this, server_address));
  Site& server = *sites_.front();
  expect(server.host.add_address("2001:db8::1").has_value(), "the scene", "no second address");
  server.boot();
  server.plays([this](Site& site) { return echo_server(site, at(server_address, echo_port)); });
  server.plays([this](Site& site) { return source(site); });
  server.plays([this](Site& site) { return line_server(site); });
  server.plays(
      [this](Site& site) { return datagram_server(site, at(server_address, datagram_port)); });
  server.plays([this](Site& site) { return echo_server(site, unix_stream); });
  server.plays([this](Site& site) { return datagram_server(site, unix_datagrams); });
  server.plays([this](Site& site) { return ferry(site); });
  const std::uint64_t clients = 1 + draw(client_addresses.size());
  for (std::size_t i = 0; i < clients; ++i) {
    sites_.push_back(std::make_unique<Site>(*this, client_addresses[i]));
    sites_.back()->drives = i == 0 && one_in(3);
    sites_.back()->boot();
  }
  for (const auto& site : sites_) populate_clients(*site);
}

void Scene::populate_clients(Site& site) {
  const std::string echo = one_in(2) ? at("service", echo_port) : at(server_address, echo_port);
  const std::uint64_t count = 1 + draw(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool is_server = &site == sites_.front().get();
    switch (draw(is_server ? 11 : 8)) {
      case 0:
      case 1:
        add_talker(site, echo, Mood::whimsical);
        break;
      case 2:
        add_drinker(site, Mood::whimsical);
        break;
      case 3:
        add_line_client(site, Mood::whimsical);
        break;
      case 4:
        add_datagram_client(site, at(server_address, datagram_port));
        break;
      case 5:
        add_returner(site, echo);
        break;
      case 6:
        add_clockwork(site);
        break;
      case 7:
        add_worker(site);
        break;
      case 8:
        add_talker(site, unix_stream, Mood::whimsical);
        break;
      case 9:
        add_datagram_client(site, unix_datagrams);
        break;
      default:
        add_passenger(site);
        break;
    }
  }
}

// --- safety -------------------------------------------------------------------------------------

void Scene::storm() {
  constexpr int steps = 10;
  for (int i = 0; i < steps; ++i) {
    weather();
    advance(draw_time(1s));
    check();
  }
}

void Scene::weather() {
  Site& one = any_site();
  Site& other = any_site();
  const std::string_view a = one.host.address();
  const std::string_view b = other.host.address();
  switch (draw(14)) {
    case 0:
      return world.partition(a, b, draw_time(3s));
    case 1:
      return world.cut(a, b);
    case 2:
      return world.heal(a, b);
    case 3:
      return world.hold(a, b);
    case 4:
      return world.release(a, b);
    case 5:
    case 6:
      return bad_weather_at(one);
    case 7:
      if (one.is_up()) populate_clients(one);
      return;
    case 8:
      return one.boot();
    default:
      return;
  }
}

void Scene::bad_weather_at(Site& site) {
  switch (draw(4)) {
    case 0:
      return site.crash();
    case 1:
      return site.host.limit_descriptors(site.host.descriptors() + draw(5));
    case 2:
      return site.host.limit_memory(draw(100'000));
    default:
      return site.host.jump_clock(draw_time(30s));
  }
}

void Scene::check() {
  for (const auto& site : sites_) {
    for (const auto& actor : site->actors()) actor->check();
  }
}

// --- liveness -----------------------------------------------------------------------------------

void Scene::calm_down() {
  quiet_ = true;
  world.faults().clear();
  if (layers_) {  // what a layer could not write must be tried again
    for (const Fault fault : {Fault::short_read, Fault::short_write, Fault::not_now})
      world.faults().set(fault, 0.05);
  }
  for (const auto& site : sites_) {
    site->host.limit_descriptors(1'000'000);
    site->host.limit_memory(std::numeric_limits<std::size_t>::max());
    site->boot();
    for (const auto& other : sites_) {
      world.heal(site->host.address(), other->host.address());
      world.release(site->host.address(), other->host.address());
    }
  }
}

/// Actors that wait for others finish by themselves. Then the servers drain all their clients, also
/// those whose host has crashed.
void Scene::live_on() {
  for (const bool servers : {false, true}) {
    for (const auto& site : sites_) {
      for (const auto& actor : site->actors()) {
        if (actor->is_server() == servers) actor->wind_down();
      }
    }
    if (!advance_until([&] { return are_over(servers); }, 30min)) {
      violated("at the end", "not over:\n" + who_is_not_over() + world.waiting());
    }
  }
  check();
}

/// The clients, or the servers.
bool Scene::are_over(bool servers) const {
  for (const auto& site : sites_) {
    for (const auto& actor : site->actors()) {
      if (actor->is_server() == servers && !actor->is_over()) return false;
    }
  }
  return true;
}

/// Without faults each new client is served.
void Scene::converse() {
  advance(1s);  // servers listen again
  last_part_ = true;
  Site& server = *sites_.front();
  Site& client = *sites_.back();
  std::vector<Actor*> all;
  for (const auto& site : {&server, &client}) {
    all.push_back(&add_talker(*site, at(server_address, echo_port), Mood::plain));
    all.push_back(&add_drinker(*site, Mood::plain));
    all.push_back(&add_line_client(*site, Mood::plain));
    all.push_back(&add_datagram_client(*site, at(server_address, datagram_port)));
  }
  all.push_back(&add_talker(server, unix_stream, Mood::plain));
  if (!layers_) all.push_back(&add_passenger(server));  // it tries nothing again
  all.push_back(&add_datagram_client(server, unix_datagrams));
  const bool succeeds = advance_until(
      [&] {
        return std::all_of(all.begin(), all.end(), [](Actor* one) { return one->is_over(); });
      },
      10min);
  if (!succeeds) violated("one more", "not served:\n" + who_is_not_over() + world.waiting());
  for (const Actor* const one : all) {
    expect(one->is_complete(), one->describe(), "incomplete, although nothing prevented it");
  }
  check();
}

void Scene::end() {
  for (const auto& site : sites_) {
    for (const auto& actor : site->actors()) actor->leave();
  }
  if (!advance_until([&] { return waiting_tasks().empty(); }, 10min))
    violated("at the end", "tasks still wait:\n" + waiting_tasks());
  for (const auto& site : sites_) site->shut_down();
  advance(20min);
  for (const auto& site : sites_) {
    expect(site->host.descriptors() == 0, site->host.address(), "descriptors are left");
    expect(site->host.connections() == 0, site->host.address(), "connections are left");
  }
}

std::string Scene::waiting_tasks() const {
  std::string tasks;
  for (const auto& site : sites_) tasks += describe_tasks(site->reactor());
  return tasks;
}

std::string Scene::who_is_not_over() const {
  std::string names;
  for (const auto& site : sites_) {
    for (const auto& actor : site->actors()) {
      if (!actor->is_over()) names += actor->describe() + '\n';
    }
  }
  return names;
}

// --- time ---------------------------------------------------------------------------------------

/// Exceptions of callbacks are expected.
template <typename Step>
void Scene::survives(Step&& step) {
  try {
    step();
  } catch (const Mischief&) {
  } catch (const std::bad_alloc&) {
  }
}

/// Runs through the reactor that drives the world, if there is one with something to wait for.
void Scene::run_towards(TimePoint end) {
  for (const auto& site : sites_) {
    if (!site->drives || !site->is_up() || !site->reactor().alive()) continue;
    const auto ran = site->reactor().run_for(end - world.now());
    return expect(ran.has_value(), site->host.address(), ran ? "" : ran.error().message());
  }
  world.run_for(end - world.now());
}

void Scene::advance(Duration duration) {
  const TimePoint end = world.now() + duration;
  while (world.now() < end) survives([&] { run_towards(end); });
}

bool Scene::advance_until(Function<bool()> done, Duration limit) {
  constexpr Duration step = 100ms;
  const TimePoint end = world.now() + limit;
  while (!done()) {
    if (world.now() >= end) return false;
    const TimePoint until = std::min(end, world.now() + step);
    while (world.now() < until) survives([&] { run_towards(until); });
  }
  return true;
}

}  // namespace rondo::sim::scenario
