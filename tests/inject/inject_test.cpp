// SPDX-License-Identifier: MIT
// Each call fails once: in each scenario, on the simulated network and on each poller, each call of
// the Net and of the Backend fails in each way that its man page documents, at its first, second,
// ... n-th time. So does operator new. Whatever fails, nothing leaks, hangs, crashes or ends twice,
// the failure is reported, and calls that can be tried again are.
//
// RONDO_INJECTIONS is the maximum number of injections in a case, evenly chosen; `all` is all. A
// failure names its injection; RONDO_INJECT=read:104:3 with the filter of its case runs it alone.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "inject/scenarios.h"
#include "inject/stage.h"
#include "support/allocation_counter.h"
#include "support/descriptor_census.h"
#include "support/spare_frames.h"

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

constexpr unsigned seconds_max = 60;      // for one injection, also under a sanitizer
constexpr std::size_t failures_max = 10;  // then a case has reported enough
constexpr Duration patience = 200ms;      // for a second try, in case the machine was slow

// The text that a crash prints. It is written before each injection.
std::array<char, 256> replay{};

void write_replay() noexcept {
  // A crashing process may do no more, and it cannot handle a failed write.
  (void)!::write(STDERR_FILENO, replay.data(), std::strlen(replay.data()));
}
void die_telling(int number) {
  write_replay();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

enum class What : bool { calls, memory };

struct CaseOfInjections {
  const Scenario* scenario;
  Place place;
  What what;
};

/// For GoogleTest, which otherwise prints the bytes.
void PrintTo(const CaseOfInjections& one, std::ostream* out) { *out << one.scenario->name; }

std::string name_of(const testing::TestParamInfo<CaseOfInjections>& info) {
  const CaseOfInjections& one = info.param;
  return std::string{one.scenario->name} + '_' + one.place.name +
         (one.what == What::memory ? "_memory" : "");
}

/// The outcome of one run of a scenario.
struct Outcome {
  std::string faults;
  bool struck = false;
  bool succeeded = false;
};

class Inject : public testing::TestWithParam<CaseOfInjections> {
 protected:
  static void SetUpTestSuite() {
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGALRM}) ::signal(number, die_telling);
    // Descriptors that libuv opens once in a process are opened before the count.
    for (const BuiltBackend& built : built_backends()) EXPECT_TRUE(built.make());
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(write_replay);
  }

  Outcome play(const Injection& injection, const Place& place) {
    note(injection);
    ::alarm(seconds_max);
    free_spare_frames();
    const std::size_t descriptors_before = open_descriptors().size();
    const std::int64_t living_before = live_allocations();
    const Record record = play_on_stage(injection, place);
    free_spare_frames();
    const std::int64_t leaked = live_allocations() - living_before;
    Outcome outcome{record.faults.data(), record.struck, record.succeeded};
    if (leaked != 0) outcome.faults += "  leaks " + std::to_string(leaked) + " allocations\n";
    const std::size_t descriptors = open_descriptors().size();
    if (descriptors != descriptors_before) {
      outcome.faults += "  descriptors: " + std::to_string(descriptors_before) + " before, " +
                        std::to_string(descriptors) + " afterwards\n";
    }
    if (::unlink(Stage::path().c_str()) == 0) outcome.faults += "  leaves its socket file\n";
    ::alarm(0);
    return outcome;
  }

  void check(const Injection& injection) {
    Outcome outcome = play(injection, GetParam().place);
    if (!outcome.faults.empty() && !GetParam().place.is_simulated()) {
      Place patient = GetParam().place;
      patient.moment = patience;
      outcome = play(injection, patient);
    }
    made_ += outcome.struck;
    if (outcome.faults.empty()) return;
    ++failures_;
    ADD_FAILURE() << outcome.faults << replay.data();
  }

  /// The number of each call if nothing fails.
  void count_calls() {
    Place place = GetParam().place;
    for (int times = 0; times < 2; ++times) {  // the first run makes what is made only once
      Outcome outcome = play({}, place);
      if (place.is_simulated() || times == 1) {
        ASSERT_TRUE(outcome.faults.empty()) << outcome.faults << "without an injection";
        ASSERT_TRUE(outcome.succeeded) << "without an injection";
      }
      place.moment = place.is_simulated() ? Duration{} : patience;
    }
  }

  std::vector<Injection> all_injections() const {
    std::vector<Injection> all;
    for (const Way& way : ways()) {
      if ((way.call == Call::allocate) != (GetParam().what == What::memory)) continue;
      for (std::uint64_t nth = 1; nth <= counted_.count(way.call); ++nth) all.push_back({way, nth});
    }
    return all;
  }

  std::size_t made_ = 0;
  std::size_t failures_ = 0;
  Injector counted_;

 private:
  struct Record {
    bool struck = false;
    bool succeeded = false;
    std::array<char, 2048> faults{};
  };

  static void note(const Injection& injection) {
    const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
    const std::string text = "alone: RONDO_INJECT=" + injection.to_string() +
                             " inject_tests --gtest_filter=" + info->test_suite_name() + '.' +
                             info->name() + '\n';
    replay = {};
    text.copy(replay.data(), replay.size() - 1);
  }

  /// All objects that this makes are destroyed when it returns.
  Record play_on_stage(const Injection& injection, const Place& place) {
    Record record;
    Injector injector;
    injector.plan(injection);
    Stage stage{place, injector};
    bool threw = false;
    try {
      const std::uint64_t before = allocations();
      const bool starves = injection.way.call == Call::allocate && injection.nth > 0;
      const FewAllocations few{starves ? injection.nth - 1 : ~std::uint64_t{0},
                               static_cast<std::uint64_t>(injection.way.error)};
      injector.switch_to(true);
      try {
        GetParam().scenario->play(stage);
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      injector.switch_to(false);
      injector.set_count(Call::allocate, allocations() - before);
      if (starves && allocations() - before >= injection.nth) injector.set_struck();
    } catch (const std::bad_alloc&) {
      stage.fault("bad_alloc where nothing is made");
    }
    record.struck = injector.struck();
    record.succeeded = stage.succeeded();
    look(stage, threw);
    stage.faults().copy(record.faults.data(), record.faults.size() - 1);
    counted_ = injector;
    return record;
  }

  static void look(Stage& stage, bool threw) {
    const Injector& injector = stage.injector();
    const Injection& injection = injector.planned();
    if (threw && injection.way.call != Call::allocate) stage.fault("threw bad_alloc");
    if (stage.injecting_net().closed_twice()) stage.fault("closes what is not open");
    if (!injector.struck() || threw) return;
    if (stage.succeeded()) return;
    if (injection.way.effect == Effect::harmless) {
      stage.fault("does not succeed, for what is to be tried again");
    } else if (!stage.has_reported() && injection.way.call != Call::allocate) {
      stage.fault("does not succeed, and no error is reported");
    }
  }
};

TEST_P(Inject, Each) {
  count_calls();
  if (HasFatalFailure()) return;
  if (const char* const one = std::getenv("RONDO_INJECT")) {
    const auto injection = parse_injection(one);
    ASSERT_TRUE(injection) << one;
    return check(*injection);
  }
  const char* const text = std::getenv("RONDO_INJECTIONS");
  const std::string wanted = text == nullptr ? "20" : text;
  const std::vector<Injection> all = all_injections();
  const std::size_t count =
      wanted == "all" ? all.size() : std::min(all.size(), std::size_t{std::stoul(wanted)});
  // Evenly spaced; RONDO_SEED chooses which of them is the first.
  const char* const seed = std::getenv("RONDO_SEED");
  const std::size_t first = seed == nullptr ? 0 : std::strtoull(seed, nullptr, 0);
  for (std::size_t i = 0; i < count && failures_ < failures_max; ++i)
    check(all[(first % all.size() + i * all.size() / count) % all.size()]);
  RecordProperty("injections", std::to_string(made_));
  std::printf("%zu injections of %zu\n", made_, all.size());
}

std::vector<CaseOfInjections> cases() {
  std::vector<Place> places{{"sim", "", {}}};
  for (const BuiltBackend& built : built_backends())
    places.push_back({std::string{built.name}, std::string{built.name}, 1ms});
  std::vector<CaseOfInjections> made;
  for (const auto room : {connect_scenarios, coroutine_scenarios, datagram_scenarios,
                          reactor_scenarios, server_scenarios, stream_scenarios, text_scenarios}) {
    for (const Scenario& scenario : room()) {
      for (const Place& place : places) {
        if (scenario.where == (place.is_simulated() ? Where::real : Where::simulated)) continue;
        for (const What what : {What::calls, What::memory})
          made.push_back({&scenario, place, what});
      }
    }
  }
  return made;
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Inject, testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace rondo::test
