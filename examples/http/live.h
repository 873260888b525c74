// SPDX-License-Identifier: MIT
// A page that shows the state of the server, by server-sent events.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/timer.h>

#include "answer.h"

namespace http {

/// The page, and the event stream that it listens to.
class Live {
 public:
  Live(rondo::Reactor& reactor, const Counters& counters);

  void answer_page(const Request& request, Answer& answer);
  /// An event now, and one each second.
  void answer_events(const Request& request, Answer& answer);

  /// The stream is closed: it gets no more events. Called for each stream of answer_events().
  void remove(rondo::Stream& client);
  /// The stream's answer is to end in good order.
  void finish(rondo::Stream& client);

  /// Counts the connections.
  void watch(const rondo::Server& server) noexcept { server_ = &server; }

 private:
  struct Listener {
    rondo::Stream* client;
    bool is_chunked;
  };

  [[nodiscard]] std::string event() const;
  void tell_all();

  rondo::Reactor& reactor_;
  const Counters& counters_;
  const rondo::Server* server_ = nullptr;
  const rondo::TimePoint started_;
  std::vector<Listener> listeners_;
  rondo::Timer each_second_;
};

}  // namespace http
