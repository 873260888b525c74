// SPDX-License-Identifier: MIT
// The sessions that a client may resume: the newest of each host, each used once.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "openssl.h"

namespace rondo::tls {

class Sessions {
 public:
  explicit Sessions(std::size_t max) noexcept : max_(max) {}
  /// Replaces the one of this host; the oldest of all leaves if there are too many.
  void put(const std::string& host, Owned<SSL_SESSION> session);
  /// Null: there is none.
  [[nodiscard]] Owned<SSL_SESSION> take(const std::string& host);

 private:
  using Entries = std::list<std::pair<std::string, Owned<SSL_SESSION>>>;
  const std::size_t max_;
  Entries entries_;  // the oldest first
  std::map<std::string, Entries::iterator, std::less<>> by_host_;
};

}  // namespace rondo::tls
