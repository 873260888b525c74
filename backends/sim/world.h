// SPDX-License-Identifier: MIT
// The inside of a World: time, random choices, hosts and the paths between them.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/name_service.h>
#include <rondo/sim.h>

#include "address.h"
#include "events.h"
#include "host_name.h"
#include "path.h"
#include "random.h"
#include "trace.h"

namespace rondo::sim {

class HostedEnd;
class Machine;
struct Packet;
class WaitingList;

class WorldImpl final : public NameService {
 public:
  WorldImpl(std::uint64_t seed, const WorldOptions& options);
  WorldImpl(const WorldImpl&) = delete;
  WorldImpl& operator=(const WorldImpl&) = delete;
  ~WorldImpl() override;

  const std::uint64_t seed;
  const WorldOptions options;
  Random random;
  Trace trace;
  EventQueue events;
  Faults faults;
  static constexpr TimePoint beginning{std::chrono::hours{1}};
  TimePoint now = beginning;

  // Hosts.
  Host& host(std::string_view name_or_address);
  /// Null: the host does not exist yet.
  [[nodiscard]] Host* find_host(std::string_view name_or_address) const;
  [[nodiscard]] Machine* machine_at(const Address& address) const noexcept;
  std::error_code add_address(Machine& machine, std::string_view text);
  [[nodiscard]] const std::vector<Machine*>& machines() const noexcept { return machines_; }

  // Paths between hosts.
  Path& path(const Machine& from, const Machine& to);
  /// Both hosts must exist.
  Path& between(std::string_view from, std::string_view to);
  void reopen(std::string_view from, std::string_view to);
  /// Delivers the waiting packets if nothing blocks the path any more.
  void reopen(const Machine& from, const Machine& to);
  void reopen_paths_to(const Machine& to);
  /// Lets the connections with that machine, or between the two, probe each other now.
  void doubt(const Machine& machine);
  void doubt(std::string_view from, std::string_view to);
  /// Packets of connections arrive in order, however long that takes.
  [[nodiscard]] std::unique_ptr<Packet> make_packet();
  void send_packet(const Machine& from, std::size_t size, std::unique_ptr<Packet> packet);
  /// A datagram may be lost, or arrive more than once.
  void send_datagram(const Machine& from, const Machine& to, std::size_t size,
                     Function<Function<void()>()> make_arrival);
  /// Delivers what was sent within one machine: at the end of a call or an event.
  void deliver_local();

  // Names.
  void set_name(std::string_view name, std::vector<Address> addresses);
  [[nodiscard]] std::unique_ptr<Question> ask(std::string_view name,
                                              std::optional<AddressFamily> family,
                                              OnAnswer on_answer) override;
  Duration name_latency = std::chrono::milliseconds{1};
  /// The names of the questions to which no answer will come.
  std::multiset<std::string, std::less<>> unanswered_names;

  // Running.
  /// Runs the next turn or event, if there is one before `limit`. Rethrows exceptions of callbacks.
  bool step(TimePoint limit);
  /// Keeps an exception, which step() throws at the end of the turn.
  void keep(const std::exception_ptr& exception) { thrown_.push_back(exception); }
  void make_runnable(HostedEnd& end);
  void forget(HostedEnd& end) noexcept;
  /// There must be no event before `time`.
  void pass_until(TimePoint time) noexcept { now = std::max(now, time); }
  /// Set by any thread, together with the flag of the backend that was woken.
  std::atomic<bool> any_woken = false;
  std::uint64_t answers = 0;  // to lookups: their receivers may be ready for a turn
  /// Counts one more turn at this point in time. After very many turns, time passes, if possible up
  /// to `limit`, and events that are then due happen. Returns whether time has passed.
  bool spend_turn(TimePoint limit);
  void list_waiting(WaitingList& list) const;
  void list_tasks(WaitingList& list) const;
  /// The time of the next turn or event; `never` if there is none.
  [[nodiscard]] TimePoint next_event() const noexcept {
    return runnable_.empty() ? events.next() : now;
  }

  // Faults.
  [[nodiscard]] bool faults_strike() const noexcept { return faults_on_; }
  /// Draws whether the fault strikes now.
  [[nodiscard]] bool strikes(Fault fault) noexcept {
    return faults_on_ && strikes_now(static_cast<std::size_t>(fault));
  }
  void set_fault(Fault fault, double probability) noexcept;
  struct FaultState {
    double probability = 0;
    std::uint64_t count = 0;
  };
  std::array<FaultState, fault_count> fault_states{};

 private:
  bool strikes_now(std::size_t fault) noexcept;
  [[nodiscard]] Machine& machine_of(std::string_view host) const;
  [[nodiscard]] std::optional<Address> address_of(std::string_view name_or_address) const noexcept;
  Result<std::vector<Endpoint>, std::error_code> answer_to(std::string_view name,
                                                           std::optional<AddressFamily> family);
  /// Delivers the arrival; if the machine is down, it waits or is lost, by the type of the packet.
  template <typename Arrival>
  void arrive_at(Path& way, const Machine& to, TimePoint time, Arrival arrive);
  void arrive(std::unique_ptr<Packet> packet);
  /// Runs the next event.
  void run_next_event();
  void turn_one(TimePoint limit);
  void throw_kept();

  bool faults_on_ = false;
  bool delivering_local_ = false;
  std::vector<std::unique_ptr<Packet>> spare_packets_;
  std::deque<Function<void()>> within_;  // what was sent within one machine
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<Machine*> machines_;
  std::map<std::string, Host*, NameLess> hosts_by_name_;
  std::map<Ip, Machine*> machines_by_ip_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Path> paths_;
  std::map<std::string, std::vector<Address>, NameLess> names_;
  std::vector<HostedEnd*> runnable_;
  std::vector<std::exception_ptr> thrown_;
  std::uint32_t turns_ = 0;
  TimePoint turns_at_{};
  Duration time_of_turns_{};
};

}  // namespace rondo::sim
