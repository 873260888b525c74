// What a channel of c-ares is told, and what it has read: name servers, search domains.
//
// c-ares reads resolv.conf(5) and the environment when a channel is made. We ask it for the result
// and use that ourselves, server by server and domain by domain.
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "cares_channel.h"
#include "host_name.h"

namespace rondo::detail {
namespace {

constexpr int cares_timeout_ms = 3'600'000;

std::error_code initialise_cares() noexcept {
  static const int status = ::ares_library_init(ARES_LIB_INIT_ALL);
  return status == ARES_SUCCESS ? std::error_code{} : make_error_code(ResolveError::no_dns);
}

}  // namespace

Result<std::unique_ptr<DnsChannel>, std::error_code> make_dns_channel(
    Reactor& reactor, const ResolverOptions& options) {
  auto channel = std::make_unique<CaresChannel>(reactor, options);
  if (auto error = channel->open()) return error;
  return std::unique_ptr<DnsChannel>{std::move(channel)};
}

std::error_code CaresChannel::open() {
  if (auto error = initialise_cares()) return error;
  std::string config_path = options_.config_path;
  char lookups[] = "b";
  ares_options given{};
  // Errors of the server are told and not covered up by asking it again.
  given.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOALIASES;
  given.timeout = cares_timeout_ms;
  given.tries = 1;
  given.lookups = lookups;
  given.sock_state_cb = state_changed;
  given.sock_state_cb_data = this;
  given.resolvconf_path = config_path.data();
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
             ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
  if (!config_path.empty()) mask |= ARES_OPT_RESOLVCONF;
  if (const int status = ::ares_init_options(&channel_, &given, mask); status != ARES_SUCCESS) {
    channel_ = nullptr;
    return cares_error(status);
  }
  ::ares_set_socket_functions(channel_, &socket_functions, this);
  return read_configuration();
}

/// Takes over what c-ares read, as it will not be asked to use it.
std::error_code CaresChannel::read_configuration() {
  ares_options read{};
  int mask = 0;
  if (const int status = ::ares_save_options(channel_, &read, &mask); status != ARES_SUCCESS) {
    return cares_error(status);
  }
  dots_min_ = read.ndots;
  for (const char* domain : std::span{read.domains, static_cast<std::size_t>(read.ndomains)}) {
    if (wrong_with_name(domain) == nullptr) domains_.emplace_back(domain);
  }
  ::ares_destroy_options(&read);

  if (options_.name_servers.empty()) {
    ares_addr_port_node* first = nullptr;
    if (const int status = ::ares_get_servers_ports(channel_, &first); status != ARES_SUCCESS) {
      return cares_error(status);
    }
    for (const auto* server = first; server != nullptr; server = server->next) {
      servers_.push_back(*server);
    }
    if (first != nullptr) ::ares_free_data(first);
  }
  for (const Endpoint& endpoint : options_.name_servers) {
    ares_addr_port_node server{};
    if (endpoint.family() == AddressFamily::unix_domain) continue;
    server.family = endpoint.system()->sa_family;
    server.udp_port = server.tcp_port = endpoint.port();
    if (endpoint.family() == AddressFamily::ipv4) {
      std::memcpy(&server.addr.addr4,
                  &reinterpret_cast<const sockaddr_in*>(endpoint.system())->sin_addr, 4);
    } else {
      std::memcpy(&server.addr.addr6,
                  &reinterpret_cast<const sockaddr_in6*>(endpoint.system())->sin6_addr, 16);
    }
    servers_.push_back(server);
  }
  if (servers_.empty()) return ResolveError::no_name_server;
  return use_server(0);
}

/// Only while nothing is pending.
std::error_code CaresChannel::use_server(std::size_t index) {
  server_ = index;
  servers_[index].next = nullptr;
  const int status = ::ares_set_servers_ports(channel_, &servers_[index]);
  return status == ARES_SUCCESS ? std::error_code{} : cares_error(status);
}

/// The names to ask for, one after the other: resolv.conf(5), ndots and search.
void CaresChannel::list_candidates(const std::string& name) {
  candidates_.clear();
  candidate_ = 0;
  if (name.ends_with('.')) {
    candidates_.push_back(name);
    return;
  }
  for (const std::string& domain : domains_) {
    std::string full = name;
    full.append(1, '.').append(domain);
    if (!full.ends_with('.')) full += '.';
    if (wrong_with_name(full) == nullptr) candidates_.push_back(std::move(full));
  }
  const bool as_is_first = std::count(name.begin(), name.end(), '.') >= dots_min_;
  candidates_.insert(as_is_first ? candidates_.begin() : candidates_.end(), name + '.');
}

}  // namespace rondo::detail
