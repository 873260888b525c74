// DNS by c-ares (>= 1.18), which here does what is hard to get right in packets: it writes queries
// with unpredictable numbers, checks and reads answers, follows aliases, goes on over TCP when an
// answer was truncated. What takes time is ours, so that it is the reactor's time:
//
// - Sockets are made through the Net and watched as c-ares asks (its socket state callback).
// - A channel of c-ares has one lookup, so that cancelling it (ares_cancel ends all there is in a
//   channel) gives back at once what it holds, and each lookup has a port of its own.
// - c-ares reads the system's clock. So it is told of one server at a time, one try, and a timeout
//   that is never reached; silence is noticed by our timer, which cancels and asks the next server.
// - Both families are asked for at the same time, each as a question of its own: an answer to one
//   is kept when the other has to be asked again, and is enough once a try has passed.
// - The search domains are ours too, as both families must be of the same name. c-ares gets names
//   that end in a dot, which it takes as they are.
//
// c-ares calls back from inside any call of it. These callbacks only take notes; settle() looks at
// them when the call has returned, and where that was ask() itself, in a later turn.
#include "cares_channel.h"

#include <netdb.h>

#include <utility>

#include <rondo/assert.h>

namespace rondo::detail {
namespace {

/// The name server has said what there is to say.
bool is_final(int status) noexcept {
  return status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA ||
         status == ARES_EBADNAME;
}

}  // namespace

std::error_code cares_error(int status) noexcept {
  switch (status) {
    case ARES_ENOTFOUND:
      return ResolveError::host_not_found;
    case ARES_ENODATA:
      return ResolveError::no_address;
    case ARES_EBADNAME:
      return ResolveError::bad_name;
    case ARES_ESERVFAIL:
      return ResolveError::server_failed;
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return ResolveError::refused;
    case ARES_ECONNREFUSED:
    case ARES_EOF:
      return ResolveError::no_name_server;
    case ARES_ETIMEOUT:
      return ResolveError::timed_out;
    case ARES_ENOMEM:
      return std::make_error_code(std::errc::not_enough_memory);
    default:
      return ResolveError::bad_answer;
  }
}

void CaresChannel::ask(const std::string& name, std::optional<AddressFamily> family, OnEnd on_end) {
  RONDO_ASSERT(!on_end_);
  on_end_ = std::move(on_end);
  exists_ = false;
  for (Question& question : questions_) question.wanted = !family || *family == question.family;
  list_candidates(name);
  begin_candidate();
}

void CaresChannel::begin_candidate() {
  attempt_ = 0;
  for (Question& question : questions_) {
    question.status = ARES_ETIMEOUT;
    question.addresses.clear();
  }
  begin_try();
}

void CaresChannel::begin_try() {
  trouble_ = {};
  for (Question& question : questions_) {
    if (!question.wanted || is_final(question.status)) continue;
    question.status = ARES_ETIMEOUT;
    question.pending = true;
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_family = question.family == AddressFamily::ipv4 ? AF_INET : AF_INET6;
    ::ares_getaddrinfo(channel_, candidates_[candidate_].c_str(), nullptr, &hints, answered,
                       &question);
  }
  if (pending() && !is_hopeless()) {
    timer_.arm_after(options_.try_timeout);
  } else {
    timer_.arm_at(TimePoint::min());  // the next turn
  }
}

void CaresChannel::process(int fd, Ready ready) {
  reads_left_ = reads_per_turn_max;
  ::ares_process_fd(channel_, can_read(ready) ? fd : ARES_SOCKET_BAD,
                    can_write(ready) ? fd : ARES_SOCKET_BAD);
  settle();
}

void CaresChannel::on_timer() {
  if (pending()) ::ares_cancel(channel_);
  settle();
}

/// The system gave an error once, to one of the questions; the other would wait in vain.
bool CaresChannel::is_hopeless() const noexcept {
  return trouble_ || std::any_of(questions_.begin(), questions_.end(), [](const Question& each) {
           return each.wanted && each.status == ARES_ECONNREFUSED;
         });
}

void CaresChannel::settle() {
  if (!on_end_) return;
  if (is_hopeless() && pending()) ::ares_cancel(channel_);
  if (pending()) return;
  timer_.arm_at(TimePoint::min());  // for want of memory it may have to come again
  end_try();
}

void CaresChannel::end_try() {
  std::vector<Endpoint> found;
  std::error_code error;
  for (Question& question : questions_) {
    if (!question.wanted) continue;
    found.insert(found.end(), question.addresses.begin(), question.addresses.end());
    if (question.status == ARES_ENODATA) exists_ = true;
    if (!is_final(question.status)) error = cares_error(question.status);
    if (question.status == ARES_EBADNAME) return end(cares_error(question.status));
  }
  if (!found.empty()) return end(std::move(found));
  if (error) return try_next_server(trouble_ ? trouble_ : error);
  if (++candidate_ < candidates_.size()) return begin_candidate();
  end(make_error_code(exists_ ? ResolveError::no_address : ResolveError::host_not_found));
}

/// Who was silent is asked again when its turn comes; who said that it cannot tell, is not.
void CaresChannel::try_next_server(std::error_code error) {
  const bool silent = error == ResolveError::timed_out;
  const std::size_t rounds = silent ? std::max<std::size_t>(options_.tries, 1) : 1;
  if (++attempt_ >= rounds * servers_.size()) return end(error);
  if (auto refused = use_server((server_ + 1) % servers_.size())) return end(refused);
  begin_try();
}

/// Touches nothing after on_end, which may have destroyed the channel.
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

}  // namespace rondo::detail
