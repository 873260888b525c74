// Who can act: servers, which stay until the end, and those who use them. Each draws what it does.
#pragma once

#include <memory>
#include <string_view>

#include "actor.h"

namespace rondo::sim::scenario {

/// Whether it is to do what it does without limits, deadlines and whims, so that it must succeed.
enum class Mood : bool { whimsical, plain };

constexpr std::string_view echo_port = "7000";
constexpr std::string_view source_port = "7001";
constexpr std::string_view line_port = "7002";
constexpr std::string_view datagram_port = "7003";
constexpr std::string_view unix_stream = "unix:/run/echo";
constexpr std::string_view unix_ferry = "unix:/run/ferry";
constexpr std::string_view unix_datagrams = "unix:/run/datagrams";

// TCP, and Unix streams: sends back what it gets; with limits of all kinds.
[[nodiscard]] std::unique_ptr<Actor> make_echo_server(Site& site, std::string_view where);
/// Talks to it, in one of many ways, and compares.
[[nodiscard]] std::unique_ptr<Actor> make_talker(Site& site, std::string_view target, Mood mood);

// Sends a lot to whoever comes, finishes first, and goes on to listen: half-close both ways.
[[nodiscard]] std::unique_ptr<Actor> make_source(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_drinker(Site& site, std::string_view target, Mood mood);

// Lines of text.
[[nodiscard]] std::unique_ptr<Actor> make_line_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_line_client(Site& site, std::string_view target,
                                                      Mood mood);

// Datagrams: UDP and Unix.
[[nodiscard]] std::unique_ptr<Actor> make_datagram_server(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_datagram_client(Site& site, std::string_view target);

// Descriptors that are passed, each with a word to be written to it.
[[nodiscard]] std::unique_ptr<Actor> make_ferry(Site& site, std::string_view where);
[[nodiscard]] std::unique_ptr<Actor> make_passenger(Site& site, std::string_view target);

/// Comes back to an echo server whatever happens, until it is quiet.
[[nodiscard]] std::unique_ptr<Actor> make_returner(Site& site, std::string_view target);
/// Timers of all kinds, none of which may be early.
[[nodiscard]] std::unique_ptr<Actor> make_clockwork(Site& site);
/// Work that is posted and deferred, in its order, each piece once.
[[nodiscard]] std::unique_ptr<Actor> make_worker(Site& site);

}  // namespace rondo::sim::scenario
