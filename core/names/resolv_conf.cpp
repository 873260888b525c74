// SPDX-License-Identifier: MIT
// resolv.conf(5), line by line, as __res_vinit of glibc reads it. c-ares has a reader too, but it
// loses the zone of a link-local name server, and has limits of its own.
//
// A keyword counts only at the begin of a line and before a blank. So everything else is a comment,
// not only lines that begin with `#` or `;`. `sortlist` is not used: addresses are sorted by
// RFC 6724.
#include "resolv_conf.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <utility>

#include "host_name.h"
#include "text_file.h"

namespace rondo::detail {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::string_view blanks = " \t\r";

/// A number as atoi(3) reads it, within `min` and `max`.
int number(std::string_view text, int min, int max) noexcept {
  int value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) value = text.starts_with('-') ? min : max;
  return std::clamp(value, min, max);
}

template <typename Address>
Endpoint endpoint_of(const Address& address) noexcept {
  return Endpoint::from_system(reinterpret_cast<const sockaddr*>(&address), sizeof(address))
      .value();
}

/// An interface by its name, which only link-local addresses have, or by its number. 0: unknown.
std::uint32_t scope_of(const in6_addr& address, const std::string& scope) noexcept {
  const bool is_link_local = IN6_IS_ADDR_LINKLOCAL(&address) || IN6_IS_ADDR_MC_LINKLOCAL(&address);
  if (is_link_local) {
    if (const unsigned index = ::if_nametoindex(scope.c_str()); index != 0) return index;
  }
  std::uint32_t index = 0;
  const char* const end = scope.data() + scope.size();
  const auto [stop, error] = std::from_chars(scope.data(), end, index);
  return error == std::errc{} && stop == end ? index : 0;
}

std::optional<Endpoint> parse_server(const std::string& text) {
  sockaddr_in ipv4{};
  if (::inet_aton(text.c_str(), &ipv4.sin_addr) != 0) {  // also 127.1
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(dns_port);
    return endpoint_of(ipv4);
  }
  const std::size_t percent = text.find('%');
  sockaddr_in6 ipv6{};
  if (::inet_pton(AF_INET6, text.substr(0, percent).c_str(), &ipv6.sin6_addr) == 1) {
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(dns_port);
    if (percent != text.npos)
      ipv6.sin6_scope_id = scope_of(ipv6.sin6_addr, text.substr(percent + 1));
    return endpoint_of(ipv6);
  }
  // glibc has no ports. OpenBSD has, and c-ares: `[127.0.0.1]:5353`, `127.0.0.1:5353`.
  const bool is_bracketed_ipv4 = text.starts_with('[') && text.find("::") == text.npos &&
                                 std::count(text.begin(), text.end(), ':') == 1;
  std::string plain = text;
  if (is_bracketed_ipv4) std::erase_if(plain, [](char c) { return c == '[' || c == ']'; });
  const auto parsed = Endpoint::parse(plain);
  const bool is_server =
      parsed && parsed->family() != AddressFamily::unix_domain && parsed->port() != 0;
  return is_server ? std::optional{*parsed} : std::nullopt;
}

/// The words of `text` become the search list.
void set_search(ResolvConf& conf, std::string_view text, std::size_t words_max) {
  std::vector<std::string> domains;
  for (auto word = next_word(text, blanks); !word.empty(); word = next_word(text, blanks)) {
    if (word.starts_with('.')) word.remove_prefix(1);  // the root is `.`
    if (domains.size() < words_max) domains.emplace_back(word);
  }
  if (!domains.empty()) conf.search = std::move(domains);
}

void set_option(ResolvConf& conf, std::string_view option) {
  constexpr std::array flags{
      std::pair{std::string_view{"rotate"}, &ResolvConf::rotate},
      std::pair{std::string_view{"use-vc"}, &ResolvConf::uses_tcp},
      std::pair{std::string_view{"edns0"}, &ResolvConf::extended},
      std::pair{std::string_view{"no-aaaa"}, &ResolvConf::ipv4_only},
      std::pair{std::string_view{"no-tld-query"}, &ResolvConf::skips_single},
      std::pair{std::string_view{"no_tld_query"}, &ResolvConf::skips_single},
  };
  for (const auto& [name, flag] : flags) {
    if (option == name) conf.*flag = true;
  }
  const auto value_after = [option](std::string_view name) {
    return option.starts_with(name) ? std::optional{option.substr(name.size())} : std::nullopt;
  };
  if (const auto dots = value_after("ndots:")) {
    conf.dots_min = static_cast<std::size_t>(number(*dots, 0, ResolvConf::dots_min_max));
  } else if (const auto seconds = value_after("timeout:")) {
    conf.timeout = std::chrono::seconds{number(*seconds, 1, ResolvConf::timeout_max)};
  } else if (const auto attempts = value_after("attempts:")) {
    conf.attempts = static_cast<std::size_t>(number(*attempts, 1, ResolvConf::attempts_max));
  }
}

void set_options(ResolvConf& conf, std::string_view text) {
  for (auto word = next_word(text, blanks); !word.empty(); word = next_word(text, blanks))
    set_option(conf, word);
}

void read_line(ResolvConf& conf, std::string_view line, const ResolvEnvironment& environment) {
  const std::string_view keyword = line.substr(0, line.find_first_of(" \t"));
  std::string_view rest = line.substr(keyword.size());
  if (rest.empty()) return;
  if (keyword == "nameserver") {
    if (conf.servers.size() >= ResolvConf::servers_max) return;
    if (const auto server = parse_server(std::string{next_word(rest, blanks)})) {
      conf.servers.push_back(*server);
    }
  } else if (keyword == "search" || keyword == "domain") {
    if (environment.local_domain) return;
    set_search(conf, rest, keyword == "domain" ? 1 : std::numeric_limits<std::size_t>::max());
  } else if (keyword == "options") {
    set_options(conf, rest);
  }
}

std::optional<std::string> variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): as in glibc, the environment is read with the file
  const char* const value = ::getenv(name);
  return value != nullptr ? std::optional{std::string{value}} : std::nullopt;
}

}  // namespace

ResolvConf ResolvConf::parse(std::string_view text, const ResolvEnvironment& environment) {
  ResolvConf conf;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('\0'));
    read_line(conf, line, environment);
  }
  if (environment.local_domain) {
    const std::string_view domains = *environment.local_domain;
    set_search(conf, domains.substr(0, domains.find('\n')),
               std::numeric_limits<std::size_t>::max());
  } else if (conf.search.empty()) {
    const std::size_t dot = environment.host_name.find('.');
    if (dot != std::string::npos) set_search(conf, environment.host_name.substr(dot + 1), 1);
  }
  if (environment.options) set_options(conf, *environment.options);
  if (conf.servers.empty()) conf.servers = {Endpoint::loopback(dns_port)};
  return conf;
}

ResolvConf ResolvConf::read(const std::string& path) {
  std::array<char, 256> host_name{};  // POSIX: at most 255 bytes
  if (::gethostname(host_name.data(), host_name.size() - 1) != 0) host_name[0] = '\0';
  return parse(read_text_file(path, size_max),
               {variable("LOCALDOMAIN"), variable("RES_OPTIONS"), host_name.data()});
}

bool ResolvConf::is_first_tried_as_it_is(std::string_view name) const noexcept {
  return name.ends_with('.') ||
         static_cast<std::size_t>(std::count(name.begin(), name.end(), '.')) >= dots_min;
}

std::vector<std::string> ResolvConf::candidates(const std::string& name) const {
  if (name.ends_with('.')) return {name};
  const std::string as_it_is = name + '.';
  std::vector<std::string> names;
  if (is_first_tried_as_it_is(name)) names.push_back(as_it_is);
  for (const std::string& domain : search) {
    std::string full = domain.empty() ? as_it_is : as_it_is + domain;
    if (!full.ends_with('.')) full += '.';
    if (full == as_it_is && std::find(names.begin(), names.end(), full) != names.end()) continue;
    if (defect_of_name(full) == nullptr) names.push_back(std::move(full));
  }
  const bool is_tried = std::find(names.begin(), names.end(), as_it_is) != names.end();
  const bool may_be_tried = !skips_single || name.find('.') != name.npos;
  if (!is_tried && may_be_tried) names.push_back(as_it_is);
  return names;
}

}  // namespace rondo::detail
