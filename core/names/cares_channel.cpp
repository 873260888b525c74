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
//   kept while the other is repeated, and is enough when one try_timeout has passed.
// - The search domains are tried here, because both families must be of the same name. c-ares gets
//   names that end in a dot, which it does not change.
//
// The course of a lookup:
//
//   ask() -> begin_candidate() -> begin_try() -> finish_try() -> end()
//                  ^                   ^             |
//                  |                   +-------------+  a server failed: the next server
//                  +---------------------------------+  no such name: the next candidate
//
// c-ares calls back from inside any of its functions. These callbacks only take notes.
// check_try() reads the notes after the function has returned, or, after ask(), in a later turn.
#include <ares.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <rondo/assert.h>
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "cares_config.h"
#include "cares_question.h"
#include "cares_sockets.h"
#include "dns.h"

namespace rondo::detail {
namespace {

constexpr int cares_timeout_ms = 3'600'000;
constexpr TimePoint next_turn = TimePoint::min();

std::error_code initialise_cares() noexcept {
  static const int status = ::ares_library_init(ARES_LIB_INIT_ALL);
  return status == ARES_SUCCESS ? std::error_code{} : make_error_code(ResolveError::no_dns);
}

class CaresChannel final : public DnsChannel, private CaresSockets::Owner {
 public:
  CaresChannel(Reactor& reactor, const ResolverOptions& options)
      : options_(options), sockets_(reactor, *this), timer_(reactor, [this] { check_try(); }) {}
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;
  ~CaresChannel() override {
    if (channel_ == nullptr) return;
    cancel();
    ::ares_destroy(channel_);
  }

  std::error_code open();
  void ask(const std::string& name, std::optional<AddressFamily> family, OnEnd on_end) override;
  void cancel() noexcept override;

 private:
  void on_socket_ready(int fd, Ready ready) override;
  std::error_code use_server(std::size_t index);
  void begin_candidate();
  void begin_try();
  void check_try();
  void finish_try();
  void try_next_server(std::error_code error);
  void end(Result<std::vector<Endpoint>, std::error_code> result);
  [[nodiscard]] bool is_wanted(const CaresQuestion& question) const noexcept {
    return !family_ || *family_ == question.family();
  }
  [[nodiscard]] bool is_pending() const noexcept {
    return std::any_of(questions_.begin(), questions_.end(), [](auto& q) { return q.pending(); });
  }
  [[nodiscard]] bool is_hopeless() const noexcept;

  const ResolverOptions& options_;
  CaresConfig config_;
  CaresSockets sockets_;
  ares_channel channel_ = nullptr;
  std::size_t server_ = 0;

  // The lookup.
  OnEnd on_end_;
  std::optional<AddressFamily> family_;
  std::vector<std::string> candidates_;
  std::size_t candidate_ = 0;
  std::size_t try_ = 0;  // the try of this candidate
  bool exists_ = false;  // a candidate exists, but has no address
  std::array<CaresQuestion, 2> questions_{CaresQuestion{AddressFamily::ipv6},
                                          CaresQuestion{AddressFamily::ipv4}};
  Timer timer_;
};

std::error_code CaresChannel::open() {
  if (auto error = initialise_cares()) return error;
  std::string config_path = options_.config_path;
  char lookups[] = "b";
  ares_options given{};
  // Errors of a server are reported; c-ares does not query the same server again.
  given.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOALIASES;
  given.timeout = cares_timeout_ms;
  given.tries = 1;
  given.lookups = lookups;
  given.sock_state_cb = CaresSockets::state_changed;
  given.sock_state_cb_data = &sockets_;
  given.resolvconf_path = config_path.data();
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
             ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
  if (!config_path.empty()) mask |= ARES_OPT_RESOLVCONF;
  if (const int status = ::ares_init_options(&channel_, &given, mask); status != ARES_SUCCESS) {
    channel_ = nullptr;
    return cares_error(status);
  }
  ::ares_set_socket_functions(channel_, &CaresSockets::functions, &sockets_);
  auto config = read_cares_config(channel_, options_.name_servers);
  if (!config) return config.error();
  config_ = std::move(*config);
  return use_server(0);
}

/// Nothing may be pending.
std::error_code CaresChannel::use_server(std::size_t index) {
  server_ = index;
  config_.servers[index].next = nullptr;
  const int status = ::ares_set_servers_ports(channel_, &config_.servers[index]);
  return status == ARES_SUCCESS ? std::error_code{} : cares_error(status);
}

void CaresChannel::ask(const std::string& name, std::optional<AddressFamily> family, OnEnd on_end) {
  RONDO_ASSERT(!on_end_);
  candidates_ = config_.candidates(name);
  candidate_ = 0;
  exists_ = false;
  family_ = family;
  on_end_ = std::move(on_end);
  begin_candidate();
}

void CaresChannel::begin_candidate() {
  try_ = 0;
  for (CaresQuestion& question : questions_) question.reset();
  begin_try();
}

void CaresChannel::begin_try() {
  sockets_.clear_error();
  for (CaresQuestion& question : questions_) {
    if (is_wanted(question) && !question.is_answered()) {
      question.ask(channel_, candidates_[candidate_]);
    }
  }
  if (is_pending() && !is_hopeless()) {
    timer_.arm_after(options_.try_timeout);
  } else {
    timer_.arm_at(next_turn);
  }
}

void CaresChannel::on_socket_ready(int fd, Ready ready) {
  ::ares_process_fd(channel_, can_read(ready) ? fd : ARES_SOCKET_BAD,
                    can_write(ready) ? fd : ARES_SOCKET_BAD);
  if (!is_pending() || is_hopeless()) check_try();
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
  std::vector<Endpoint> found;
  std::error_code error;
  for (const CaresQuestion& question : questions_) {
    if (!is_wanted(question)) continue;
    found.insert(found.end(), question.addresses().begin(), question.addresses().end());
    if (question.status() == ARES_ENODATA) exists_ = true;
    if (!question.is_answered()) error = cares_error(question.status());
    if (question.status() == ARES_EBADNAME) return end(cares_error(question.status()));
  }
  if (!found.empty()) return end(std::move(found));
  if (error) return try_next_server(sockets_.error() ? sockets_.error() : error);
  if (++candidate_ < candidates_.size()) return begin_candidate();
  end(make_error_code(exists_ ? ResolveError::no_address : ResolveError::host_not_found));
}

/// A server that was silent is queried again in its turn; one that reported a failure is not.
void CaresChannel::try_next_server(std::error_code error) {
  const bool is_silent = error == ResolveError::timed_out;
  const std::size_t rounds = is_silent ? std::max<std::size_t>(options_.tries, 1) : 1;
  const std::size_t servers = config_.servers.size();
  if (++try_ >= rounds * servers) return end(error);
  if (auto failed = use_server((server_ + 1) % servers)) return end(failed);
  begin_try();
}

/// Touches nothing after on_end, which may destroy the channel.
void CaresChannel::end(Result<std::vector<Endpoint>, std::error_code> result) {
  OnEnd on_end = std::exchange(on_end_, OnEnd{});
  cancel();
  on_end(std::move(result));
}

void CaresChannel::cancel() noexcept {
  on_end_ = {};
  timer_.cancel();
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
