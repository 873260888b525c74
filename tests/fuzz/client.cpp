// SPDX-License-Identifier: MIT
// Clients, by address and by name, in a world whose kernel makes its choices from the input. The
// server is a set of sockets that the input controls, or there is none. Safety: each byte arrives
// once and in order, and each client ends once, or not at all if it was destroyed. Then the faults
// are off: all clients must end and release their resources.
#include <memory>
#include <vector>

#include <rondo/rondo.h>
#include <rondo/sim.h>

#include "fuzz/target.h"
#include "fuzz/trouble.h"
#include "fuzz/voice.h"

namespace rondo::fuzz {
namespace {

using namespace std::chrono_literals;

class Caller final : private StreamHandler {
 public:
  Caller(Reactor& reactor, Input& input)
      : stream_(connect(reactor, input.one_of(targets_), *this,
                        {.timeout = 1s * (1 + input.below(60)),
                         .stagger = 1ms * input.below(500),
                         .stream = Voice::some_options(input)})) {}

  [[nodiscard]] bool is_over() const noexcept { return voice_.is_over(); }
  void operate(Input& input) {
    if (!is_over()) voice_.operate(*stream_, input);
  }
  void close_detached() { Stream::close_detached(std::move(stream_)); }

 private:
  static constexpr std::string_view targets_[] = {"10.0.0.1:7000", "server:7000",  "both:7000",
                                                  "10.0.0.1:1",    "nowhere:7000", "[::1"};

  void on_open(Stream&) override { voice_.opened(); }
  void on_data(Stream& stream, Bytes data) override { voice_.heard(stream, data); }
  void on_end(Stream& stream) override {
    voice_.ended();
    stream.shutdown_output();
  }
  void on_writable(Stream&) override { voice_.can_write(); }
  void on_close(Stream&, const Close& close) override {
    voice_.closed();
    require(!close.message().empty(), "has a message");
  }

  Voice voice_;
  std::unique_ptr<Stream> stream_;
};

class Scene {
 public:
  Scene(Input& input, std::string_view choices)
      : input_(input), world_(1, {.choices = bytes_of(choices)}) {
    world_.name("server", {"10.0.0.1"});
    world_.name("both", {"2001:db8::1", "10.0.0.1"});
    server_host_.add_address("2001:db8::1").value();
    host_.add_address("2001:db8::2").value();
    if (input.byte() % 8 != 0) listen();
    trouble_.descriptors = host_.descriptors();
    trouble_.choose_faults(input);
  }

  void run() {
    while (!input_.empty()) operate();
    trouble_.end();
    peers_.read_all();
    peers_.close_all();
    const auto is_over = [](const auto& caller) { return caller->is_over(); };
    const bool all_end = world_.run_until(
        [&] { return std::all_of(callers_.begin(), callers_.end(), is_over); }, 30min);
    require(all_end, world_.summary() + '\n' + world_.waiting());
    callers_.clear();
    listener_ = {};
    world_.run_for(30min);  // for streams that were closed detached
    require(host_.descriptors() == trouble_.descriptors, "all descriptors are closed");
    require(host_.connections() == 0, "and all connections");
  }

 private:
  void listen() {
    auto listener = Socket::listen(server_host_.net(), Endpoint::any(7000));
    if (listener) listener_ = std::move(*listener);
  }
  void operate() {
    switch (input_.below(11)) {
      case 0:
      case 1:
        if (callers_.size() < 6) callers_.push_back(std::make_unique<Caller>(reactor_, input_));
        return;
      case 2:
        if (listener_) peers_.accept(*listener_);
        return;
      case 3:
      case 4:
        return peers_.operate(input_);
      case 5:
      case 6:
        if (!callers_.empty()) callers_[input_.below(callers_.size())]->operate(input_);
        return;
      case 7:
        return operate_network();
      case 8:
        return drop_caller();
      default:
        world_.run_for(1us * (1 << input_.below(22)));
    }
  }
  void operate_network() {
    const std::size_t kind = input_.below(Trouble::kinds + 1);
    if (kind != 4) return trouble_.begin(kind, input_);
    listener_ = {};
  }
  void drop_caller() {
    if (callers_.empty()) return;
    const std::size_t i = input_.below(callers_.size());
    if (input_.flag()) callers_[i]->close_detached();
    callers_[i] = std::move(callers_.back());
    callers_.pop_back();
  }

  Input& input_;
  sim::World world_;
  sim::Host& server_host_ = world_.host("10.0.0.1");
  sim::Host& host_ = world_.host("10.0.0.2");
  std::optional<Socket> listener_;
  RawPeers peers_{server_host_.net()};
  Trouble trouble_{world_, host_, server_host_.name()};
  Reactor reactor_{host_.backend()};
  std::vector<std::unique_ptr<Caller>> callers_;
};

}  // namespace

void client(Input& input) {
  const std::string_view all = input.rest();
  Input operations{all.substr(0, all.size() / 2)};
  Scene{operations, all.substr(all.size() / 2)}.run();
}

const Target target{"client", client};

}  // namespace rondo::fuzz
