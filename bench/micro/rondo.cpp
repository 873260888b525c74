// SPDX-License-Identifier: MIT
// micro: rondo, on each backend that is built.
#include <rondo/reactor.h>
#include <rondo/timer.h>

#include "suite.h"

namespace micro {
namespace {

// Google Benchmark wants a function for each backend: the name is part of the type.
template <std::size_t Backend>
class RondoLoop {
 public:
  RondoLoop() : reactor_(rondo::built_backends()[Backend].name), hold_(reactor_.work_guard()) {}

  void turn() { (void)reactor_.run_once(rondo::Duration::zero()); }  // cannot fail here
  void run() { (void)reactor_.run(); }
  void stop() { reactor_.stop(); }
  template <typename Work>
  void post(Work work) {
    reactor_.post(std::move(work));
  }

  class Io final : public rondo::Handler {
   public:
    Io(RondoLoop& loop, int fd, std::uint64_t& count) : count_(count) {
      auto watch = loop.reactor_.watch(fd, rondo::Ready::none, *this);
      if (watch) watch_ = std::move(*watch);
    }
    void on_ready(rondo::Ready) override { ++count_; }
    void set(bool reads, bool writes) {
      watch_.set((reads ? rondo::Ready::read : rondo::Ready::none) |
                 (writes ? rondo::Ready::write : rondo::Ready::none));
    }

   private:
    std::uint64_t& count_;
    rondo::Watch watch_;
  };

  class Timer {
   public:
    Timer(RondoLoop& loop, std::uint64_t& count) : timer_(loop.reactor_, [&count] { ++count; }) {}
    void arm(std::int64_t delay_ns) { timer_.arm_after(rondo::Duration{delay_ns}); }
    void cancel() { timer_.cancel(); }

   private:
    rondo::Timer timer_;
  };

 private:
  rondo::Reactor reactor_;
  rondo::WorkGuard hold_;
};

template <std::size_t... Backends>
void register_backends(std::index_sequence<Backends...>) {
  const auto built = rondo::built_backends();
  ((Backends < built.size()
        ? register_all<RondoLoop<Backends>>("rondo-" + std::string{built[Backends].name})
        : void()),
   ...);
}

constexpr std::size_t backends_max = 3;
[[maybe_unused]] const bool registered =
    (register_backends(std::make_index_sequence<backends_max>()), true);

}  // namespace
}  // namespace micro
