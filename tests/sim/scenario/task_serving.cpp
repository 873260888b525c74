// SPDX-License-Identifier: MIT
#include "task_serving.h"

namespace rondo::sim::scenario {
namespace {

/// As long as the task that serves a client, however that ends.
class Session {
 public:
  explicit Session(StreamCheck& calls) : calls_(calls) {
    calls.opened();
    calls.aborts();  // an exception aborts it
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { calls_.destroyed(); }

 private:
  StreamCheck& calls_;
};

}  // namespace

Result<Server> TaskServing::serve_now() {
  const ServerOptions options = draw_options();
  const auto session = [this](Connection& client) { return converse(client, greet()); };
  return serve(reactor(), where(), session, options);
}

Task<> TaskServing::converse(Connection& client, StreamCheck& calls) {
  const Session session{calls};
  try {
    bool is_answered = true;
    if (scene().one_in(3)) {
      const auto first = co_await when_any(answer(client, calls), client.draining());
      is_answered = first.index() == 0;
    } else {
      co_await answer(client, calls);
    }
    if (is_answered) calls.peer_finished();
  } catch (const Disconnected& error) {
    expect(error.is_of(client.stream()), "an exception of another connection");
    if (scene().one_in(3)) throw;  // that is no error
  }
  calls.closes();
  client.close();
  acts_up();
  const Close close = co_await client.closed();
  calls.closed(close);
}

}  // namespace rondo::sim::scenario
