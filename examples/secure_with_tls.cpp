// SPDX-License-Identifier: MIT
#include <utility>

#include <rondo/tls.h>

#include "secure.h"

namespace secure {

rondo::Result<Layers> server(const std::string& chain_file, const std::string& key_file) {
  const auto identity = rondo::tls::Identity::load(chain_file, key_file);
  if (!identity) return identity.error();
  return Layers{std::make_shared<rondo::tls::Server>(*identity)};
}

rondo::Result<Layers> client(const std::string& roots_file) {
  rondo::tls::ClientOptions options;
  if (!roots_file.empty()) {
    auto roots = rondo::tls::Roots::load(roots_file);
    if (!roots) return std::move(roots).error();
    options.roots = std::move(*roots);
  }
  return Layers{std::make_shared<rondo::tls::Client>(options)};
}

}  // namespace secure
