// SPDX-License-Identifier: MIT
// The table of registrations against a map, and against the contract of the port for calls of a
// poller. Registrations are added, changed, given another handler and removed, also from callbacks.
// The poller refuses some calls; events are valid, stale, or not awaited.
#include "loop/watch_table.h"

#include <deque>
#include <map>
#include <vector>

#include "fuzz/target.h"

namespace rondo::fuzz {
namespace {

using detail::WatchTable;

/// Records the calls that it receives, and checks their `from` arguments.
class Poller final : public Backend {
 public:
  struct Registration {
    Ready ready;
    Token token;
  };

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    require(interest_of(fd) == from, "receives the interest of the last call");
    require(from != to, "receives only changes");
    if (refusals > 0) {
      --refusals;
      return std::make_error_code(std::errc::not_enough_memory);
    }
    registered[fd] = {to, token};
    return {};
  }
  void unwatch(int fd, Ready from) noexcept override {
    require(interest_of(fd) == from, "receives the interest of the last call");
    registered.erase(fd);
  }
  [[nodiscard]] Ready interest_of(int fd) const {
    const auto found = registered.find(fd);
    return found == registered.end() ? Ready::none : found->second.ready;
  }

  [[nodiscard]] std::error_code wait(Sink&, TimePoint) override { return {}; }
  void wake() noexcept override {}
  [[nodiscard]] std::error_code reinit() noexcept override { return {}; }
  [[nodiscard]] TimePoint now() const noexcept override { return {}; }
  [[nodiscard]] Net& net() noexcept override { return system_net(); }

  std::map<int, Registration> registered;
  std::size_t refusals = 0;
};

class Machine final : public Sink {
 public:
  explicit Machine(Input& input) : input_(input) {}
  ~Machine() {
    for (const auto& [fd, one] : registered_) table_.remove(one.token);
    require(table_.referenced() == 0, "no registration is left");
  }
  void run() {
    while (!input_.empty()) {
      operate();
      for (const auto& [fd, one] : registered_) {
        require(table_.interest(one.token) == one.interest, "its interest");
        require(table_.token_of(fd) != Token{}, "it can be found");
      }
      const auto referenced = std::count_if(registered_.begin(), registered_.end(),
                                            [](const auto& one) { return one.second.counts; });
      require(table_.referenced() == static_cast<std::size_t>(referenced), "how many count");
    }
  }

 private:
  /// A new handler each time that a registration gets one.
  struct Owner final : Handler {
    explicit Owner(Machine& machine) : machine_(machine) {}
    void on_ready(Ready ready) override { machine_.called(*this, ready); }
    Machine& machine_;
  };
  struct Registration {
    Token token;
    Ready interest;
    Owner* owner;
    bool counts = true;
    bool is_marked = false;  // an event came that was not awaited
  };
  static constexpr int descriptors[] = {0, 1, 2, 3, 5, 63, 64, 65, 200, 1000};

  Ready some_ready() { return static_cast<Ready>(input_.below(4)); }
  Owner& new_owner() { return owners_.emplace_back(*this); }

  void operate() {
    const int fd = input_.one_of(descriptors);
    const auto found = registered_.find(fd);
    switch (input_.below(9)) {
      case 0:
        return add(input_.byte() == 0 ? -1 : fd);
      case 1:
        return tell_stale();
      case 2:
        return flush();
      case 3:
        return reinit();
      default:
        break;
    }
    if (found == registered_.end()) return add(fd);
    operate_on(fd, found->second);
  }
  void operate_on(int fd, Registration& one) {
    switch (input_.below(5)) {
      case 0:
        one.interest = some_ready();
        return table_.set(one.token, one.interest);
      case 1:
        stale_.push_back(told_token(fd, one));
        table_.remove(one.token);
        registered_.erase(fd);
        require(!poller_.registered.contains(fd), "the poller is notified of the end");
        return;
      case 2:
        one.owner = &new_owner();
        return table_.set_handler(one.token, *one.owner);
      case 3:
        one.counts = input_.flag();
        return table_.set_referenced(one.token, one.counts);
      default:
        report(fd, one);
    }
  }

  void add(int fd) {
    const Ready interest = some_ready();
    poller_.refusals = input_.below(8) == 0 ? 1 : 0;
    const bool is_refused = poller_.refusals > 0 && interest != Ready::none;
    Owner& owner = new_owner();
    const auto token = table_.add(fd, interest, owner);
    const bool is_there = registered_.contains(fd);
    require(token.has_value() == (fd >= 0 && !is_there && !is_refused), "added or not");
    poller_.refusals = 0;
    look_up_in(table_.slots(), table_.slot_count());
    if (token) registered_[fd] = {*token, interest, &owner};
  }
  void flush() {
    poller_.refusals = input_.byte() < 64 ? input_.below(4) : 0;
    const bool refuses = poller_.refusals > 0;
    const std::size_t asked = poller_.refusals;
    const bool all = table_.flush();
    require(refuses ? all == (poller_.refusals == asked) : all, "reports a refusal");
    poller_.refusals = 0;
    if (!all) {
      // One change is refused. The others were accepted, so their former state is irrelevant.
      for (auto& [fd, one] : registered_) one.is_marked &= poller_.interest_of(fd) != one.interest;
      return table_.hint_refused();
    }
    for (auto& [fd, one] : registered_) {
      const Ready known = poller_.interest_of(fd);
      require(one.interest - known == Ready::none, "the poller knows every interest");
      if (one.is_marked) require(known == one.interest, "and no more, once an event came for it");
      one.is_marked = false;
    }
  }
  /// Like after a fork: the poller has lost all registrations.
  void reinit() {
    if (input_.byte() != 0) return;
    poller_.registered.clear();
    table_.forget_polled();
    for (auto& [fd, one] : registered_) one.is_marked = false;
    require(table_.flush(), "everything is registered again");
  }

  /// The token that the poller has.
  Token told_token(int fd, const Registration& one) const {
    const auto reported = poller_.registered.find(fd);
    return reported == poller_.registered.end() ? one.token : reported->second.token;
  }
  void report(int fd, Registration& one) {
    const Ready event = some_ready();
    const Token token = told_token(fd, one);
    const Ready awaited = event & one.interest;
    if (((event & poller_.interest_of(fd)) - one.interest) != Ready::none) one.is_marked = true;
    expect_call_ = awaited == Ready::none ? nullptr : one.owner;
    expect_ready_ = awaited;
    operates_inside_ = input_.flag();
    ready(token, event);
    require(expect_call_ == nullptr, "its owner was called");
  }
  void tell_stale() {
    if (stale_.empty()) return;
    calls_ = 0;
    ready(stale_[input_.below(stale_.size())], Ready::both);
    require(calls_ == 0, "a stale event reaches no handler");
  }
  void called(Owner& owner, Ready ready) {
    ++calls_;
    const auto one = std::find_if(registered_.begin(), registered_.end(),
                                  [&](const auto& each) { return each.second.owner == &owner; });
    require(one != registered_.end(), "the called handler is registered");
    require(ready != Ready::none && ready - one->second.interest == Ready::none,
            "and is interested");
    if (expect_call_ == nullptr) return;  // a hint
    require(&owner == expect_call_ && ready == expect_ready_, "the one that the event is for");
    expect_call_ = nullptr;
    if (operates_inside_) operate_inside();
  }
  /// Any operation except another event.
  void operate_inside() {
    operates_inside_ = false;
    const int fd = input_.one_of(descriptors);
    const auto found = registered_.find(fd);
    if (found == registered_.end()) return add(fd);
    if (input_.flag()) {
      found->second.interest = some_ready();
      return table_.set(found->second.token, found->second.interest);
    }
    stale_.push_back(told_token(fd, found->second));
    table_.remove(found->second.token);
    registered_.erase(found);
  }

  void unclaimed(Token token, Ready ready) override { table_.deliver(token, ready); }
  void batch_ended() override {}

  Input& input_;
  Poller poller_;
  WatchTable table_{poller_};
  std::deque<Owner> owners_;
  std::map<int, Registration> registered_;
  std::vector<Token> stale_;
  Owner* expect_call_ = nullptr;
  Ready expect_ready_ = Ready::none;
  bool operates_inside_ = false;
  int calls_ = 0;
};

}  // namespace

void watches(Input& input) { Machine{input}.run(); }

const Target target{"watches", watches};

}  // namespace rondo::fuzz
