// SPDX-License-Identifier: MIT
// adapter_postgres: libpq on a reactor. It connects, sends a query, and prints the rows one by one
// as they arrive. With COUNT it then prints as many notifications.
//
//   adapter_postgres 'dbname=shop' 'SELECT id, name FROM items'
//   adapter_postgres 'dbname=shop' 'LISTEN orders' 3
//
// libpq itself waits for the name server if the connection string has `host` instead of `hostaddr`.
#include <libpq-fe.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <rondo/reactor.h>
#include <rondo/result.h>
#include <rondo/shared_watch.h>

namespace {

struct Free {
  void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  void operator()(PGresult* result) const noexcept { PQclear(result); }
  void operator()(PGnotify* notification) const noexcept { PQfreemem(notification); }
};

/// The calls of a connection, which must not be destroyed inside, except in on_done and on_lost.
class PostgresHandler {
 public:
  virtual void on_connected() = 0;
  /// A row, or the outcome of a command.
  virtual void on_result(const PGresult& result) = 0;
  virtual void on_notification(const PGnotify& notification) = 0;
  /// All results of the query have been passed on.
  virtual void on_done() = 0;
  /// The connection could not be made, or is lost. No other call follows.
  virtual void on_lost(std::string_view why) = 0;

 protected:
  ~PostgresHandler() = default;
};

/// The adapter: one connection. `handler` outlives it. Destroy it before the reactor.
class Postgres {
 public:
  Postgres(rondo::Reactor& reactor, PostgresHandler& handler)
      : reactor_(reactor), handler_(handler) {}

  /// Begins to connect. The handler is not called inside, except on_lost.
  void connect(const char* options) {
    connection_.reset(PQconnectStart(options));
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return lost();
    await(PGRES_POLLING_WRITING);
  }

  /// Sends one query, whose rows arrive one by one.
  void query(const char* text) {
    if (PQsendQuery(connection_.get(), text) == 0) return lost();
    PQsetSingleRowMode(connection_.get());
    asked_ = true;
    flush();
  }

 private:
  /// The descriptor may be another one after each step of connecting, so each has a new watch.
  void await(PostgresPollingStatusType step) {
    switch (step) {
      case PGRES_POLLING_READING:
        watch(rondo::Ready::read, [this](auto) { go_on(); });
        return;
      case PGRES_POLLING_WRITING:
        watch(rondo::Ready::write, [this](auto) { go_on(); });
        return;
      case PGRES_POLLING_OK:
        PQsetnonblocking(connection_.get(), 1);
        if (watch(rondo::Ready::read, [this](rondo::Ready ready) { exchange(ready); }))
          handler_.on_connected();
        return;
      default:
        return lost();
    }
  }
  void go_on() {
    watch_.cancel();  // libpq may close the descriptor in the next call
    await(PQconnectPoll(connection_.get()));
  }

  /// If this returns false, on_lost has been called, and may have destroyed the connection.
  bool watch(rondo::Ready interest, rondo::SharedWatch::Callback callback) {
    auto made = rondo::SharedWatch::make(reactor_, PQsocket(connection_.get()), interest,
                                         std::move(callback));
    if (!made) {
      handler_.on_lost(made.error().message() + "\n");
      return false;
    }
    watch_ = std::move(*made);
    return true;
  }

  void exchange(rondo::Ready ready) {
    if (can_read(ready) && PQconsumeInput(connection_.get()) == 0) return lost();
    flush();
    bool done = false;
    while (asked_ && PQisBusy(connection_.get()) == 0) {
      const std::unique_ptr<PGresult, Free> result{PQgetResult(connection_.get())};
      done = result == nullptr;
      if (done) {
        asked_ = false;
      } else {
        handler_.on_result(*result);
      }
    }
    // After the results, because reading them finds the notifications that follow.
    while (const std::unique_ptr<PGnotify, Free> notification{PQnotifies(connection_.get())})
      handler_.on_notification(*notification);
    if (done) handler_.on_done();
  }

  /// PQflush returns 1 while output is left, which the system does not take now.
  void flush() {
    const bool left = PQflush(connection_.get()) == 1;
    watch_.set(left ? rondo::Ready::both : rondo::Ready::read);
  }

  void lost() {
    watch_.cancel();
    handler_.on_lost(PQerrorMessage(connection_.get()));
  }

  rondo::Reactor& reactor_;
  PostgresHandler& handler_;
  std::unique_ptr<PGconn, Free> connection_;
  rondo::SharedWatch watch_;
  bool asked_ = false;  // a query whose results are not complete
};

/// The program: one query, then some notifications.
class Program final : public PostgresHandler {
 public:
  Program(rondo::Reactor& reactor, const char* query, int notifications)
      : reactor_(reactor), query_(query), notifications_left_(notifications) {
    database_.emplace(reactor, *this);
  }

  int run(const char* options) {
    database_->connect(options);
    const auto ran = reactor_.run();  // returns when the connection has been destroyed
    return ran ? status_ : rondo::print_error(ran.error());
  }

 private:
  void on_connected() override { database_->query(query_); }
  void on_result(const PGresult& result) override {
    if (PQresultStatus(&result) == PGRES_FATAL_ERROR) {
      std::fputs(PQresultErrorMessage(&result), stderr);
      status_ = EXIT_FAILURE;
    }
    for (int row = 0; row < PQntuples(&result); ++row) {
      for (int column = 0; column < PQnfields(&result); ++column)
        std::printf("%s%s", column > 0 ? "|" : "", PQgetvalue(&result, row, column));
      std::putchar('\n');
    }
  }
  void on_done() override {
    std::puts("done");
    std::fflush(stdout);
    if (notifications_left_ == 0) database_.reset();
  }
  void on_notification(const PGnotify& notification) override {
    std::printf("%s: %s\n", notification.relname, notification.extra);
    std::fflush(stdout);
    if (--notifications_left_ == 0) reactor_.defer([this] { database_.reset(); });
  }
  void on_lost(std::string_view why) override {
    std::fprintf(stderr, "%.*s", static_cast<int>(why.size()), why.data());
    status_ = EXIT_FAILURE;
    database_.reset();
  }

  rondo::Reactor& reactor_;
  std::optional<Postgres> database_;
  const char* query_;
  int notifications_left_;
  int status_ = EXIT_SUCCESS;
};

}  // namespace

int main(int argc, char** argv) {
  int notifications = 0;
  if (argc < 3 || argc > 4 || (argc == 4 && (notifications = std::atoi(argv[3])) < 1)) {
    std::fputs("usage: adapter_postgres OPTIONS QUERY [COUNT]\n", stderr);
    return 2;
  }
  auto reactor = rondo::Reactor::make();
  if (!reactor) return rondo::print_error(reactor.error());
  return Program{**reactor, argv[2], notifications}.run(argv[1]);
}
