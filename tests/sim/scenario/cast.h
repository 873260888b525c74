// SPDX-License-Identifier: MIT
// The actors: servers, which stay until the end, and their clients. Each chooses its behaviour from
// the seed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "actor.h"

namespace rondo::sim::scenario {

/// Whether it behaves without limits, deadlines and random choices, so that it must succeed.
enum class Mood : bool { whimsical, plain };

constexpr std::string_view server_address = "10.0.0.1";
constexpr std::string_view echo_port = "7000";
constexpr std::string_view source_port = "7001";
constexpr std::string_view line_port = "7002";
constexpr std::string_view datagram_port = "7003";
constexpr std::string_view unix_stream = "unix:/run/echo";
constexpr std::string_view unix_ferry = "unix:/run/ferry";
constexpr std::string_view unix_datagrams = "unix:/run/datagrams";

[[nodiscard]] inline std::string at(std::string_view address, std::string_view port) {
  return std::string{address} + ':' + std::string{port};
}

// TCP and Unix streams: an echo server with limits of all kinds.
[[nodiscard]] std::unique_ptr<Actor> make_echo_server(Site& site, std::string_view where);
/// Talks to the echo server in one of many ways and compares the answers.
[[nodiscard]] std::unique_ptr<Actor> make_talker(Site& site, std::string_view target, Mood mood);

/// The same server, and the same client, of coroutines: what they do is cancelled now and then.
[[nodiscard]] std::unique_ptr<Actor> make_task_echo_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_task_talker(Site& site, std::string_view target,
                                                      Mood mood);

// Sends a lot to each client, shuts its output down first, and continues to read: half-close in
// both directions.
[[nodiscard]] std::unique_ptr<Actor> make_source(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_drinker(Site& site, std::string_view target, Mood mood);
/// The same of coroutines.
[[nodiscard]] std::unique_ptr<Actor> make_task_source(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_task_drinker(Site& site, std::string_view target,
                                                       Mood mood);

// Lines of text.
[[nodiscard]] std::unique_ptr<Actor> make_line_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_line_client(Site& site, std::string_view target,
                                                      Mood mood);
/// The same of coroutines.
[[nodiscard]] std::unique_ptr<Actor> make_task_line_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_task_line_client(Site& site, std::string_view target,
                                                           Mood mood);

// Datagrams: UDP and Unix.
[[nodiscard]] std::unique_ptr<Actor> make_datagram_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_datagram_client(Site& site, std::string_view target);

/// The same of coroutines.
[[nodiscard]] std::unique_ptr<Actor> make_task_datagram_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_task_datagram_client(Site& site, std::string_view target);

// Passed descriptors, each with a word that is to be written to it.
[[nodiscard]] std::unique_ptr<Actor> make_ferry(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_passenger(Site& site, std::string_view target);

/// The same of coroutines.
[[nodiscard]] std::unique_ptr<Actor> make_task_ferry(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_task_passenger(Site& site, std::string_view target);

/// Reconnects to an echo server after each end, until no more faults happen.
[[nodiscard]] std::unique_ptr<Actor> make_returner(Site& site, std::string_view target);
/// The same of coroutines.
[[nodiscard]] std::unique_ptr<Actor> make_task_returner(Site& site, std::string_view target);
/// Timers of all kinds. None may be early.
[[nodiscard]] std::unique_ptr<Actor> make_clockwork(Site& site);
/// Posted and deferred work, which must run in order and once.
[[nodiscard]] std::unique_ptr<Actor> make_worker(Site& site);
/// Tasks that sleep, of which none may continue early, and tasks that wait for each other.
[[nodiscard]] std::unique_ptr<Actor> make_task_clockwork(Site& site);
[[nodiscard]] std::unique_ptr<Actor> make_task_worker(Site& site);

}  // namespace rondo::sim::scenario
