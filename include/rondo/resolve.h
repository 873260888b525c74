// SPDX-License-Identifier: MIT
// rondo: a task that waits for the addresses of a name.
//
//     const auto addresses = co_await rondo::resolve("example.org:80");
#pragma once

#include <rondo/export.h>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/resolver.h>
#include <rondo/result.h>
#include <rondo/task.h>

namespace rondo {

class RONDO_EXPORT Resolving {
 public:
  /// What is resolved. `resolver`: null for the one that clients share; then `host` is a target.
  struct Question {
    Resolver* resolver;
    std::string_view host;
    std::uint16_t port;
    std::optional<AddressFamily> family;
  };

  explicit Resolving(const Question& question) noexcept : question_(question) {}
  Resolving(const Resolving&) = delete;
  Resolving& operator=(const Resolving&) = delete;
  ~Resolving() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <typename Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> task) {
    return suspend(task.promise());
  }
  /// Throws the error.
  [[nodiscard]] std::vector<Endpoint> await_resume();

 private:
  [[nodiscard]] bool suspend(detail::TaskPromise& task);

  Question question_;
  Lookup lookup_;
  std::optional<Result<std::vector<Endpoint>>> result_;
  detail::Wait wait_;
};

/// The addresses of `host`, as Resolver::resolve() gives them: at least one, each with `port`, best
/// first. Throws a std::system_error with its message, such as `resolve example.org: Domain name
/// not found`. If the task is cancelled, the lookup is, too. `host` and `resolver` live until the
/// await has ended.
[[nodiscard]] inline detail::Awaitable<Resolving, Resolving::Question> resolve(
    Resolver& resolver, std::string_view host, std::uint16_t port,
    std::optional<AddressFamily> family = {}) noexcept {
  return detail::Awaitable<Resolving, Resolving::Question>{
      Resolving::Question{&resolver, host, port, family}};
}
/// The addresses of a target as open_connection() takes it, such as `example.org:80`, by the
/// Resolver that the clients of the reactor share. An address with a port is returned as it is. A
/// name without a port gives addresses with port 0. Throws invalid_argument if it is no target.
[[nodiscard]] inline detail::Awaitable<Resolving, Resolving::Question> resolve(
    std::string_view target) noexcept {
  return detail::Awaitable<Resolving, Resolving::Question>{
      Resolving::Question{nullptr, target, 0, {}}};
}

}  // namespace rondo
