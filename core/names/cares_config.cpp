// c-ares reads resolv.conf(5) and the environment when a channel is made. The result is taken from
// it, as CaresChannel goes through the servers and the search domains itself.
#include "cares_config.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include <rondo/resolver.h>

#include "host_name.h"

namespace rondo::detail {
namespace {

ares_addr_port_node to_cares(const Endpoint& endpoint) noexcept {
  ares_addr_port_node server{};
  server.family = endpoint.system()->sa_family;
  server.udp_port = server.tcp_port = endpoint.port();
  if (endpoint.family() == AddressFamily::ipv4) {
    std::memcpy(&server.addr.addr4,
                &reinterpret_cast<const sockaddr_in*>(endpoint.system())->sin_addr, 4);
  } else {
    std::memcpy(&server.addr.addr6,
                &reinterpret_cast<const sockaddr_in6*>(endpoint.system())->sin6_addr, 16);
  }
  return server;
}

/// Returns a status of c-ares.
int read_search(ares_channel channel, CaresConfig& config) {
  ares_options read{};
  int mask = 0;
  const int status = ::ares_save_options(channel, &read, &mask);
  if (status != ARES_SUCCESS) return status;
  config.dots_min = read.ndots;
  for (const char* domain : std::span{read.domains, static_cast<std::size_t>(read.ndomains)}) {
    if (defect_of_name(domain) == nullptr) config.search_domains.emplace_back(domain);
  }
  ::ares_destroy_options(&read);
  return ARES_SUCCESS;
}

int read_servers(ares_channel channel, CaresConfig& config) {
  ares_addr_port_node* first = nullptr;
  const int status = ::ares_get_servers_ports(channel, &first);
  if (status != ARES_SUCCESS) return status;
  for (const auto* server = first; server != nullptr; server = server->next) {
    config.servers.push_back(*server);
  }
  if (first != nullptr) ::ares_free_data(first);
  return ARES_SUCCESS;
}

}  // namespace

std::error_code cares_error(int status) noexcept {
  switch (status) {
    case ARES_ENOTFOUND:
      return ResolveError::host_not_found;
    case ARES_ENODATA:
      return ResolveError::no_address;
    case ARES_EBADNAME:
      return ResolveError::bad_name;
    case ARES_ESERVFAIL:
      return ResolveError::server_failed;
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return ResolveError::refused;
    case ARES_ECONNREFUSED:
    case ARES_EOF:
      return ResolveError::no_name_server;
    case ARES_ETIMEOUT:
      return ResolveError::timed_out;
    case ARES_ENOMEM:
      return std::make_error_code(std::errc::not_enough_memory);
    default:
      return ResolveError::bad_answer;
  }
}

Result<CaresConfig, std::error_code> read_cares_config(ares_channel channel,
                                                       const std::vector<Endpoint>& name_servers) {
  CaresConfig config;
  int status = read_search(channel, config);
  if (status == ARES_SUCCESS && name_servers.empty()) status = read_servers(channel, config);
  if (status != ARES_SUCCESS) return cares_error(status);
  for (const Endpoint& endpoint : name_servers) {
    if (endpoint.family() != AddressFamily::unix_domain) {
      config.servers.push_back(to_cares(endpoint));
    }
  }
  if (config.servers.empty()) return make_error_code(ResolveError::no_name_server);
  return config;
}

std::vector<std::string> CaresConfig::candidates(const std::string& name) const {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> names;
  for (const std::string& domain : search_domains) {
    std::string full = name;
    full.append(1, '.').append(domain);
    if (!full.ends_with('.')) full += '.';
    if (defect_of_name(full) == nullptr) names.push_back(std::move(full));
  }
  const bool as_is_first = std::count(name.begin(), name.end(), '.') >= dots_min;
  names.insert(as_is_first ? names.begin() : names.end(), name + '.');
  return names;
}

}  // namespace rondo::detail
