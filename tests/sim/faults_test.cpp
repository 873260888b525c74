// SPDX-License-Identifier: MIT
// Each fault alone: that it strikes, and its visible effect.
#include "fault_scene.h"

namespace rondo::sim {
namespace {

void see(FaultScene& scene) {  // tidy: allow sizes: a line for each fault
  switch (scene.fault) {
    case Fault::short_read:
      return short_read(scene);
    case Fault::short_write:
      return short_write(scene);
    case Fault::not_now:
      return not_now(scene);
    case Fault::broken:
      return broken(scene);
    case Fault::broken_pipe:
      return broken_pipe(scene);
    case Fault::no_buffers:
      return no_buffers(scene);
    case Fault::no_memory:
      return no_memory(scene);
    case Fault::no_descriptor:
      return no_descriptor(scene);
    case Fault::no_file:
      return no_file(scene);
    case Fault::accept_aborted:
      return accept_aborted(scene);
    case Fault::refused:
      return refused(scene);
    case Fault::unanswered:
      return unanswered(scene);
    case Fault::unreachable:
      return unreachable(scene);
    case Fault::slow_handshake:
      return slow_handshake(scene);
    case Fault::reset_for_end:
      return reset_for_end(scene);
    case Fault::end_with_data:
      return end_with_data(scene);
    case Fault::split_packet:
      return split_packet(scene);
    case Fault::slow_packet:
      return slow_packet(scene);
    case Fault::lost_datagram:
      return lost_datagram(scene);
    case Fault::doubled_datagram:
      return doubled_datagram(scene);
    case Fault::late_datagram:
      return late_datagram(scene);
    case Fault::spurious_ready:
      return spurious_ready(scene);
    case Fault::late_ready:
      return late_ready(scene);
    case Fault::doubled_ready:
      return doubled_ready(scene);
    case Fault::stale_event:
      return stale_event(scene);
    case Fault::shuffled_batch:
      return shuffled_batch(scene);
    case Fault::cut_batch:
      return cut_batch(scene);
    case Fault::spurious_wake:
      return spurious_wake(scene);
    case Fault::late_wake:
      return late_wake(scene);
    case Fault::late_timer:
      return late_timer(scene);
    case Fault::clock_jump:
      return clock_jump(scene);
    case Fault::slow_name:
      return slow_name(scene);
    case Fault::failing_name:
      return failing_name(scene);
    case Fault::missing_name:
      return missing_name(scene);
    case Fault::silent_name:
      return silent_name(scene);
    case Fault::failed_allocation:
    case Fault::throwing_callback:
    case Fault::destroying_callback:
    case Fault::stopping_callback:
      break;  // faults that a program makes itself are in user_faults_test.cpp
  }
  scene.strike();
  EXPECT_TRUE(scene.world.faults().strikes(scene.fault));
}

class EachFault : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Named, EachFault, testing::Range<std::size_t>(0, fault_count),
                         [](const auto& each) {
                           return std::string{name_of(static_cast<Fault>(each.param))};
                         });

TEST_P(EachFault, StrikesAndIsSeen) {
  FaultScene scene{static_cast<Fault>(GetParam())};
  see(scene);
  EXPECT_GT(scene.world.faults().count(scene.fault), 0u);
}

}  // namespace
}  // namespace rondo::sim
