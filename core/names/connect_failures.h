// SPDX-License-Identifier: MIT
// Why the attempts of a Connector have failed, for the message of its error.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/result.h>

namespace rondo::detail {

class ConnectFailures {
 public:
  /// So that the next `count` calls of add() take no memory.
  void make_room(std::size_t count) { failures_.reserve(failures_.size() + count); }
  /// Without an address, the context of the error says what has failed.
  void add(const std::optional<Endpoint>& address, Error error) {
    failures_.push_back({address, std::move(error)});
  }
  [[nodiscard]] bool empty() const noexcept { return failures_.empty(); }

  /// An error of the connect to `target` that lists every failure. The last of them has the error
  /// `code`, whose message ends the text.
  [[nodiscard]] Error listed(const std::string& target, std::error_code code) const;
  /// The same, with the code that says most about the peers. A failure with it becomes the last.
  [[nodiscard]] Error most_telling(const std::string& target);

 private:
  struct Failure {
    std::optional<Endpoint> address;
    Error error;
  };

  std::vector<Failure> failures_;
};

}  // namespace rondo::detail
