// SPDX-License-Identifier: MIT
// Identities and roots: what is wrong with files is said when they are read.
#include <fstream>
#include <iterator>

#include "support/temporary_file.h"
#include "tls_fixture.h"

namespace rondo::test {
namespace {

std::string contents(const std::string& file) {
  std::ifstream stream{file};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

void expect_error(const Result<tls::Identity>& result, tls::Fault fault,
                  std::initializer_list<std::string> parts) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, make_error_code(fault)) << result.error().message();
  for (const std::string& part : parts)
    EXPECT_NE(result.error().message().find(part), std::string::npos)
        << part << " in: " << result.error().message();
}

TEST(TlsIdentity, HasTheNamesOfItsCertificate) {
  const auto good = tls::Identity::load(certificate("good"), key("good"));
  ASSERT_TRUE(good) << good.error().message();
  EXPECT_EQ(good->names(),
            (std::vector<std::string>{"localhost", "a.example", "127.0.0.1", "::1"}));
  EXPECT_GT(good->expires_at(), std::chrono::system_clock::now());
  const auto parsed = tls::Identity::parse(contents(certificate("good")), contents(key("good")));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->names(), good->names());
}

TEST(TlsIdentity, NeedsTheKeyOfItsCertificate) {
  expect_error(tls::Identity::load(certificate("good"), key("other")), tls::Fault::key_mismatch,
               {key("other"), "a.example", "does not fit"});
}

TEST(TlsIdentity, NamesTheFileThatCannotBeRead) {
  const auto missing = tls::Identity::load("/nonexistent/chain.pem", key("good"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), std::errc::no_such_file_or_directory);
  EXPECT_NE(missing.error().message().find("/nonexistent/chain.pem"), std::string::npos);
  const auto folder = tls::Identity::load(certificate("good"), "/tmp");
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().message().find("\"/tmp\""), std::string::npos);
}

TEST(TlsIdentity, RefusesHalfAFile) {
  const std::string chain = contents(certificate("good"));
  const std::string private_key = contents(key("good"));
  expect_error(tls::Identity::parse("", private_key), tls::Fault::no_certificate, {});
  expect_error(tls::Identity::parse(chain.substr(0, 300), private_key), tls::Fault::no_certificate,
               {});
  expect_error(tls::Identity::parse(chain.substr(0, chain.size() - 100), private_key),
               tls::Fault::no_certificate, {"what follows certificate 1"});
  expect_error(tls::Identity::parse(chain, private_key.substr(0, 100)), tls::Fault::no_key, {});
  expect_error(tls::Identity::parse(private_key, chain), tls::Fault::no_certificate, {});
}

TEST(TlsIdentity, SaysWhenItsCertificateIsValid) {
  expect_error(tls::Identity::load(certificate("expired"), key("expired")), tls::Fault::expired,
               {certificate("expired"), "a.example", "until 2021-01-01 00:00:00 UTC", "renew"});
  expect_error(tls::Identity::load(certificate("future"), key("future")), tls::Fault::not_yet_valid,
               {"from 2098-01-01 00:00:00 UTC"});
  EXPECT_TRUE(
      tls::Identity::load(certificate("expired"), key("expired"), {.accept_any_date = true}));
  const auto in_2020 = [] {
    return std::chrono::system_clock::time_point{
        std::chrono::sys_days{std::chrono::year{2020} / std::chrono::June / 1}};
  };
  EXPECT_TRUE(tls::Identity::load(certificate("expired"), key("expired"), {.clock = in_2020}));
}

TEST(TlsIdentity, RefusesWeakKeys) {
  expect_error(tls::Identity::load(certificate("weak"), key("weak")), tls::Fault::weak,
               {certificate("weak")});
}

TEST(TlsIdentity, AsksForThePasswordOfItsKey) {
  const auto load = [](std::function<std::string()> password) {
    return tls::Identity::load(certificate("encrypted"), key("encrypted"),
                               {.password = std::move(password)});
  };
  EXPECT_TRUE(load([] { return std::string{"secret"}; }));
  const auto wrong = load([] { return std::string{"hush-hush"}; });
  expect_error(wrong, tls::Fault::wrong_password, {key("encrypted"), "password"});
  EXPECT_EQ(wrong.error().message().find("hush"), std::string::npos);
  // The result does not exist.
  EXPECT_THROW((void)load([]() -> std::string { throw std::out_of_range{"no password"}; }),
               std::out_of_range);  // it throws
  expect_error(load({}), tls::Fault::wrong_password, {key("encrypted")});
  expect_error(load([] { return std::string(5'000, 'x'); }), tls::Fault::wrong_password, {});
}

TEST(TlsRoots, NameTheFileThatHoldsNone) {
  EXPECT_TRUE(tls::Roots::load(certificate("root")));
  const auto result = tls::Roots::load(key("good"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, make_error_code(tls::Fault::no_certificate));
  EXPECT_NE(result.error().message().find(key("good")), std::string::npos);
}

TEST(TlsOptions, ThatContradictThemselvesAreRefused) {
  const tls::Identity good = identity("good");
  EXPECT_THROW((tls::Server{good, {.alpn = {"h2", ""}}}), std::invalid_argument);
  EXPECT_THROW((tls::Server{good, {.alpn = {std::string(256, 'x')}}}), std::invalid_argument);
  EXPECT_THROW((tls::Client{{.alpn = {""}}}), std::invalid_argument);
  EXPECT_THROW((tls::Server{good, {.client_certificates = tls::ClientCertificates::required}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace rondo::test
