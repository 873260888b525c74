// SPDX-License-Identifier: MIT
#include "security.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <string>

#include "system.h"

namespace load {
namespace {

constexpr std::size_t sessions_max = 1'000;

void demand(bool is_done) {
  if (!is_done) die("OpenSSL cannot be set up");
}

ssize_t result_of(ssl_st& connection, int result, std::size_t size) noexcept {
  if (result == 1) return static_cast<ssize_t>(size);
  const int error = errno;
  switch (SSL_get_error(&connection, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      errno = error == 0 ? ECONNRESET : error;
      return -1;
    default:
      break;
  }
  const unsigned long fault = ERR_peek_error();
  if (ERR_GET_REASON(fault) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return 0;
  const char* const reason = ERR_reason_error_string(fault);
  die((std::string{"no TLS with this server: "} + (reason != nullptr ? reason : "?")).c_str());
}

}  // namespace

Security::Security(bool resumes, const char* group) : context_(SSL_CTX_new(TLS_client_method())) {
  demand(context_ != nullptr);
  demand(SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION) == 1);
  demand(SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256") == 1);
  if (SSL_CTX_set1_groups_list(context_, group) != 1)
    die((std::string{"OpenSSL has no group "} + group).c_str());
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!resumes) return;
  SSL_CTX_set_app_data(context_, this);
  SSL_CTX_set_session_cache_mode(context_,
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context_, &Security::keep);
}

Security::~Security() {
  for (ssl_session_st* const session : sessions_) SSL_SESSION_free(session);
  SSL_CTX_free(context_);
}

int Security::keep(ssl_st* connection, ssl_session_st* session) {
  auto& sessions =
      static_cast<Security*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)))->sessions_;
  if (sessions.size() == sessions_max) return 0;
  sessions.push_back(session);
  return 1;
}

ssl_st* Security::begin(int fd) {
  ssl_st* const made = SSL_new(context_);
  demand(made != nullptr && SSL_set_fd(made, fd) == 1);
  SSL_set_connect_state(made);
  if (sessions_.empty()) return made;
  demand(SSL_set_session(made, sessions_.back()) == 1);
  SSL_SESSION_free(sessions_.back());
  sessions_.pop_back();
  return made;
}

void Security::end(ssl_st& connection) {
  SSL_set_shutdown(&connection, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(&connection);
}

ssize_t Security::send(ssl_st& connection, std::span<const std::byte> data) noexcept {
  std::size_t sent = 0;
  errno = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(&connection, data.data(), data.size(), &sent);
  return result_of(connection, result, sent);
}

ssize_t Security::receive(ssl_st& connection, std::span<std::byte> into) noexcept {
  std::size_t got = 0;
  errno = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(&connection, into.data(), into.size(), &got);
  return result_of(connection, result, got);
}

bool Security::is_resumed(const ssl_st& connection) noexcept {
  return SSL_session_reused(&connection) == 1;
}

bool Security::waits_to_write(const ssl_st& connection) noexcept {
  return SSL_want_write(&connection);
}

}  // namespace load
