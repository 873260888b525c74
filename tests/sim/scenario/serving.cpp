// SPDX-License-Identifier: MIT
#include "serving.h"

namespace rondo::sim::scenario {

Serving::Serving(Site& site, std::string_view role, std::string_view where)
    : Actor(site, role), where_(where), again_(site.reactor(), [this] { open(); }) {
  again_.arm_after(Duration::zero());
}

/// Tries again later after any result, also without memory.
void Serving::open() {
  again_.arm_after(look_again_after);
  if (leaves_ && server_ && server_->connections() == 0) server_.reset();
  if (server_) return;
  leaves_ = false;
  greeted_ = 0;
  auto made = serve_now();
  if (!made) return;
  server_ = std::move(*made);
  if (!scene().is_quiet() && scene().one_in(2)) {
    server_->set_error_handler([](const std::exception_ptr&) {});
  }
  act_up();
}

ServerOptions Serving::draw_options() {
  Scene& s = scene();
  options_ = {};
  options_.secure = layers();
  if (s.is_quiet()) return options_;
  options_.stream.idle_timeout = s.one_in(2) ? s.draw_time(std::chrono::minutes{1}) : forever;
  options_.stream.read_timeout = s.one_in(4) ? s.draw_time(std::chrono::seconds{20}) : forever;
  options_.stream.write_timeout = s.one_in(4) ? s.draw_time(std::chrono::seconds{20}) : forever;
  options_.stream.lifetime = s.one_in(4) ? s.draw_time(std::chrono::minutes{2}) : forever;
  options_.stream.write_high_water = 1 + s.draw(100'000);
  options_.stream.write_buffer_max =
      options_.stream.write_high_water + s.draw(s.one_in(3) ? 1'000 : 1 << 20);
  options_.stream.pause_reading_when_full = s.one_in(2);
  options_.stream.lingering_close = static_cast<LingeringClose>(s.draw(3));
  if (s.one_in(3)) options_.connections_max = 1 + s.draw(5);
  options_.when_full = s.one_in(2) ? WhenFull::pause : WhenFull::reject;
  if (s.one_in(4)) options_.connections_per_address_max = 1 + s.draw(4);
  return options_;
}

StreamCheck& Serving::greet() {
  ++greeted_;
  StreamCheck& calls = scene().check_of_stream(site(), who() + ", a session");
  calls.begins_late(options_.stream, layers());
  calls.uses_layer();
  if (leaves_) calls.closes();
  sessions_.push_back(&calls);
  return calls;
}

void Serving::check() {
  std::erase_if(sessions_, [](const StreamCheck* calls) { return calls->is_over(); });
  if (!server_) return;
  expect(server_->connections() <= options_.connections_max, "more connections than it may have");
  check_counters();
}

/// A connection that is neither refused, nor has failed, nor has a session has not completed the
/// handshake of its layer.
void Serving::check_counters() {
  const Server::Counters counters = server_->counters();
  const std::uint64_t decided = counters.accepted + counters.refused + counters.failed;
  const std::uint64_t undecided = counters.listeners.accepted - decided;
  expect(counters.accepted <= greeted_, "more clients than sessions");
  expect(undecided <= (layers() != nullptr ? server_->connections() : 0),
         "connections that were not counted");
}

void Serving::forgive() {
  for (StreamCheck* const calls : sessions_) {
    calls->closes();
    calls->aborts();
  }
}

void Serving::destroy_something() { server_.reset(); }

void Serving::stop_something() {
  if (!server_) return;
  leaves_ = true;
  forgive();
  switch (scene().draw(3)) {
    case 0:
      return server_->stop_accepting();
    case 1:
      return server_->drain(scene().draw_time(std::chrono::seconds{10}));
    default:
      return server_->abort();
  }
}

/// The next server has no limits.
void Serving::wind_down() {
  if (!server_) return;
  leaves_ = true;
  forgive();
  server_->drain(std::chrono::seconds{10});
}

bool Serving::is_over() const { return !server_ || server_->connections() == 0; }

}  // namespace rondo::sim::scenario
