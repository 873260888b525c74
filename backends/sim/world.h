// The world from inside: time, chance, the hosts and what lies between them.
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
  /// Null: no such host yet.
  [[nodiscard]] Host* find_host(std::string_view name_or_address) const;
  [[nodiscard]] Machine* machine_at(const Address& address) const noexcept;
  std::error_code add_address(Machine& machine, std::string_view text);
  [[nodiscard]] const std::vector<Machine*>& machines() const noexcept { return machines_; }

  // What lies between them.
  Path& path(const Machine& from, const Machine& to);
  /// Both hosts are there already.
  Path& between(std::string_view from, std::string_view to);
  void reopen(std::string_view from, std::string_view to);
  /// What was waiting goes on, if nothing is in the way any more.
  void reopen(const Machine& from, const Machine& to);
  void reopen_paths_to(const Machine& to);
  /// Of connections with that machine, or between two: whoever probes does so now.
  void doubt(const Machine& machine);
  void doubt(std::string_view from, std::string_view to);
  /// A part of a connection: it arrives in the order of such, however long that takes.
  [[nodiscard]] std::unique_ptr<Packet> make_packet();
  void send_packet(const Machine& from, std::size_t size, std::unique_ptr<Packet> packet);
  /// It arrives or not, once or more.
  void send_datagram(const Machine& from, const Machine& to, std::size_t size,
                     Function<Function<void()>()> make_arrival);
  /// Lets what was sent within one machine arrive: at the end of a call, or of an event.
  void settle();

  // Names.
  void set_name(std::string_view name, std::vector<Address> addresses);
  [[nodiscard]] std::unique_ptr<Question> ask(std::string_view name,
                                              std::optional<AddressFamily> family,
                                              OnAnswer on_answer) override;
  Duration name_latency = std::chrono::milliseconds{1};
  /// Of the questions to which no answer will come.
  std::multiset<std::string, std::less<>> unanswered_names;

  // Running.
  /// The next thing that can happen, if it can by `limit`. Throws what somebody's callback threw.
  bool step(TimePoint limit);
  /// To be thrown by step() when the turn is over.
  void keep(const std::exception_ptr& exception) { thrown_.push_back(exception); }
  void make_runnable(HostedEnd& end);
  void forget(HostedEnd& end) noexcept;
  /// Nothing happens until then.
  void pass_until(TimePoint time) noexcept { now = std::max(now, time); }
  /// Set by any thread, together with a flag of who was woken.
  std::atomic<bool> somebody_woken = false;
  std::uint64_t answers = 0;  // of names: whom they are for may have something to do now
  /// One more look or turn at this point in time.
  /// Where there are very many turns time passes, up to `limit` if that can be, and what is due
  /// then happens. Whether it has passed.
  bool spend_turn(TimePoint limit);
  void list_waiting(WaitingList& list) const;
  /// Whether anything can happen still; `never` if not.
  [[nodiscard]] TimePoint next_event() const noexcept {
    return runnable_.empty() ? events.next() : now;
  }

  // Faults.
  [[nodiscard]] bool faults_strike() const noexcept { return faults_on_; }
  /// Draws whether this one happens now.
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
  /// Brings it there; waits in front of a machine that is down if that is what such packets do.
  template <typename Arrival>
  void arrive_at(Path& way, const Machine& to, TimePoint time, Arrival arrive);
  void arrive(std::unique_ptr<Packet> packet);
  /// The next event.
  void tell_next();
  void turn_one(TimePoint limit);
  void throw_kept();

  bool faults_on_ = false;
  bool settling_ = false;
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
