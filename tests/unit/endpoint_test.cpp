// SPDX-License-Identifier: MIT
// Endpoint: tables of valid and invalid text, and the system's forms of an address.
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

#include <rondo/endpoint.h>

namespace rondo {
namespace {

using namespace std::string_literals;

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

Endpoint parsed(std::string_view text) {
  auto endpoint = Endpoint::parse(text);
  EXPECT_TRUE(endpoint) << (endpoint ? "" : endpoint.error().message());
  return endpoint ? *endpoint : Endpoint{};
}

Result<Endpoint, std::error_code> from_unix(std::string_view path, std::size_t extra = 0) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  return Endpoint::from_system(reinterpret_cast<const sockaddr*>(&address),
                               path_offset + path.size() + extra);
}

struct Malformed {
  std::string text;
  std::string problem;
  std::errc code = std::errc::invalid_argument;
};

void expect_problem(const Malformed& malformed) {
  const auto result = Endpoint::parse(malformed.text);
  ASSERT_FALSE(result) << malformed.text << " parsed as " << result->to_string();
  EXPECT_EQ(result.error().code, malformed.code) << malformed.text;
  EXPECT_NE(result.error().context.find(malformed.problem), std::string::npos)
      << result.error().message();
}

TEST(Endpoint, IsAnyIpv4AddressByDefault) {
  EXPECT_EQ(Endpoint{}.to_string(), "0.0.0.0:0");
  EXPECT_EQ(Endpoint{}, Endpoint::any(0));
}

TEST(Endpoint, PrintsWhatItParsed) {
  for (const std::string text :
       {"127.0.0.1:5000", "0.0.0.0:0", "255.255.255.255:65535", "1.2.3.4:1", "[::1]:5000", "[::]:0",
        "[2001:db8::1]:65535", "[fe80::1%4000000000]:80", "[::ffff:1.2.3.4]:80",
        "[1:2:3:4:5:6:7:8]:9", "unix:/run/rondo.sock", "unix:relative", "unix:/with:colon]",
        "unix:/with space", "unix:@abstract", "unix:@@two", "unix:unix:", "unix:./@path"}) {
    EXPECT_EQ(parsed(text).to_string(), text);
  }
}

TEST(Endpoint, PrintsIpv6InItsCanonicalForm) {
  EXPECT_EQ(parsed("[2001:DB8:0:0:0:0:0:1]:80").to_string(), "[2001:db8::1]:80");
  EXPECT_EQ(parsed("[0:0:0:0:0:0:0:0]:0").to_string(), "[::]:0");
  EXPECT_EQ(parsed("[2001:db8:0:1:1:1:1:1]:1").to_string(), "[2001:db8:0:1:1:1:1:1]:1");
  EXPECT_EQ(parsed("[::ffff:102:304]:80").to_string(), "[::ffff:1.2.3.4]:80");
}

TEST(Endpoint, ReturnsItsParts) {
  const Endpoint ipv4 = parsed("10.1.2.3:4567");
  EXPECT_EQ(ipv4.family(), AddressFamily::ipv4);
  EXPECT_EQ(ipv4.port(), 4567);
  EXPECT_EQ(ipv4.host(), "10.1.2.3");
  EXPECT_EQ(ipv4.system_size(), sizeof(sockaddr_in));
  const Endpoint ipv6 = parsed("[2001:db8::2]:89");
  EXPECT_EQ(ipv6.family(), AddressFamily::ipv6);
  EXPECT_EQ(ipv6.port(), 89);
  EXPECT_EQ(ipv6.host(), "2001:db8::2");
  EXPECT_EQ(ipv6.system_size(), sizeof(sockaddr_in6));
  const Endpoint path = parsed("unix:/a/b");
  EXPECT_EQ(path.family(), AddressFamily::unix_domain);
  EXPECT_EQ(path.port(), 0);
  EXPECT_EQ(path.host(), "/a/b");
  EXPECT_EQ(path.system_size(), path_offset + 5);
  EXPECT_EQ(parsed("unix:@name").host(), "@name");
}

TEST(Endpoint, RefusesMalformedIpv4) {
  for (const Malformed& malformed : {
           Malformed{"", "nothing there"},
           {"foo", "no port"},
           {"127.0.0.1", "no port"},
           {"127.0.0.1:", "no port"},
           {":80", "no address"},
           {":", "no address"},
           {"localhost:80", "not a numeric address"},
           {"*:80", "not a numeric address"},
           {" 127.0.0.1:80", "not a numeric address"},
           {"127.0.0.1 :80", "not a numeric address"},
           {"+127.0.0.1:80", "not a numeric address"},
           {"127.0.0.01:80", "not a numeric address"},
           {"127.0.0.256:80", "not a numeric address"},
           {"127.1:80", "not a numeric address"},
           {"0x7f.0.0.1:80", "not a numeric address"},
           {"2130706433:80", "not a numeric address"},
           {"127.0.0.1\0:80"s, "not a numeric address"},
           {"\0"
            "127.0.0.1:80"s,
            "not a numeric address"},
           {"1111.1111.1111.1111:80", "not a numeric address"},
           {std::string(100'000, '1') + ":80", "not a numeric address"},
           {"tcp://127.0.0.1:80", "brackets"},
           {"::1:80", "brackets"},
           {"::1", "brackets"},
       }) {
    expect_problem(malformed);
  }
}

TEST(Endpoint, RefusesMalformedPorts) {
  for (const std::string& port :
       {"65536"s, "99999"s, "100000"s, "18446744073709551616"s, "4294967376"s, "+80"s, "-1"s, "-0"s,
        " 80"s, "80 "s, "080"s, "00"s, "0x50"s, "8o"s, "80\0"s, "\0"s, "80/"s, "http"s, "8.0"s}) {
    expect_problem({"127.0.0.1:" + port, "the port is not a plain number"});
    expect_problem({"[::1]:" + port, "the port is not a plain number"});
  }
  EXPECT_EQ(parsed("127.0.0.1:65535").port(), 65535);
}

TEST(Endpoint, RefusesMalformedIpv6) {
  for (const Malformed& malformed : {
           Malformed{"[::1]", "no port"},
           {"[::1]:", "no port"},
           {"[", "no closing bracket"},
           {"[::1:80", "no closing bracket"},
           {"[]:80", "no address"},
           {"[%1]:80", "no address"},
           {"[::1]80", "no colon after the bracket"},
           {"[::1] :80", "no colon after the bracket"},
           {"[[::1]]:80", "not a numeric IPv6 address"},
           {"[127.0.0.1]:80", "not a numeric IPv6 address"},
           {"[::g]:80", "not a numeric IPv6 address"},
           {"[:::1]:80", "not a numeric IPv6 address"},
           {"[1:2:3:4:5:6:7:8:9]:80", "not a numeric IPv6 address"},
           {"[1:2:3]:80", "not a numeric IPv6 address"},
           {"[ ::1]:80", "not a numeric IPv6 address"},
           {"[::1\0]:80"s, "not a numeric IPv6 address"},
           {'[' + std::string(46, '0') + "::1]:80", "not a numeric IPv6 address"},
           {" [::1]:80", "brackets"},
           {"[fe80::1%]:80", "no scope"},
           {"[fe80::1%lo\0]:80"s, "NUL in the scope"},
           {"[fe80::1%nosuchdevice]:80", "no such scope", std::errc::no_such_device},
           {"[fe80::1%0]:80", "no such scope", std::errc::no_such_device},
           {"[fe80::1%01]:80", "no such scope", std::errc::no_such_device},
           {"[fe80::1%4294967296]:80", "no such scope", std::errc::no_such_device},
           {"[fe80::1%" + std::string(1000, 'x') + "]:80", "no such scope",
            std::errc::no_such_device},
       }) {
    expect_problem(malformed);
  }
}

TEST(Endpoint, ParsesAnIpv6ScopeByName) {
  char name[IF_NAMESIZE] = {};
  if (if_indextoname(1, name) == nullptr) GTEST_SKIP() << "no network interface";
  const Endpoint by_name = parsed("[fe80::1%" + std::string{name} + "]:80");
  EXPECT_EQ(by_name, parsed("[fe80::1%1]:80"));
  EXPECT_EQ(by_name.to_string(), "[fe80::1%" + std::string{name} + "]:80");
  EXPECT_NE(by_name, parsed("[fe80::1]:80"));
  EXPECT_NE(by_name, parsed("[fe80::1%4000000000]:80"));
}

TEST(Endpoint, RefusesMalformedUnixNames) {
  for (const Malformed& malformed : {
           Malformed{"unix:", "no name"},
           {"unix:@", "no name"},
           {"unix:/a\0b"s, "NUL in the path"},
           {"unix:\0"s, "NUL in the path"},
           {"unix", "no port"},
           {"UNIX:/a", "not a numeric address"},
       }) {
    expect_problem(malformed);
  }
}

TEST(Endpoint, NeverTruncatesAUnixName) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{106}, std::size_t{107}}) {
    const std::string name(size, 'x');
    EXPECT_EQ(parsed("unix:" + name).host(), name);
    EXPECT_EQ(parsed("unix:@" + name).host(), "@" + name);
  }
  for (const std::size_t size : {std::size_t{108}, std::size_t{109}, std::size_t{100'000}}) {
    const std::string name(size, 'x');
    expect_problem({"unix:" + name, "the name", std::errc::filename_too_long});
    expect_problem({"unix:@" + name, "the name", std::errc::filename_too_long});
  }
}

TEST(Endpoint, KeepsEveryByteOfAnAbstractName) {
  const Endpoint endpoint = parsed("unix:@a\0b\0"s);
  EXPECT_EQ(endpoint.to_string(), "unix:@a\0b\0"s);
  EXPECT_NE(endpoint, parsed("unix:@a"));
  EXPECT_NE(endpoint, parsed("unix:@a\0b"s));
}

TEST(Endpoint, NamesWhatWasWrongInItsMessage) {
  EXPECT_EQ(Endpoint::parse("foo").error().message(),
            "parse endpoint \"foo\": no port: Invalid argument");
  EXPECT_EQ(Endpoint::parse("\"a\\\n\x7f\0"s).error().context,
            "parse endpoint \"\\\"a\\\\\\x0a\\x7f\\x00\": no port");
  EXPECT_LT(Endpoint::parse(std::string(1'000'000, 'x')).error().message().size(), 200U);
}

TEST(Endpoint, MakesLoopbackAndAny) {
  EXPECT_EQ(Endpoint::loopback(80).to_string(), "127.0.0.1:80");
  EXPECT_EQ(Endpoint::loopback(80, AddressFamily::ipv6).to_string(), "[::1]:80");
  EXPECT_EQ(Endpoint::any(80).to_string(), "0.0.0.0:80");
  EXPECT_EQ(Endpoint::any(80, AddressFamily::ipv6).to_string(), "[::]:80");
}

TEST(Endpoint, ChangesItsPortAlone) {
  EXPECT_EQ(parsed("1.2.3.4:5").with_port(65535).to_string(), "1.2.3.4:65535");
  EXPECT_EQ(parsed("[fe80::1%7777]:5").with_port(0).to_string(), "[fe80::1%7777]:0");
  EXPECT_EQ(parsed("unix:/a").with_port(7).to_string(), "unix:/a");
}

TEST(Endpoint, ComparesWithoutPaddingAndFlowLabel) {
  const Endpoint plain_ipv4 = Endpoint::loopback(80);
  sockaddr_in ipv4{};
  std::memcpy(&ipv4, plain_ipv4.system(), sizeof(ipv4));
  std::memset(ipv4.sin_zero, 0xff, sizeof(ipv4.sin_zero));
  const auto padded = Endpoint::from_system(reinterpret_cast<sockaddr*>(&ipv4), sizeof(ipv4));
  EXPECT_EQ(padded.value(), plain_ipv4);
  EXPECT_EQ(padded->hash(), plain_ipv4.hash());

  const Endpoint plain_ipv6 = Endpoint::loopback(80, AddressFamily::ipv6);
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, plain_ipv6.system(), sizeof(ipv6));
  ipv6.sin6_flowinfo = 0x12345;
  const auto labelled = Endpoint::from_system(reinterpret_cast<sockaddr*>(&ipv6), sizeof(ipv6));
  EXPECT_EQ(labelled.value(), plain_ipv6);
  EXPECT_EQ(labelled->hash(), plain_ipv6.hash());
}

TEST(Endpoint, OrdersByFamilyThenAddressThenPort) {
  const std::vector<std::string> ordered{
      "1.2.3.4:9", "1.2.3.4:10",  "1.2.3.4:256",   "1.2.3.200:1",     "2.0.0.0:0",
      "[::1]:7",   "[fe80::1]:9", "[fe80::1%1]:3", "[fe80::1%256]:2", "[fe80::2]:1",
      "unix:@a",   "unix:@b",     "unix:a",        "unix:aa",         "unix:b"};
  std::unordered_set<Endpoint> all;
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(parsed(ordered[i]) <=> parsed(ordered[j]), i <=> j) << ordered[i] << ordered[j];
    }
    all.insert(parsed(ordered[i]));
  }
  EXPECT_EQ(all.size(), ordered.size());
  for (const std::string& text : ordered) EXPECT_TRUE(all.contains(parsed(text)));
}

TEST(Endpoint, RefusesSystemSizesThatDoNotFit) {
  for (const sa_family_t family : {sa_family_t{AF_INET}, sa_family_t{AF_INET6}}) {
    sockaddr_storage storage{};
    storage.ss_family = family;
    const auto* address = reinterpret_cast<const sockaddr*>(&storage);
    const std::size_t right = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    EXPECT_EQ(Endpoint::from_system(address, right - 1).error(), std::errc::invalid_argument);
    EXPECT_EQ(Endpoint::from_system(address, right)->system_size(), right);
    EXPECT_EQ(Endpoint::from_system(address, sizeof(storage))->system_size(), right);
  }
  sockaddr_storage storage{};
  const auto* address = reinterpret_cast<const sockaddr*>(&storage);
  EXPECT_EQ(Endpoint::from_system(nullptr, 16).error(), std::errc::invalid_argument);
  EXPECT_EQ(Endpoint::from_system(address, 0).error(), std::errc::invalid_argument);
  EXPECT_EQ(Endpoint::from_system(address, 1).error(), std::errc::invalid_argument);
  EXPECT_EQ(Endpoint::from_system(address, sizeof(storage)).error(),
            std::errc::address_family_not_supported);
  storage.ss_family = AF_UNIX;
  EXPECT_EQ(Endpoint::from_system(address, path_offset + 110).error(), std::errc::invalid_argument);
}

TEST(Endpoint, BringsUnixNamesIntoOneForm) {
  EXPECT_EQ(from_unix("")->to_string(), "unix:");
  EXPECT_EQ(from_unix("")->system_size(), path_offset);
  for (const std::size_t extra :
       {0U, 1U, 2U, 100U}) {  // with and without NULs in the length that the system reports
    EXPECT_EQ(from_unix("/path", extra).value(), parsed("unix:/path"));
    EXPECT_EQ(from_unix("/path", extra)->hash(), parsed("unix:/path").hash());
  }
  EXPECT_EQ(from_unix("\0name"s).value(), parsed("unix:@name"));
  EXPECT_EQ(from_unix("\0a\0"s).value(), parsed("unix:@a\0"s));
  EXPECT_EQ(from_unix("@path")->to_string(), "unix:./@path");
  EXPECT_NE(from_unix("@path").value(), parsed("unix:@path"));
}

TEST(Endpoint, TakesAPathThatFillsTheSystemsRoom) {
  const std::string path(sizeof(sockaddr_un::sun_path), 'x');
  sockaddr_storage storage{};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  std::memcpy(&storage, &address, sizeof(address));
  for (const std::size_t extra : {0U, 1U}) {
    const auto endpoint = Endpoint::from_system(reinterpret_cast<const sockaddr*>(&storage),
                                                path_offset + path.size() + extra);
    EXPECT_EQ(endpoint->host(), path);
    EXPECT_EQ(endpoint->system_size(), path_offset + path.size());
  }
}

}  // namespace
}  // namespace rondo
