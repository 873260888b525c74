// SPDX-License-Identifier: MIT
// One question to the name servers: the addresses of one family.
#pragma once

#include <ares.h>

#include <string>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo::detail {

/// The ResolveError for a status of c-ares.
[[nodiscard]] std::error_code cares_error(int status) noexcept;

class CaresQuestion {
 public:
  explicit CaresQuestion(AddressFamily family) noexcept : family_(family) {}

  [[nodiscard]] AddressFamily family() const noexcept { return family_; }
  /// Whether the answer is still to come.
  [[nodiscard]] bool pending() const noexcept { return pending_; }
  /// The status of c-ares; ARES_ETIMEOUT before an answer has come.
  [[nodiscard]] int status() const noexcept { return status_; }
  /// Whether the answer holds for all name servers, so that no other one is queried.
  [[nodiscard]] bool is_answered() const noexcept;
  [[nodiscard]] const std::vector<Endpoint>& addresses() const noexcept { return addresses_; }

  void reset() noexcept;
  /// Asks through `channel` for `name`, which ends in a dot. The answer may come before this
  /// returns. Cancelling the channel ends the question without an answer.
  void ask(ares_channel channel, const std::string& name) noexcept;

 private:
  // Called by c-ares, through whose C functions nothing may be thrown.
  static void answered(void* self, int status, int timeouts, ares_addrinfo* found) noexcept;
  void keep(const ares_addrinfo& found);

  AddressFamily family_;
  bool pending_ = false;
  int status_ = ARES_ETIMEOUT;
  std::vector<Endpoint> addresses_;
};

}  // namespace rondo::detail
