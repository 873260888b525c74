// SPDX-License-Identifier: MIT
// load: TLS for the connections: version 1.3, AES-128-GCM and one group with every server, so that
// all of them do the same work. Certificates are not checked.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace load {

/// On a build without OpenSSL, making one ends the process with a message.
class Security {
 public:
  /// With `resumes`, each session that a server has given is used for one later connection.
  /// `group` is that of the key exchange, by OpenSSL's name.
  Security(bool resumes, const char* group);
  Security(const Security&) = delete;
  Security& operator=(const Security&) = delete;
  ~Security();

  /// For a connection that is being made. The handshake takes place in send().
  [[nodiscard]] ssl_st* begin(int fd);
  /// Nothing is sent. Its session can be resumed.
  static void end(ssl_st& connection);

  /// Both return what the system calls of that name return, errno included; send() returns 0, too,
  /// if the server has closed the connection. A server that has no TLS ends the process with a
  /// message.
  static ssize_t send(ssl_st& connection, std::span<const std::byte> data) noexcept;
  static ssize_t receive(ssl_st& connection, std::span<std::byte> into) noexcept;
  /// Whether the last call waits for room, and not for input.
  [[nodiscard]] static bool waits_to_write(const ssl_st& connection) noexcept;

  [[nodiscard]] static bool is_resumed(const ssl_st& connection) noexcept;

 private:
  static int keep(ssl_st* connection, ssl_session_st* session);

  [[maybe_unused]] ssl_ctx_st* context_;  // without TLS it is null
  std::vector<ssl_session_st*> sessions_;
};

}  // namespace load
