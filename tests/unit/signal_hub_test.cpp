// SPDX-License-Identifier: MIT
// The handler of signals beside handlers of other code.
#include "loop/signal_hub.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <rondo/reactor.h>

#include "support/run_until.h"

namespace rondo::detail {
namespace {

constexpr int number = SIGURG;  // ignored by default
std::atomic<int> calls_of_other_code = 0;

void install(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  ASSERT_EQ(::sigaction(number, &action, nullptr), 0);
}

/// Sends the signal to the thread that made it, once for each request.
class Sender {
 public:
  ~Sender() {
    requests_ = -1;
    thread_.join();
  }
  void request() { ++requests_; }
  void wait_until_sent() const {
    while (sent_ != requests_) std::this_thread::yield();
  }

 private:
  void run() {
    while (requests_ >= 0) {
      if (sent_ == requests_) continue;
      (void)::pthread_kill(receiver_, number);  // cannot fail: the receiver waits for us
      ++sent_;
    }
  }

  const pthread_t receiver_ = ::pthread_self();
  std::atomic<int> requests_ = 0;
  std::atomic<int> sent_ = 0;
  std::thread thread_{[this] { run(); }};
};

TEST(SignalHub, OtherCodeLosesNoSignalWhileTheHandlerIsPutBack) {
  Reactor reactor;
  SignalInbox* const inbox = claim_inbox(reactor.backend());
  ASSERT_NE(inbox, nullptr);
  ASSERT_FALSE(begin_collecting(*inbox, number));
  Sender sender;
  calls_of_other_code = 0;
  constexpr int rounds = 5000;
  for (int round = 1; round <= rounds; ++round) {
    install([](int) { ++calls_of_other_code; });
    sender.request();
    keep_handler(*inbox, number);
    sender.wait_until_sent();
    // A signal may be delivered a little after it was sent; with ThreadSanitizer, at a call that
    // blocks.
    ASSERT_TRUE(test::run_until(reactor, [=] { return calls_of_other_code == round; }));
    install(SIG_IGN);
    keep_handler(*inbox, number);  // ours knows of no other handler again
  }
  end_collecting(*inbox, number);
  release_inbox(*inbox);
  install(SIG_DFL);
}

}  // namespace
}  // namespace rondo::detail
