// SPDX-License-Identifier: MIT
// rondo: names that a backend resolves itself, as a simulated network does.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/function.h>
#include <rondo/net.h>
#include <rondo/result.h>

namespace rondo {

/// A Resolver on a backend that has a NameService uses it instead of the hosts file and the name
/// servers; see Backend::name_service(). Used on the reactor's thread only.
///
///     std::unique_ptr<rondo::NameService::Question> MyNames::ask(
///         std::string_view name, std::optional<rondo::AddressFamily> family, OnAnswer on_answer) {
///       // MyQuestion has a timer, whose callback calls on_answer in the next turn.
///       return std::make_unique<MyQuestion>(reactor_, find(name, family), std::move(on_answer));
///     }
class NameService {
 public:
  /// A pending question. Destroying it cancels the question: its callback is not called.
  class Question {
   public:
    virtual ~Question() = default;
  };
  /// The addresses with port 0, or the error; the Resolver adds the name to its message.
  using OnAnswer = Function<void(Result<std::vector<Endpoint>, std::error_code> addresses)>;

  virtual ~NameService() = default;

  /// Asks for a name, which is well-formed, and for addresses of `family` only, if it is given.
  /// Calls `on_answer` once, not from inside this function. An unknown name is a ResolveError.
  /// `on_answer` may destroy the question.
  [[nodiscard]] virtual std::unique_ptr<Question> ask(std::string_view name,
                                                      std::optional<AddressFamily> family,
                                                      OnAnswer on_answer) = 0;
};

}  // namespace rondo
