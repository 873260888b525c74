// SPDX-License-Identifier: MIT
// What the examples use of rondo-tls. In a build without it, both functions return an error that
// says so.
#pragma once

#include <memory>
#include <string>

#include <rondo/result.h>
#include <rondo/stream_layer.h>

namespace secure {

using Layers = std::shared_ptr<rondo::StreamLayers>;

/// For ServerOptions::secure. The files are in PEM form.
[[nodiscard]] rondo::Result<Layers> server(const std::string& chain_file,
                                           const std::string& key_file);

/// For ConnectOptions::secure: servers must show a certificate for the name that was connected to,
/// which leads to one of the roots. Without a file the roots are the system's.
[[nodiscard]] rondo::Result<Layers> client(const std::string& roots_file);

}  // namespace secure
