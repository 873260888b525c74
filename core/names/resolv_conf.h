// SPDX-License-Identifier: MIT
// The system's configuration of DNS: resolv.conf(5), read as glibc reads it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/endpoint.h>
#include <rondo/time.h>

namespace rondo::detail {

/// What the configuration depends on besides its file.
struct ResolvEnvironment {
  std::optional<std::string> local_domain{};  ///< LOCALDOMAIN, instead of `search` and `domain`
  std::optional<std::string> options{};       ///< RES_OPTIONS, after those of the file
  std::string host_name{};                    ///< its domain is searched if none is configured
};

struct ResolvConf {
  /// The limits of glibc.
  static constexpr std::size_t servers_max = 3;
  static constexpr int dots_min_max = 15;
  static constexpr int timeout_max = 30;  // seconds
  static constexpr int attempts_max = 5;
  /// Only so much of a larger file is read.
  static constexpr std::size_t size_max = std::size_t{1} << 20;

  std::vector<Endpoint> servers{};
  std::vector<std::string> search{};  ///< an empty name is the root
  std::size_t dots_min = 1;           ///< `ndots`: a name with as many dots is first tried as it is
  std::optional<Duration> timeout{};
  std::optional<std::size_t> attempts{};
  bool rotate = false;
  bool uses_tcp = false;      ///< `use-vc`
  bool extended = false;      ///< `edns0`
  bool ipv4_only = false;     ///< `no-aaaa`
  bool skips_single = false;  ///< `no-tld-query`: a name without a dot is not tried as it is

  /// Lines that cannot be understood, and unknown options, are ignored.
  [[nodiscard]] static ResolvConf parse(std::string_view text,
                                        const ResolvEnvironment& environment = {});
  /// A file that cannot be read counts as an empty one: the name server is 127.0.0.1.
  [[nodiscard]] static ResolvConf read(const std::string& path);

  /// Whether `name` is tried as it is before the domains of `search`.
  [[nodiscard]] bool is_first_tried_as_it_is(std::string_view name) const noexcept;
  /// The full names to try for `name`, in order, each with a dot at its end. None, if `name` may
  /// not be tried at all.
  [[nodiscard]] std::vector<std::string> candidates(const std::string& name) const;
};

}  // namespace rondo::detail
