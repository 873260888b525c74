// What c-ares has read from the system's configuration.
#pragma once

#include <ares.h>

#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/result.h>

namespace rondo::detail {

/// The ResolveError for a status of c-ares.
[[nodiscard]] std::error_code cares_error(int status) noexcept;

struct CaresConfig {
  std::vector<ares_addr_port_node> servers;
  std::vector<std::string> search_domains;
  std::ptrdiff_t dots_min = 1;  ///< `ndots`: a name with as many dots is tried as it is first

  /// The full names to try for `name`, in order, each with a dot at its end: resolv.conf(5).
  [[nodiscard]] std::vector<std::string> candidates(const std::string& name) const;
};

/// `name_servers` replace those of the configuration, unless there are none.
[[nodiscard]] Result<CaresConfig, std::error_code> read_cares_config(
    ares_channel channel, const std::vector<Endpoint>& name_servers);

}  // namespace rondo::detail
