// SPDX-License-Identifier: MIT
// What the tests of TLS share: the certificates that make_certificates has made.
#pragma once

#include <gtest/gtest.h>
#include <rondo/tls.h>

#include <string>
#include <utility>

#include <rondo/client.h>
#include <rondo/timer.h>

#include "support/server_fixture.h"

namespace rondo::test {

inline std::string certificate(const std::string& name) {
  return std::string{RONDO_TEST_CERTIFICATES} + '/' + name + ".pem";
}
inline std::string key(const std::string& name) {
  return std::string{RONDO_TEST_CERTIFICATES} + '/' + name + ".key";
}
inline tls::Identity identity(const std::string& name) {
  return tls::Identity::load(certificate(name), key(name), {.accept_any_date = true}).value();
}
inline tls::Roots roots() { return tls::Roots::load(certificate("root")).value(); }

class TlsOnEveryBackend : public ServersOnEveryBackend {
 protected:
  static ServerOptions over(StreamLayers& layers) {
    ServerOptions options = without_lingering();
    options.secure = &layers;
    return options;
  }
  static tls::ClientOptions trusting() { return {.roots = roots()}; }
  /// Runs until the stream is open or has ended.
  [[nodiscard]] bool settles(const StreamRecorder& recorder) {
    return runs_until([&] { return recorder.opens + recorder.closes > 0; });
  }
};

}  // namespace rondo::test
