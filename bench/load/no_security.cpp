// SPDX-License-Identifier: MIT
// In a build without OpenSSL there is no TLS to load.
#include "security.h"
#include "system.h"

namespace load {

Security::Security(bool, const char*) : context_(nullptr) { die("this build has no OpenSSL"); }
Security::~Security() = default;
ssl_st* Security::begin(int) { return nullptr; }
void Security::end(ssl_st&) {}
ssize_t Security::send(ssl_st&, std::span<const std::byte>) noexcept { return 0; }
ssize_t Security::receive(ssl_st&, std::span<std::byte>) noexcept { return 0; }
bool Security::is_resumed(const ssl_st&) noexcept { return false; }
bool Security::waits_to_write(const ssl_st&) noexcept { return false; }
int Security::keep(ssl_st*, ssl_session_st*) { return 0; }

}  // namespace load
