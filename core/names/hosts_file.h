// SPDX-License-Identifier: MIT
// The hosts file: hosts(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo::detail {

/// The file, kept in memory and read again when it has changed.
class HostsFile {
 public:
  /// Only so much of a larger file is read.
  static constexpr std::size_t size_max = 16U << 20U;

  /// An empty path means no file. A file that cannot be read has no names.
  explicit HostsFile(std::string path) noexcept : path_(std::move(path)) {}

  /// The addresses of a name, in the order of the file and with port 0; empty if it has none.
  [[nodiscard]] std::vector<Endpoint> find(std::string_view host);

 private:
  void refresh();

  /// What shows that the file has changed.
  struct Version {
    std::uint64_t file = 0;
    std::int64_t size = -1;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    bool operator==(const Version&) const = default;
  };

  const std::string path_;
  Version version_;
  std::string text_;
};

}  // namespace rondo::detail
