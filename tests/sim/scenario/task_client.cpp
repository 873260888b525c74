// SPDX-License-Identifier: MIT
#include "task_client.h"

#include <chrono>
#include <memory>

namespace rondo::sim::scenario {

/// As long as the task that owns the connection.
class TaskClient::Talk {
 public:
  Talk(TaskClient& client, Connection& connection) : client_(client) {
    client.connection_ = &connection;
    client.calls_.opened();
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;
  ~Talk() {
    client_.connection_ = nullptr;
    client_.calls_.destroyed();
  }

 private:
  TaskClient& client_;
};

Task<> TaskClient::talk() {
  std::unique_ptr<Connection> connection;
  try {
    connection = co_await open_connection(target_, options_);
  } catch (const Disconnected& error) {
    expect(static_cast<bool>(error.code()), "not connected, but without an error");
    co_return;
  }
  const Talk talk{*this, *connection};
  act_up();
  try {
    co_await converse(*connection);
  } catch (const Disconnected& error) {
    expect(error.is_of(connection->stream()), "an exception of another connection");
  }
  calls_.closes();
  connection->close();
  const Close close = co_await connection->closed();
  calls_.closed(close);
}

void TaskClient::stop_something() {
  if (connection_ == nullptr) return;
  calls_.closes();
  switch (scene().draw(5)) {
    case 0:
      return connection_->close();
    case 1:
      return connection_->stream().close(scene().draw_time(std::chrono::seconds{3}));
    case 2:
      return connection_->shutdown_output();
    case 3:
      return connection_->abort();
    default:
      return interrupt();
  }
}

}  // namespace rondo::sim::scenario
