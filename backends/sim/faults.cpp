// SPDX-License-Identifier: MIT
#include <array>

#include "inside.h"
#include "misuse.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr std::array<std::string_view, fault_count> fault_names{
    "short_read",        "short_write",         "not_now",           "broken",
    "broken_pipe",       "no_buffers",          "no_memory",         "no_descriptor",
    "no_file",           "accept_aborted",      "refused",           "unanswered",
    "unreachable",       "slow_handshake",      "reset_for_end",     "end_with_data",
    "split_packet",      "slow_packet",         "lost_datagram",     "doubled_datagram",
    "late_datagram",     "spurious_ready",      "late_ready",        "doubled_ready",
    "stale_event",       "shuffled_batch",      "cut_batch",         "spurious_wake",
    "late_wake",         "late_timer",          "clock_jump",        "slow_name",
    "failing_name",      "missing_name",        "silent_name",       "failed_allocation",
    "throwing_callback", "destroying_callback", "stopping_callback",
};

}  // namespace

std::string_view name_of(Fault fault) noexcept {
  return fault_names[static_cast<std::size_t>(fault)];
}

void Faults::set(Fault fault, double probability) noexcept {
  demand(is_probability(probability), "set: a probability is from 0 to 1");
  world_.set_fault(fault, probability);
}

double Faults::get(Fault fault) const noexcept {
  return world_.fault_states[static_cast<std::size_t>(fault)].probability;
}

std::uint64_t Faults::count(Fault fault) const noexcept {
  return world_.fault_states[static_cast<std::size_t>(fault)].count;
}

void Faults::swarm() {
  for (std::size_t fault = 0; fault < fault_count; ++fault) {
    const bool strikes = world_.random.below(3) == 0;
    const auto one_in = static_cast<double>(20 + world_.random.below(981));
    set(static_cast<Fault>(fault), strikes ? 1 / one_in : 0);
  }
}

bool Faults::strikes(Fault fault) noexcept {
  const Inside world{nullptr};
  return world_.strikes(fault);
}

bool allocation_fails() noexcept {
  WorldImpl* const world = Inside::program_of;
  return world != nullptr && world->faults.strikes(Fault::failed_allocation);
}

void Faults::clear() noexcept {
  for (std::size_t fault = 0; fault < fault_count; ++fault) set(static_cast<Fault>(fault), 0);
}

void WorldImpl::set_fault(Fault fault, double probability) noexcept {
  fault_states[static_cast<std::size_t>(fault)].probability = probability;
  faults_on_ = false;
  for (const FaultState& state : fault_states) faults_on_ = faults_on_ || state.probability > 0;
}

bool WorldImpl::strikes_now(std::size_t fault) noexcept {
  FaultState& state = fault_states[fault];
  if (!random.chance(state.probability)) return false;
  ++state.count;
  trace.note(now, "fault", fault_names[fault], {});
  return true;
}

}  // namespace rondo::sim
