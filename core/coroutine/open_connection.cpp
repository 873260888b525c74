#include <rondo/open_connection.h>

#include <utility>

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
  std::error_code adopt(Reactor& reactor, Socket socket, const StreamOptions& options,
                        std::string& context) {
    auto stream = Stream::adopt(reactor, std::move(socket), *this, options);
    if (!stream) {
      context = stream.error().context;
      return stream.error().code;
    }
    set_stream(std::move(*stream));
    return {};
  }
  void throw_if_failed() const {
    const auto& stream = detail::StreamImpl::of(this->stream());
    if (stream.has_ended()) throw Disconnected(stream, stream.close_info(), "");
  }

 private:
  void set_stream(std::unique_ptr<Stream> stream) noexcept {
    own_ = std::move(stream);
    Connection::set_stream(*own_);
  }
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

Result<std::unique_ptr<Connection>> adopt_connection(Reactor& reactor, Socket socket,
                                                     const StreamOptions& options) {
  auto connection = std::make_unique<OpenConnection::Owned>();
  std::string context;
  if (const auto error = connection->adopt(reactor, std::move(socket), options, context))
    return Error{error, std::move(context)};
  return std::unique_ptr<Connection>{std::move(connection)};
}

}  // namespace rondo
