// SPDX-License-Identifier: MIT
// A server in a world whose kernel makes its choices from the input: which faults strike, when, and
// the order of events. The input also controls its clients, which are plain sockets, and its
// sessions. Safety: each byte arrives once and in order, and each session ends once. Then the
// faults are off: all must end and release their resources, and the next client must be served.
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

class Speaker;
using Room = std::vector<Speaker*>;

class Speaker final : public Session {
 public:
  explicit Speaker(Room& room) : room_(room) { room_.push_back(this); }
  ~Speaker() override { std::erase(room_, this); }

  void operate(Input& input) {
    if (client_ != nullptr) voice_.operate(*client_, input);
  }

 private:
  void on_open(Stream& client) override {
    client_ = &client;
    voice_.opened();
  }
  void on_data(Stream& client, Bytes data) override { voice_.heard(client, data); }
  void on_end(Stream& client) override {
    voice_.ended();
    client.shutdown_output();
  }
  void on_writable(Stream&) override { voice_.can_write(); }
  void on_close(Stream&, const Close&) override {
    voice_.closed();
    client_ = nullptr;
  }

  Room& room_;
  Stream* client_ = nullptr;
  Voice voice_;
};

class Scene {
 public:
  Scene(Input& input, std::string_view choices)
      : input_(input), world_(1, {.choices = bytes_of(choices)}) {
    world_.link("10.0.0.1", "10.0.0.2", {.latency = 1ms, .jitter = 1ms * (input.byte() & 3)});
    ServerOptions options{.stream = Voice::some_options(input)};
    if (input.flag()) options.connections_max = 2;
    if (input.flag()) options.when_full = WhenFull::reject;
    server_ =
        std::make_unique<Server>(serve<Speaker>(reactor_, "10.0.0.1:0", options, room_).value());
    trouble_.descriptors = host_.descriptors();
    trouble_.choose_faults(input);
  }

  void run() {
    while (!input_.empty()) operate();
    trouble_.end();
    peers_.read_all();
    peers_.close_all();
    world_.run_for(15min);  // also clients that wait to be accepted
    require(server_->connections() == 0, world_.summary() + '\n' + world_.waiting());
    require(room_.empty(), "sessions are destroyed with their streams");
    if (is_accepting_) {
      peers_.connect(server_->local_endpoint());
      const bool is_served = world_.run_until([this] { return server_->connections() == 1; }, 5s);
      require(is_served, "the next client is served");
      peers_.close_all();
    }
    world_.run_for(15min);
    require(host_.descriptors() <= trouble_.descriptors, "all descriptors are closed");
    require(host_.connections() == 0, "and all connections");
  }

 private:
  void operate() {
    switch (input_.below(11)) {
      case 0:
      case 1:
        return peers_.connect(server_->local_endpoint());
      case 2:
      case 3:
      case 4:
        return peers_.operate(input_);
      case 5:
      case 6:
        if (!room_.empty()) room_[input_.below(room_.size())]->operate(input_);
        return;
      case 7:
        return trouble_.begin(input_.below(Trouble::kinds), input_);
      case 8:
        return operate_server();
      default:
        world_.run_for(1us * (1 << input_.below(22)));
    }
  }
  void operate_server() {
    switch (input_.below(16)) {
      case 0:
        is_accepting_ = false;
        return server_->stop_accepting();
      case 1:
        is_accepting_ = false;
        return server_->drain(1s);
      case 2:
        is_accepting_ = false;
        return server_->abort();
      default:
        world_.run_for(1ms);
    }
  }

  Input& input_;
  Room room_;
  sim::World world_;
  sim::Host& host_ = world_.host("10.0.0.1");
  sim::Host& peer_host_ = world_.host("10.0.0.2");
  RawPeers peers_{peer_host_.net()};
  Trouble trouble_{world_, host_, peer_host_.name()};
  Reactor reactor_{host_.backend()};
  std::unique_ptr<Server> server_;
  bool is_accepting_ = true;
};

}  // namespace

void server(Input& input) {
  const std::string_view all = input.rest();
  Input operations{all.substr(0, all.size() / 2)};
  Scene{operations, all.substr(all.size() / 2)}.run();
}

const Target target{"server", server};

}  // namespace rondo::fuzz
