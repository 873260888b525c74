// SPDX-License-Identifier: MIT
#include <rondo/open_connection.h>

#include <utility>

#include <rondo/assert.h>

#include "stream/stream_impl.h"
#include "task_context.h"

namespace rondo {

/// A connection that owns its stream.
class OpenConnection::Owned final : public Connection {
 public:
  Owned() = default;
  ~Owned() override = default;

  void open(Reactor& reactor, OpenConnection& opening) {
    opening_ = &opening;
    set_stream(rondo::connect(reactor, opening.target_, *this, *opening.options_));
  }
  void throw_if_failed() const {
    const auto& stream = detail::StreamImpl::of(this->stream());
    if (stream.has_ended()) throw Disconnected(stream, stream.close_info(), "");
  }

  void set_stream(std::unique_ptr<Stream> stream) noexcept {
    own_ = std::move(stream);
    Connection::set_stream(*own_);
  }

 private:
  /// The task that waits may destroy the connection.
  void on_open(Stream&) override {
    hold_input_unless_read();
    if (opening_ != nullptr) std::exchange(opening_, nullptr)->wait_.resume();
  }
  void on_close(Stream& stream, const Close& why) override {
    if (opening_ != nullptr) return std::exchange(opening_, nullptr)->wait_.resume();
    Connection::on_close(stream, why);
  }

  OpenConnection* opening_ = nullptr;  // until it is connected
  std::unique_ptr<Stream> own_;
};

OpenConnection::~OpenConnection() = default;

void OpenConnection::suspend(detail::TaskPromise& task) {
  auto connection = std::make_unique<Owned>();
  connection->open(task.context().reactor(), *this);
  connection_ = std::move(connection);
  wait_.suspend(task, "open_connection");
}

std::unique_ptr<Connection> OpenConnection::await_resume() {
  static_cast<Owned&>(*connection_).throw_if_failed();
  return std::move(connection_);
}

/// `make(handler)` returns the stream.
template <typename Make>
Result<std::unique_ptr<Connection>> OpenConnection::make_over(Make make) {
  auto connection = std::make_unique<Owned>();
  Result<std::unique_ptr<Stream>> stream = make(*connection);
  if (!stream) return std::move(stream).error();
  connection->set_stream(std::move(*stream));
  return std::unique_ptr<Connection>{std::move(connection)};
}

Result<std::unique_ptr<Connection>> adopt_connection(Reactor& reactor, Socket socket,
                                                     const StreamOptions& options) {
  return OpenConnection::make_over([&](StreamHandler& handler) {
    return Stream::adopt(reactor, std::move(socket), handler, options);
  });
}

std::unique_ptr<Connection> adopt_connection(std::unique_ptr<Stream> stream) {
  RONDO_REQUIRE(stream != nullptr, "adopt_connection",
                " was called without a stream: the pointer is null.");
  auto connection = std::make_unique<OpenConnection::Owned>();
  stream->set_handler(*connection);
  connection->set_stream(std::move(stream));
  return connection;
}

Result<std::unique_ptr<Connection>> open_standard_input(Reactor& reactor,
                                                        const StreamOptions& options) {
  return OpenConnection::make_over(
      [&](StreamHandler& handler) { return Stream::standard_input(reactor, handler, options); });
}

}  // namespace rondo
