// SPDX-License-Identifier: MIT
// rondo: what a task waits with for a Connection. connection.h includes it.
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <rondo/connection.h>
#include <rondo/disconnected.h>
#include <rondo/framing.h>
#include <rondo/lent_bytes.h>
#include <rondo/net.h>
#include <rondo/result.h>
#include <rondo/task.h>
#include <rondo/try_results.h>

namespace rondo {

/// Stands in the frame of the task that waits.
class RONDO_EXPORT Connection::Awaiter {
 public:
  explicit Awaiter(Connection& connection) noexcept : connection_(&connection) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;
  virtual ~Awaiter() = default;

  [[nodiscard]] bool await_ready() { return is_complete(); }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) {
    suspend(task.promise());
  }

 protected:
  /// Whether there is nothing to wait for, or no more comes.
  [[nodiscard]] virtual bool is_complete() = 0;
  virtual void suspend(detail::TaskPromise& task) = 0;
  [[nodiscard]] Connection& connection() const noexcept { return *connection_; }

 private:
  friend class Connection;
  Connection* connection_;  // null: it is gone
  detail::Wait wait_;
};

/// A read that waits for more than the next input.
class RONDO_EXPORT Connection::Request : public Awaiter {
 public:
  using Awaiter::Awaiter;
  ~Request() override;

  [[nodiscard]] bool await_ready() {
    connection().expect_no_reader();
    return is_complete();
  }

 private:
  void suspend(detail::TaskPromise& task) final;
};

class RONDO_EXPORT Connection::ReadSome final : public Request {
 public:
  ReadSome(Connection* connection, MutableBytes into) noexcept
      : Request(*connection), into_(into) {}
  std::size_t await_resume();

 private:
  bool is_complete() override;
  MutableBytes into_;
};

class RONDO_EXPORT Connection::ReadExactly final : public Request {
 public:
  ReadExactly(Connection* connection, std::size_t size) noexcept
      : Request(*connection), size_(size) {}
  LentBytes await_resume();

 private:
  bool is_complete() override;
  std::size_t size_;
};

class RONDO_EXPORT Connection::ReadUntil final : public Request {
 public:
  ReadUntil(Connection* connection, std::string_view delimiter, std::size_t max) noexcept
      : Request(*connection), delimiter_(delimiter), max_(max) {}
  LentBytes await_resume();

 private:
  bool is_complete() override;
  std::string_view delimiter_;
  std::size_t max_;
  std::size_t searched_ = 0;  // no delimiter begins before
  std::size_t end_ = 0;       // where the delimiter ends; 0: it was not found
};

class RONDO_EXPORT Connection::ReadToEnd final : public Request {
 public:
  ReadToEnd(Connection* connection, std::size_t max) noexcept : Request(*connection), max_(max) {}
  LentBytes await_resume();

 private:
  bool is_complete() override;
  std::size_t max_;
};

class RONDO_EXPORT Connection::ReadFrame final : public Request {
 public:
  ReadFrame(Connection* connection, LengthFormat format, std::size_t max) noexcept;
  std::optional<LentBytes> await_resume();

 private:
  bool is_complete() override;
  [[nodiscard]] bool has_arrived() const noexcept;

  LengthFormat format_;
  std::size_t max_;
  std::optional<std::uint64_t> length_;  // once its bytes have arrived
};

/// Waits for something other than input.
class RONDO_EXPORT Connection::Waiter : public Awaiter {
 public:
  Waiter(Connection& connection, const char* what) noexcept : Awaiter(connection), what_(what) {}
  ~Waiter() override;

 private:
  friend class Connection;
  void suspend(detail::TaskPromise& task) final;

  const char* what_;
  Waiter* next_ = nullptr;  // in the list of the connection
};

class RONDO_EXPORT Connection::Writable : public Waiter {
 public:
  ~Writable() override = default;
  explicit Writable(Connection* connection) noexcept : Writable(connection, "writable()") {}
  void await_resume() const;

 protected:
  Writable(Connection* connection, const char* what) noexcept : Waiter(*connection, what) {}

 private:
  bool is_complete() final;
};

class RONDO_EXPORT Connection::Send : public Writable {
 public:
  ~Send() override = default;
  Send(Connection* connection, Bytes data) noexcept : Writable(connection, "send()"), data_(data) {}
  [[nodiscard]] bool await_ready() {
    status_ = connection().write(data_);
    return status_ == WriteStatus::accepted || Waiter::await_ready();
  }
  void await_resume() const {
    if (status_ != WriteStatus::accepted) Writable::await_resume();
  }

 protected:
  [[nodiscard]] WriteStatus status() const noexcept { return status_; }

 private:
  Bytes data_;
  WriteStatus status_ = WriteStatus::accepted;
};

class RONDO_EXPORT Connection::TrySend final : public Send {
 public:
  using Send::Send;
  [[nodiscard]] SendResult await_resume() const noexcept;
};

class RONDO_EXPORT Connection::Flushed final : public Waiter {
 public:
  explicit Flushed(Connection* connection) noexcept : Waiter(*connection, "flushed()") {}
  void await_resume() const;

 private:
  bool is_complete() override;
};

class RONDO_EXPORT Connection::Closed final : public Waiter {
 public:
  explicit Closed(Connection* connection) noexcept : Waiter(*connection, "closed()") {}
  [[nodiscard]] Close await_resume() const;

 private:
  bool is_complete() override;
};

class RONDO_EXPORT Connection::Draining final : public Waiter {
 public:
  explicit Draining(Connection* connection) noexcept : Waiter(*connection, "draining()") {}
  void await_resume() const noexcept {}

 private:
  bool is_complete() override;
};

}  // namespace rondo
