// SPDX-License-Identifier: MIT
// The name service of a world: answers with what name() has set, after a while.
#include <algorithm>
#include <utility>

#include <rondo/resolver.h>

#include "inside.h"
#include "machine.h"
#include "misuse.h"
#include "world.h"

namespace rondo::sim {
namespace {

constexpr Duration slow_answer = std::chrono::seconds{4};

class PendingQuestion final : public NameService::Question {
 public:
  explicit PendingQuestion(EventQueue& events) noexcept : events_(events) {}
  PendingQuestion(const PendingQuestion&) = delete;
  PendingQuestion& operator=(const PendingQuestion&) = delete;
  ~PendingQuestion() override { events_.cancel(ticket); }

  EventQueue::Ticket ticket{};

 private:
  EventQueue& events_;
};

/// A question without an answer.
class LostQuestion final : public NameService::Question {
 public:
  LostQuestion(std::multiset<std::string, std::less<>>& lost, std::string_view name)
      : lost_(lost), position_(lost.emplace(name)) {}
  LostQuestion(const LostQuestion&) = delete;
  LostQuestion& operator=(const LostQuestion&) = delete;
  ~LostQuestion() override { lost_.erase(position_); }

 private:
  std::multiset<std::string, std::less<>>& lost_;
  std::multiset<std::string, std::less<>>::iterator position_;
};

}  // namespace

void WorldImpl::set_name(std::string_view name, std::vector<Address> addresses) {
  if (!is_host_name(name)) misuse("name: not a name: \"" + std::string{name} + '"');
  names_.insert_or_assign(std::string{name}, std::move(addresses));
}

std::unique_ptr<NameService::Question> WorldImpl::ask(std::string_view name,
                                                      std::optional<AddressFamily> family,
                                                      OnAnswer on_answer) {
  const Inside world{nullptr};
  trace.note(now, name, "is asked for", {});
  if (strikes(Fault::silent_name)) return std::make_unique<LostQuestion>(unanswered_names, name);
  auto question = std::make_unique<PendingQuestion>(events);
  const Duration delay = strikes(Fault::slow_name) ? slow_answer : name_latency;
  question->ticket = events.at(after(now, delay), [this, name = std::string{name}, family,
                                                   on_answer = std::move(on_answer)]() mutable {
    ++answers;
    on_answer(answer_to(name, family));
  });
  return question;
}

Result<std::vector<Endpoint>, std::error_code> WorldImpl::answer_to(
    std::string_view name, std::optional<AddressFamily> family) {
  if (strikes(Fault::failing_name)) return make_error_code(ResolveError::server_failed);
  const auto found = names_.find(name);
  if (found == names_.end() || strikes(Fault::missing_name)) {
    return make_error_code(ResolveError::host_not_found);
  }
  std::vector<Endpoint> addresses;
  for (const Address& address : found->second) {
    if (!family || *family == address.family()) addresses.push_back(address.endpoint());
  }
  if (addresses.empty()) return make_error_code(ResolveError::no_address);
  return addresses;
}

}  // namespace rondo::sim
