// SPDX-License-Identifier: MIT
// The session of a Server whose clients are served by coroutines. It lives, in the memory of its
// stream, until the stream has ended and the coroutine, too:
//
//   the coroutine ends first   the stream is closed, and its end destroys the session
//   the stream ends first      reads throw or return nothing; the server keeps the block
//                              (Server::Impl::ended) until finished() reports the coroutine's end
//   the server goes first      the coroutine is destroyed; if it is running at that moment, the
//                              block is kept until it is suspended (condemned_is_gone)
#include <cxxabi.h>

#include <rondo/connection.h>

#include <typeinfo>

#include "connection_delivery.h"
#include "stream/stream_impl.h"
#include "task_context.h"

namespace rondo::detail {

SessionFactory ServedConnection::factory() noexcept {
  SessionFactory factory;
  factory.size = sizeof(ServedConnection);
  factory.alignment = alignof(ServedConnection);
  factory.drain = [](void* where, Stream&) { static_cast<ServedConnection*>(where)->drain(); };
  factory.destroy = [](void* where) noexcept {
    static_cast<ServedConnection*>(where)->~ServedConnection();
  };
  factory.is_done = [](void* where) noexcept {
    return static_cast<ServedConnection*>(where)->task_ == nullptr;
  };
  factory.may_destroy = [](void* where) noexcept {
    auto& served = *static_cast<ServedConnection*>(where);
    TaskPromise* const task = served.task_;
    return task == nullptr || !task->context().condemn(*task, served);
  };
  return factory;
}

ServedConnection::~ServedConnection() {
  if (task_ != nullptr) task_->context().cancel(*task_);
}

/// It starts when the connection is open.
void ServedConnection::own(Task<> task) {
  TaskContext& context = TaskContext::of(StreamImpl::of(stream()).context().reactor());
  task_ = &task.release();
  task_->start(context, CompletionLink{this});
}

void ServedConnection::on_open(Stream&) {
  task_->context().run(task_->handle());
  hold_input_unless_read();
}

/// The server does not destroy it while a callback of its stream is running.
void ServedConnection::on_data(Stream&, Bytes data) {
  deliver(data, [] { return false; });
}

/// The connection was lost, and Disconnected has left the task, as usual. Which connection it tells
/// of does not matter any more. If the type is another one, or this connection is not lost,
/// finished() looks at the exception itself.
bool ServedConnection::expects_current_exception() const noexcept {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  if (type == nullptr || !is_lost()) return false;
  return *type == typeid(Disconnected) || *type == typeid(IncompleteRead);
}

void ServedConnection::finished(std::exception_ptr exception) {
  StreamImpl& client = StreamImpl::of(stream());
  const bool has_ended = client.has_reported_end();
  StreamOwner* const owner = client.owner();
  struct Done {  // also after an exception
    StreamImpl& client;
    StreamOwner* owner;
    ~Done() {
      if (owner != nullptr) owner->ended(client);
    }
  } const done{client, has_ended ? owner : nullptr};
  if (!exception) return client.close();
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const Disconnected& error) {
    error.is_of(client) ? client.close() : handler_threw(client);
  } catch (...) {
    handler_threw(client);
  }
}

void ServedConnection::condemned_is_gone() noexcept {
  task_ = nullptr;
  StreamImpl& client = StreamImpl::of(stream());
  client.owner()->destroy(client);
}

}  // namespace rondo::detail
