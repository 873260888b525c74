// SPDX-License-Identifier: MIT
// resolv.conf(5) as glibc reads it, and the names to try for a name.
#include "names/resolv_conf.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <stdlib.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/temporary_file.h"

namespace rondo::test {
namespace {

using detail::ResolvConf;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

Texts servers_of(const ResolvConf& conf) {
  Texts texts;
  for (const Endpoint& server : conf.servers) texts.push_back(server.to_string());
  return texts;
}

Texts servers_in(std::string_view text) { return servers_of(ResolvConf::parse(text)); }
Texts search_in(std::string_view text) { return ResolvConf::parse(text).search; }

const Texts local_server{"127.0.0.1:53"};

TEST(ResolvConf, NameServers) {
  struct {
    const char* text;
    Texts servers;
  } const cases[] = {
      {"", local_server},
      {"nameserver 192.0.2.1\n", {"192.0.2.1:53"}},
      {"nameserver 192.0.2.1", {"192.0.2.1:53"}},
      {"nameserver \t 192.0.2.1 \t ignored 192.0.2.2\n", {"192.0.2.1:53"}},
      {"nameserver 192.0.2.1\r\nnameserver 192.0.2.2\r\n", {"192.0.2.1:53", "192.0.2.2:53"}},
      {"nameserver\t192.0.2.1\n", {"192.0.2.1:53"}},
      {"nameserver 127.1\n", {"127.0.0.1:53"}},
      {"nameserver 2001:db8::53\n", {"[2001:db8::53]:53"}},
      {"nameserver ::1\nnameserver 192.0.2.1\n", {"[::1]:53", "192.0.2.1:53"}},
      {"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
       {"192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"}},
      {"nameserver 192.0.2.1\nnameserver 192.0.2.1\n", {"192.0.2.1:53", "192.0.2.1:53"}},
      // No line of a name server.
      {" nameserver 192.0.2.1\n", local_server},
      {"nameserver\n", local_server},
      {"nameserver \n", local_server},
      {"nameservers 192.0.2.1\n", local_server},
      {"NAMESERVER 192.0.2.1\n", local_server},
      {"#nameserver 192.0.2.1\n;nameserver 192.0.2.1\n# nameserver 192.0.2.1\n", local_server},
      {"nameserver ns.example.org\n", local_server},
      {"nameserver 192.0.2.300\nnameserver 192.0.2.1.1\nnameserver unix:/tmp/dns\n", local_server},
      {"nameserver 2001:db8:::1\nnameserver %lo\n", local_server},
      {"sortlist 192.0.2.0\nnameserver 192.0.2.1\n", {"192.0.2.1:53"}},
      // Ports, which glibc does not have.
      {"nameserver 192.0.2.1:5353\n", {"192.0.2.1:5353"}},
      {"nameserver [192.0.2.1]:5353\n", {"192.0.2.1:5353"}},
      {"nameserver [2001:db8::53]:5353\n", {"[2001:db8::53]:5353"}},
      {"nameserver 192.0.2.1:0\nnameserver 192.0.2.1:65536\nnameserver [::1]\n", local_server},
  };
  for (const auto& each : cases) EXPECT_EQ(servers_in(each.text), each.servers) << each.text;
}

TEST(ResolvConf, KeepsTheZoneOfALinkLocalNameServer) {
  const std::string lo = std::to_string(::if_nametoindex("lo"));
  if (lo == "0") GTEST_SKIP() << "no interface called lo";
  EXPECT_EQ(servers_in("nameserver fe80::53%lo\n"), Texts{"[fe80::53%lo]:53"});
  EXPECT_EQ(servers_in("nameserver fe80::53%" + lo + "\n"), Texts{"[fe80::53%lo]:53"});
  EXPECT_EQ(servers_in("nameserver [fe80::53%lo]:5353\n"), Texts{"[fe80::53%lo]:5353"});
  EXPECT_EQ(servers_in("nameserver fe80::53%nonsense\n"), Texts{"[fe80::53]:53"});
  EXPECT_EQ(servers_in("nameserver 2001:db8::53%lo\n"), Texts{"[2001:db8::53]:53"})
      << "glibc takes a name for link-local addresses only";
}

TEST(ResolvConf, SearchDomains) {
  const Texts many(40, "example.org");
  std::string long_list = "search";
  for (const std::string& domain : many) long_list += ' ' + domain;
  struct {
    std::string text;
    Texts search;
  } const cases[] = {
      {"", {}},
      {"search one.test two.test\n", {"one.test", "two.test"}},
      {"search\tone.test\t two.test \r\n", {"one.test", "two.test"}},
      {"domain one.test two.test\n", {"one.test"}},
      {"search one.test\nsearch two.test\n", {"two.test"}},
      {"search one.test\ndomain two.test\n", {"two.test"}},
      {"domain one.test\nsearch two.test three.test\n", {"two.test", "three.test"}},
      {"search one.test\nsearch\n", {"one.test"}},
      {"search one.test\nsearch \n", {"one.test"}},
      {"search one.test\n search two.test\n", {"one.test"}},
      {"search .one.test .\n", {"one.test", ""}},
      {long_list, many},
  };
  for (const auto& each : cases) EXPECT_EQ(search_in(each.text), each.search) << each.text;
}

TEST(ResolvConf, SearchesTheDomainOfTheHostIfNoneIsConfigured) {
  const detail::ResolvEnvironment host{.host_name = "www.example.org"};
  EXPECT_EQ(ResolvConf::parse("", host).search, Texts{"example.org"});
  EXPECT_EQ(ResolvConf::parse("search \n", host).search, Texts{"example.org"});
  EXPECT_EQ(ResolvConf::parse("search one.test\n", host).search, Texts{"one.test"});
  EXPECT_EQ(ResolvConf::parse("", {.host_name = "www"}).search, Texts{});
  EXPECT_EQ(ResolvConf::parse("", {.host_name = "www."}).search, Texts{});
}

TEST(ResolvConf, TheEnvironmentOverridesTheFile) {
  constexpr std::string_view file = "search one.test\noptions ndots:3 rotate\n";
  const auto local = [&](const char* domains) {
    return ResolvConf::parse(file, {.local_domain = domains, .host_name = "a.example.org"}).search;
  };
  EXPECT_EQ(local("two.test three.test"), (Texts{"two.test", "three.test"}));
  EXPECT_EQ(local("two.test\nthree.test"), Texts{"two.test"});
  EXPECT_EQ(local(""), Texts{});
  const ResolvConf conf = ResolvConf::parse(file, {.options = "ndots:2 use-vc"});
  EXPECT_EQ(conf.dots_min, 2U);
  EXPECT_TRUE(conf.rotate && conf.uses_tcp);
}

TEST(ResolvConf, Options) {
  const ResolvConf none = ResolvConf::parse("");
  EXPECT_EQ(none.dots_min, 1U);
  EXPECT_FALSE(none.timeout || none.attempts);
  EXPECT_FALSE(none.rotate || none.uses_tcp || none.extended || none.ipv4_only);
  const ResolvConf all = ResolvConf::parse(
      "options ndots:4 timeout:7\toptions attempts:3 rotate use-vc edns0 trust-ad no-aaaa\n"
      "options no-tld-query single-request nonsense debug inet6 no-reload\n");
  EXPECT_EQ(all.dots_min, 4U);
  EXPECT_EQ(all.timeout, 7s);
  EXPECT_EQ(all.attempts, 3U);
  EXPECT_TRUE(all.rotate && all.uses_tcp && all.extended && all.ipv4_only && all.skips_single);
}

TEST(ResolvConf, CapsItsNumbersAsGlibcDoes) {
  struct {
    const char* text;
    std::size_t dots;
    Duration timeout;
    std::size_t attempts;
  } const cases[] = {
      {"options ndots:15 timeout:30 attempts:5\n", 15, 30s, 5},
      {"options ndots:16 timeout:31 attempts:6\n", 15, 30s, 5},
      {"options ndots:99999999999 timeout:99999999999 attempts:99999999999\n", 15, 30s, 5},
      {"options ndots:0 timeout:0 attempts:0\n", 0, 1s, 1},
      {"options ndots:-3 timeout:-3 attempts:-3\n", 0, 1s, 1},
      {"options ndots:x timeout: attempts:x\n", 0, 1s, 1},
      {"options ndots:2 timeout:2 attempts:2\noptions ndots:3x timeout:3s attempts:3.5\n", 3, 3s,
       3},
  };
  for (const auto& each : cases) {
    const ResolvConf conf = ResolvConf::parse(each.text);
    EXPECT_EQ(conf.dots_min, each.dots) << each.text;
    EXPECT_EQ(conf.timeout, each.timeout) << each.text;
    EXPECT_EQ(conf.attempts, each.attempts) << each.text;
  }
}

TEST(ResolvConf, Candidates) {
  struct {
    const char* text;
    const char* name;
    Texts names;
  } const cases[] = {
      {"search a.test b.test\n", "host", {"host.a.test.", "host.b.test.", "host."}},
      {"search a.test\n", "host.sub", {"host.sub.", "host.sub.a.test."}},
      {"search a.test\n", "host.", {"host."}},
      {"search a.test\noptions ndots:2\n", "host.sub", {"host.sub.a.test.", "host.sub."}},
      {"search a.test\noptions ndots:0\n", "host", {"host.", "host.a.test."}},
      {"search a.test .\n", "host", {"host.a.test.", "host."}},
      {"search . a.test\n", "host", {"host.", "host.a.test."}},
      {"search . a.test\n", "host.sub", {"host.sub.", "host.sub.a.test."}},
      {"search a.test.\n", "host", {"host.a.test.", "host."}},
      {"search bad..test a.test\n", "host", {"host.a.test.", "host."}},
      {"search a.test\noptions no-tld-query\n", "host", {"host.a.test."}},
      {"search .\noptions no-tld-query\n", "host", {"host."}},
      {"options no-tld-query\n", "host", {}},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(ResolvConf::parse(each.text).candidates(each.name), each.names)
        << each.text << each.name;
  }
}

TEST(ResolvConf, AFileThatCannotBeReadIsAnEmptyOne) {
  for (const char* path : {"/nowhere/resolv.conf", "/tmp", "/dev/zero", ""}) {
    EXPECT_EQ(servers_of(ResolvConf::read(path)), local_server) << path;
  }
  const TemporaryFile file;
  EXPECT_EQ(servers_of(ResolvConf::read(file.path())), local_server);
  file.write("nameserver 192.0.2.1\nnameserver 192.0.2.2\0 nameserver 192.0.2.3");
  EXPECT_EQ(servers_of(ResolvConf::read(file.path())), (Texts{"192.0.2.1:53", "192.0.2.2:53"}));
}

TEST(ResolvConf, ReadsTheEnvironment) {
  const TemporaryFile file{"search one.test\n"};
  ::setenv("LOCALDOMAIN", "two.test", 1);
  ::setenv("RES_OPTIONS", "ndots:3", 1);
  const ResolvConf conf = ResolvConf::read(file.path());
  ::unsetenv("LOCALDOMAIN");
  ::unsetenv("RES_OPTIONS");
  EXPECT_EQ(conf.search, Texts{"two.test"});
  EXPECT_EQ(conf.dots_min, 3U);
}

}  // namespace
}  // namespace rondo::test
