// The hosts file: hosts(5).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo::detail {

/// Kept in memory, and read again when the file has changed.
class HostsFile {
 public:
  static constexpr std::size_t size_max = 16U
                                          << 20U;  ///< what follows in a larger file is not seen

  /// An empty path: no file. One that cannot be read knows no names.
  explicit HostsFile(std::string path) noexcept : path_(std::move(path)) {}

  /// The addresses of a name in the order of the file, with port 0; none if it is not there.
  [[nodiscard]] std::vector<Endpoint> find(std::string_view host);

 private:
  void refresh();

  /// What is looked at to see that the file has changed.
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
