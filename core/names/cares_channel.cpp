// SPDX-License-Identifier: MIT
// DNS by c-ares (>= 1.18). c-ares does what is hard to get right in packets: it writes queries with
// unpredictable numbers, checks and reads answers, follows aliases, and repeats over TCP a question
// whose answer was truncated. All that takes time is done here, by the reactor's time:
//
// - Sockets are made through the Net and watched as c-ares requests (CaresSockets).
// - A channel of c-ares serves one lookup at a time. So cancelling the lookup (ares_cancel ends all
//   questions of a channel) releases at once all that it holds, and each lookup has its own port.
// - c-ares reads the system's clock. So it gets one server, one try and a timeout that never
//   passes. A timer of the reactor notices silence, cancels, and queries the next server.
// - The questions for both families are sent at the same time, each by itself: an answer to one is
//   kept while the other is repeated, and is enough when one try_timeout has passed. Before that,
//   it may be reported early (EarlyAnswer).
// - The search domains are tried here, because both families must be of the same name. c-ares gets
//   names that end in a dot, which it does not change.
// - resolv.conf(5) is read here (ResolvConf); c-ares reads an empty file.
//
// The course of a lookup:
//
//   ask() -> begin_candidate() -> begin_try() -> finish_try() -> end()
//                  ^                   ^             |
//                  |                   +-------------+  a server failed or was silent: the next one
//                  +---------------------------------+  no address of this name: the next candidate
//
// A name of the search list for which all servers fail is remembered, and the next one is tried, as
// glibc does: systemd-resolved, for example, answers SERVFAIL for names without a dot.
//
// c-ares calls back from inside any of its functions. These callbacks only take notes.
// check_try() reads the notes after the function has returned, or, after ask(), in a later turn.
#include <ares.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include <rondo/assert.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "cares_question.h"
#include "cares_sockets.h"
#include "dns.h"
#include "resolv_conf.h"

namespace rondo::detail {
namespace {

constexpr int cares_timeout_ms = 3'600'000;
constexpr TimePoint next_turn = TimePoint::min();
constexpr Duration try_timeout_default = std::chrono::seconds{2};
constexpr std::size_t tries_default = 2;
// From the third round on no try is shorter, so that many tries without a timeout do not spin.
constexpr Duration late_try_floor = std::chrono::milliseconds{10};
constexpr char system_config[] = "/etc/resolv.conf";

/// How much an error says: the one that says most is reported.
int telling(std::error_code error) noexcept {
  if (!error) return 0;
  if (error.category() != name_category()) return 6;  // the system's, such as no descriptor left
  if (error == ResolveError::no_address) return 5;    // the name exists
  if (error == ResolveError::host_not_found) return 1;
  if (error == ResolveError::no_name_server) return 2;
  return error == ResolveError::timed_out ? 3 : 4;
}

void keep_most_telling(std::error_code& kept, std::error_code error) noexcept {
  if (telling(error) > telling(kept)) kept = error;
}

std::error_code initialise_cares() noexcept {
  static const int status = ::ares_library_init(ARES_LIB_INIT_ALL);
  return status == ARES_SUCCESS ? std::error_code{} : make_error_code(ResolveError::no_dns);
}

class CaresChannel final : public DnsChannel, private CaresSockets::Owner {
 public:
  CaresChannel(Reactor& reactor, const ResolverOptions& options)
      : options_(options),
        sockets_(reactor, *this),
        timer_(reactor, [this] { check_try(); }),
        early_timer_(reactor, [this] { report_early(); }) {}
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;
  ~CaresChannel() override {
    if (channel_ == nullptr) return;
    cancel();
    ::ares_destroy(channel_);
  }

  std::error_code open();
  void ask(const std::string& name, std::optional<AddressFamily> family, EarlyAnswer early,
           OnEnd on_end) override;
  void cancel() noexcept override;

 private:
  void on_socket_ready(int fd, Ready ready) override;
  std::error_code use_server(std::size_t index);
  void begin_candidate();
  void begin_try();
  void check_try();
  void finish_try();
  /// Why a question has no answer, if so; and what the answers say, if there are no addresses.
  struct TryOutcome {
    std::error_code failure;
    std::error_code answer;
  };
  [[nodiscard]] TryOutcome assess_try() noexcept;
  [[nodiscard]] bool choose_next_server() noexcept;
  [[nodiscard]] std::ptrdiff_t count_answers() const noexcept {
    return std::count_if(questions_.begin(), questions_.end(),
                         [](auto& each) { return each.is_answered(); });
  }
  void finish_candidate(std::error_code error);
  void expect_other_family();
  void report_early();
  [[nodiscard]] std::vector<Endpoint> addresses() const;
  void end(Result<std::vector<Endpoint>, std::error_code> result);
  [[nodiscard]] bool is_wanted(const CaresQuestion& question) const noexcept {
    return !family_ || *family_ == question.family();
  }
  [[nodiscard]] bool is_pending() const noexcept {
    return std::any_of(questions_.begin(), questions_.end(), [](auto& q) { return q.pending(); });
  }
  [[nodiscard]] bool is_hopeless() const noexcept;

  const ResolverOptions& options_;
  ResolvConf config_;
  Duration try_timeout_{};
  std::size_t tries_ = 1;
  CaresSockets sockets_;
  ares_channel channel_ = nullptr;
  std::size_t server_ = 0;
  std::size_t answering_ = 0;  // the server that has answered last

  // The lookup.
  OnEnd on_end_;
  EarlyAnswer early_;
  std::optional<AddressFamily> family_;
  std::vector<std::string> candidates_;
  bool first_decides_ = false;  // the first candidate is the name as it is: its error is reported
  std::size_t candidate_ = 0;
  std::error_code error_;  // why the candidates before this one have no address
  // The candidate.
  std::size_t try_ = 0;
  std::vector<bool> has_failed_;  // servers that are not queried again
  std::size_t next_server_ = 0;
  std::ptrdiff_t answers_before_ = 0;  // before this try
  std::error_code start_error_;        // why no try could begin
  std::error_code candidate_error_;
  std::array<CaresQuestion, 2> questions_{CaresQuestion{AddressFamily::ipv6},
                                          CaresQuestion{AddressFamily::ipv4}};
  Timer timer_;
  Timer early_timer_;
};

std::error_code CaresChannel::open() {
  if (auto error = initialise_cares()) return error;
  config_ = ResolvConf::read(options_.config_path.empty() ? system_config : options_.config_path);
  try_timeout_ = options_.try_timeout.value_or(config_.timeout.value_or(try_timeout_default));
  tries_ =
      std::max<std::size_t>(options_.tries.value_or(config_.attempts.value_or(tries_default)), 1);
  if (!options_.name_servers.empty()) config_.servers = options_.name_servers;
  std::erase_if(config_.servers, [](const Endpoint& server) {
    return server.family() == AddressFamily::unix_domain;
  });
  if (config_.servers.empty()) return ResolveError::no_name_server;

  char lookups[] = "b";
  char no_config[] = "/dev/null";
  ares_options given{};
  // Errors of a server are reported; c-ares does not query the same server again.
  given.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOALIASES |
                (config_.uses_tcp ? ARES_FLAG_USEVC : 0) | (config_.extended ? ARES_FLAG_EDNS : 0);
  given.timeout = cares_timeout_ms;
  given.tries = 1;
  given.lookups = lookups;
  given.sock_state_cb = CaresSockets::state_changed;
  given.sock_state_cb_data = &sockets_;
  given.resolvconf_path = no_config;
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                   ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE | ARES_OPT_RESOLVCONF;
  if (const int status = ::ares_init_options(&channel_, &given, mask); status != ARES_SUCCESS) {
    channel_ = nullptr;
    return cares_error(status);
  }
  ::ares_set_socket_functions(channel_, &CaresSockets::functions, &sockets_);
  return use_server(0);
}

/// Nothing may be pending.
std::error_code CaresChannel::use_server(std::size_t index) {
  server_ = index;
  sockets_.use_server(config_.servers[index]);
  ares_addr_port_node server{};
  server.family = AF_INET;
  server.addr.addr4 = CaresSockets::stand_in().sin_addr;
  // Another port for each server, so that c-ares takes it for another one.
  server.udp_port = server.tcp_port = static_cast<int>(1 + index);
  const int status = ::ares_set_servers_ports(channel_, &server);
  return status == ARES_SUCCESS ? std::error_code{} : cares_error(status);
}

void CaresChannel::ask(const std::string& name, std::optional<AddressFamily> family,
                       EarlyAnswer early, OnEnd on_end) {
  RONDO_ASSERT(!on_end_);
  candidates_ = config_.candidates(name);
  first_decides_ = config_.is_first_tried_as_it_is(name);
  candidate_ = 0;
  error_ = ResolveError::host_not_found;
  family_ = !family && config_.ipv4_only ? AddressFamily::ipv4 : family;
  has_failed_.reserve(config_.servers.size());
  on_end_ = std::move(on_end);
  early_ = std::move(early);
  if (config_.rotate) answering_ = (answering_ + 1) % config_.servers.size();
  begin_candidate();
}

void CaresChannel::begin_candidate() {
  try_ = 0;
  candidate_error_ = {};
  has_failed_.assign(config_.servers.size(), false);
  for (CaresQuestion& question : questions_) question.reset();
  if (candidate_ == candidates_.size()) return timer_.arm_at(next_turn);  // there is none
  if (server_ != answering_) {
    start_error_ = use_server(answering_);
    if (start_error_) return timer_.arm_at(next_turn);
  }
  begin_try();
}

void CaresChannel::begin_try() {
  sockets_.clear_error();
  answers_before_ = count_answers();
  for (CaresQuestion& question : questions_) {
    if (is_wanted(question) && !question.is_answered()) {
      question.ask(channel_, candidates_[candidate_]);
    }
  }
  if (is_pending() && !is_hopeless()) {
    const bool is_late = try_ / config_.servers.size() >= 2;
    timer_.arm_after(is_late ? std::max(try_timeout_, late_try_floor) : try_timeout_);
  } else {
    timer_.arm_at(next_turn);
  }
}

void CaresChannel::on_socket_ready(int fd, Ready ready) {
  ::ares_process_fd(channel_, can_read(ready) ? fd : ARES_SOCKET_BAD,
                    can_write(ready) ? fd : ARES_SOCKET_BAD);
  if (!is_pending() || is_hopeless()) return check_try();
  expect_other_family();
}

/// The system reports an error once, to one of the questions; the other one would wait in vain.
bool CaresChannel::is_hopeless() const noexcept {
  return sockets_.error() ||
         std::any_of(questions_.begin(), questions_.end(), [this](const CaresQuestion& each) {
           return is_wanted(each) && each.status() == ARES_ECONNREFUSED;
         });
}

/// All questions are answered, or are not answered in time.
void CaresChannel::check_try() {
  if (!on_end_) return;
  if (is_pending()) ::ares_cancel(channel_);
  timer_.arm_at(next_turn);  // if memory is missing below, this is repeated
  finish_try();
}

void CaresChannel::finish_try() {
  if (start_error_) return end(std::exchange(start_error_, {}));
  if (candidates_.empty()) return end(error_);
  const TryOutcome outcome = assess_try();
  if (auto found = addresses(); !found.empty()) return end(std::move(found));
  if (!outcome.failure) return finish_candidate(outcome.answer);
  keep_most_telling(candidate_error_, outcome.failure);
  if (!choose_next_server()) return finish_candidate(candidate_error_);
  if (auto failed = use_server(next_server_)) return end(failed);
  begin_try();
}

/// Notes whether the server is to be asked again, and whether the next candidate begins with it.
CaresChannel::TryOutcome CaresChannel::assess_try() noexcept {
  TryOutcome outcome{sockets_.error(), ResolveError::host_not_found};
  const bool hopeless = is_hopeless();
  bool is_silent = false;
  bool has_reported = count_answers() > answers_before_;
  for (const CaresQuestion& question : questions_) {
    if (!is_wanted(question)) continue;
    const bool is_cut_off = hopeless && question.status() == ARES_ETIMEOUT;
    const int status = is_cut_off ? ARES_ECONNREFUSED : question.status();
    if (question.is_answered()) {
      if (status == ARES_EBADNAME) outcome.answer = ResolveError::bad_name;
      if (status == ARES_SUCCESS || status == ARES_ENODATA)
        outcome.answer = ResolveError::no_address;
      continue;
    }
    keep_most_telling(outcome.failure, cares_error(status));
    is_silent |= status == ARES_ETIMEOUT;
    has_reported |= status != ARES_ETIMEOUT && status != ARES_ECONNREFUSED;
  }
  has_failed_[server_] = !is_silent;
  if (has_reported) answering_ = server_;
  return outcome;
}

/// A server that was silent is queried again in its turn; one that reported a failure is not.
/// Returns false if none is left.
bool CaresChannel::choose_next_server() noexcept {
  const std::size_t servers = config_.servers.size();
  if (std::all_of(has_failed_.begin(), has_failed_.end(), [](bool failed) { return failed; }))
    return false;
  next_server_ = server_;
  do {
    next_server_ = (next_server_ + 1) % servers;
    if (++try_ / servers >= tries_) return false;
  } while (has_failed_[next_server_]);
  return true;
}

/// As in glibc, the error of the name as it is counts most, if that was tried first; otherwise a
/// name that exists without an address does, and then a failure.
void CaresChannel::finish_candidate(std::error_code error) {
  if (error.category() != name_category() || error == ResolveError::bad_name) return end(error);
  if (candidate_ == 0 || !first_decides_) keep_most_telling(error_, error);
  if (++candidate_ == candidates_.size()) return end(error_);
  begin_candidate();
}

std::vector<Endpoint> CaresChannel::addresses() const {
  std::vector<Endpoint> found;
  for (const CaresQuestion& question : questions_) {
    if (is_wanted(question))
      found.insert(found.end(), question.addresses().begin(), question.addresses().end());
  }
  return found;
}

/// One family has answered and the other has not.
void CaresChannel::expect_other_family() {
  const bool has_addresses = std::any_of(questions_.begin(), questions_.end(),
                                         [](auto& each) { return !each.addresses().empty(); });
  if (early_.report && has_addresses && !early_timer_.armed()) early_timer_.arm_after(early_.delay);
}

/// Touches nothing after the report, which may destroy the channel.
void CaresChannel::report_early() {
  early_timer_.arm_at(next_turn);  // if memory is missing below, this is repeated
  std::vector<Endpoint> found = addresses();
  early_timer_.cancel();
  auto report = std::exchange(early_.report, {});
  report(std::move(found));
}

/// Touches nothing after on_end, which may destroy the channel.
void CaresChannel::end(Result<std::vector<Endpoint>, std::error_code> result) {
  OnEnd on_end = std::exchange(on_end_, OnEnd{});
  cancel();
  on_end(std::move(result));
}

void CaresChannel::cancel() noexcept {
  on_end_ = {};
  early_ = {};
  timer_.cancel();
  early_timer_.cancel();
  ::ares_cancel(channel_);  // closes the sockets too
}

}  // namespace

Result<std::unique_ptr<DnsChannel>, std::error_code> make_dns_channel(
    Reactor& reactor, const ResolverOptions& options) {
  auto channel = std::make_unique<CaresChannel>(reactor, options);
  if (auto error = channel->open()) return error;
  return std::unique_ptr<DnsChannel>{std::move(channel)};
}

}  // namespace rondo::detail
