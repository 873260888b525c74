// SPDX-License-Identifier: MIT
#include "sessions.h"

namespace rondo::tls {

void Sessions::put(const std::string& host, Owned<SSL_SESSION> session) {
  if (max_ == 0) return;
  (void)take(host);  // the old one is of no use
  const auto at = entries_.emplace(entries_.end(), host, std::move(session));
  try {
    by_host_.emplace(host, at);
  } catch (...) {
    entries_.erase(at);
    throw;
  }
  if (entries_.size() > max_) (void)take(std::string{entries_.front().first});  // it may go
}

Owned<SSL_SESSION> Sessions::take(const std::string& host) {
  const auto found = by_host_.find(host);
  if (found == by_host_.end()) return nullptr;
  Owned<SSL_SESSION> session = std::move(found->second->second);
  entries_.erase(found->second);
  by_host_.erase(found);
  return session;
}

}  // namespace rondo::tls
