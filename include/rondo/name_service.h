// rondo: who answers for names where DNS does not: the part of the port that a simulated network
// needs beside its poller and its sockets.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/function.h>
#include <rondo/net.h>
#include <rondo/result.h>

namespace rondo {

/// What a Resolver asks in place of the hosts file and the name servers. Thread: the reactor's.
class NameService {
 public:
  /// A question under way. Destroying it cancels it: its callback is not called then.
  class Question {
   public:
    virtual ~Question() = default;
  };
  using OnAnswer = Function<void(Result<std::vector<Endpoint>, std::error_code> addresses)>;

  virtual ~NameService() = default;

  /// Asks for a name, which is well-formed. `on_answer` is called once, not from inside this call,
  /// with addresses of `family`, where one is given, and port 0; or with a ResolveError. It may
  /// destroy the question.
  [[nodiscard]] virtual std::unique_ptr<Question> ask(std::string_view name,
                                                      std::optional<AddressFamily> family,
                                                      OnAnswer on_answer) = 0;
};

}  // namespace rondo
