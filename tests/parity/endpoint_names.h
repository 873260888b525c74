// SPDX-License-Identifier: MIT
// Names for endpoints that are the same on each kernel: ports are numbered in the order in which
// they are first seen, and the prefix of the kernel's names is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <rondo/endpoint.h>

namespace rondo::test {

class EndpointNames {
 public:
  explicit EndpointNames(std::string prefix) : prefix_(std::move(prefix)) {}

  [[nodiscard]] std::string name(const Endpoint& endpoint) {
    std::string host = endpoint.host();
    if (endpoint.family() == AddressFamily::unix_domain) {
      const std::size_t at = host.find(prefix_);
      if (at != std::string::npos) host.erase(at, prefix_.size());
      return "unix:" + host;
    }
    if (endpoint.port() == 0) return host + ":0";
    const std::pair key{static_cast<int>(endpoint.family()), endpoint.port()};
    return host + ":p" + std::to_string(ports_.emplace(key, ports_.size()).first->second);
  }

  /// Must be called with each port that a kernel has chosen. A port is rarely chosen twice in a
  /// script, but then two sockets would have the same name.
  void chosen(const Endpoint& local) {
    if (local.family() == AddressFamily::unix_domain || local.port() == 0) return;
    if (!chosen_.insert({local.family(), local.port()}).second) is_ambiguous_ = true;
  }
  [[nodiscard]] bool is_ambiguous() const noexcept { return is_ambiguous_; }

 private:
  std::string prefix_;
  std::set<std::pair<AddressFamily, std::uint16_t>> chosen_;
  bool is_ambiguous_ = false;
  std::map<std::pair<int, std::uint16_t>, std::size_t> ports_;
};

}  // namespace rondo::test
