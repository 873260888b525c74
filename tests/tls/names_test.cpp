// SPDX-License-Identifier: MIT
// What a client accepts: the names, the addresses, the dates and the issuers of certificates.
#include "tls_fixture.h"

namespace rondo::test {
namespace {

class TlsNames : public TlsOnEveryBackend {
 protected:
  /// What a client that connects to `host` is told by a server that has this certificate; empty: it
  /// was accepted.
  std::string told(const std::string& name, const std::string& host,
                   tls::ClientOptions options = trusting()) {
    options.host = host;
    tls::Server secure{identity(name)};
    const Server server = serve(reactor, "127.0.0.1:0", echo(), over(secure)).value();
    tls::Client trust{options};
    StreamRecorder recorder;
    const auto stream =
        rondo::connect(reactor, server.local_endpoint().to_string(), recorder, {.secure = &trust});
    EXPECT_TRUE(settles(recorder));
    if (recorder.opens == 1) return {};
    EXPECT_EQ(secure.counters().handshakes, 0U);
    return recorder.reason == CloseReason::error ? recorder.what : recorder.message;
  }
};
RONDO_ON_EVERY_BACKEND(TlsNames);

TEST_P(TlsNames, AreThoseOfTheCertificate) {
  EXPECT_EQ(told("good", "a.example"), "");
  EXPECT_EQ(told("good", "A.Example."), "");
  EXPECT_EQ(told("good", "localhost"), "");
  EXPECT_EQ(told("good", "127.0.0.1"), "");
  EXPECT_EQ(told("good", "::1"), "");
  EXPECT_EQ(told("good", "127.0.0.2"),
            "tls: the certificate is for localhost, a.example, 127.0.0.1, ::1, not for "
            "127.0.0.2");
  EXPECT_NE(told("good", "www.a.example"), "");
  EXPECT_NE(told("good", "example"), "");
  EXPECT_EQ(told("wrong_host", "localhost"),
            "tls: the certificate is for elsewhere.example, not for localhost");
  EXPECT_EQ(told("common_name", "localhost"),
            "tls: the certificate is for no name: its common name, localhost, does not count");
}

// They end in logs and on terminals.
TEST_P(TlsNames, ChangeNoLineOfAMessage) {
  EXPECT_EQ(told("hostile", "localhost"),
            "tls: the certificate is for no name: its common name, evil.example?login: ?[1mroot, "
            "does not count");
}

TEST_P(TlsNames, MatchAWildcardInOneLabel) {
  EXPECT_EQ(told("wildcard", "a.w.example"), "");
  EXPECT_NE(told("wildcard", "a.b.w.example"), "");
  EXPECT_NE(told("wildcard", "w.example"), "");
  EXPECT_NE(told("partial", "foo.w.example"), "") << "a wildcard is a whole label";
}

TEST_P(TlsNames, ThatNoCertificateHasAreErrorsAtOnce) {
  for (const char* const host : {"b\xc3\xbc"
                                 "cher.example",
                                 "a..example", ".example", "a b"})
    EXPECT_NE(told("good", host).find("no host name"), std::string::npos) << host;
  EXPECT_NE(told("good", std::string(300, 'a')).find("no host name"), std::string::npos);
}

TEST_P(TlsNames, ComeWithADate) {
  EXPECT_EQ(told("expired", "a.example"),
            "tls: the certificate of localhost, a.example, 127.0.0.1, ::1 was valid "
            "until 2021-01-01 00:00:00 UTC");
  EXPECT_NE(told("future", "a.example").find("valid from 2098-01-01"), std::string::npos);
  tls::ClientOptions in_2020 = trusting();
  in_2020.clock = [] {
    return std::chrono::system_clock::time_point{
        std::chrono::sys_days{std::chrono::year{2020} / std::chrono::June / 1}};
  };
  EXPECT_EQ(told("expired", "a.example", in_2020), "");
}

TEST_P(TlsNames, ComeFromATrustedRoot) {
  EXPECT_NE(told("self_signed", "a.example").find("signed by itself"), std::string::npos);
  EXPECT_NE(told("unknown_root", "a.example").find("no trusted root"), std::string::npos);
  EXPECT_NE(told("no_chain", "a.example").find("may lack its chain"), std::string::npos);
  EXPECT_NE(told("constrained", "a.example").find("permitted subtree"), std::string::npos);
  EXPECT_NE(told("good", "a.example", {}), "") << "the system does not know the root";
}

TEST_P(TlsNames, OfACertificateWithACommonNameAloneAreNone) {
  tls::Server secure{identity("common_name")};
  const Server server = serve(reactor, "127.0.0.1:0", echo(), over(secure)).value();
  tls::Client trust{{.host = "localhost", .dangerously_accept_any_certificate = true}};
  StreamRecorder recorder;
  const auto stream =
      rondo::connect(reactor, server.local_endpoint().to_string(), recorder, {.secure = &trust});
  EXPECT_TRUE(settles(recorder));
  EXPECT_EQ(tls::info(*stream)->peer_names.size(), 0U);
  EXPECT_EQ(tls::info(*stream)->peer_subject, "CN=localhost");
}

TEST_P(TlsNames, AreNotCheckedOnDemand) {
  EXPECT_EQ(told("self_signed", "other.example", {.dangerously_accept_any_certificate = true}), "");
}

TEST_P(TlsNames, AreNeededWhereNothingWasConnectedTo) {
  tls::Client trust{trusting()};
  const auto layer = trust.make("");
  ASSERT_FALSE(layer);
  EXPECT_EQ(layer.error().code, make_error_code(tls::Fault::bad_name));
  EXPECT_NE(layer.error().message().find("ClientOptions::host"), std::string::npos);
}

}  // namespace
}  // namespace rondo::test
