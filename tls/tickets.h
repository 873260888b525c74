// SPDX-License-Identifier: MIT
// Session tickets: what a server needs to resume a session, encrypted, in the hands of the client.
#pragma once

#include <rondo/tls.h>

#include <array>
#include <chrono>
#include <mutex>
#include <utility>

#include "openssl.h"

namespace rondo::tls {

struct TicketKeys::Impl {
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Duration made_at{};
    bool is_made = false;
  };

  Impl(Duration how_long, Clock by) noexcept : lifetime(how_long), clock(std::move(by)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();
  /// Since whenever the clock began.
  [[nodiscard]] Duration now() const;
  /// Makes a new key if the current one is too old. False: there is no randomness.
  [[nodiscard]] bool renew(Duration now);
  /// The key of a ticket with this name; null: it is unknown, or too old.
  [[nodiscard]] const Key* find(const unsigned char* name, Duration now) const noexcept;

  const Duration lifetime;
  const Clock clock;
  std::mutex mutex;
  std::array<Key, 2> keys;  // the current one, and the one before it
};

/// Has `context` make and take tickets with these keys, which outlive it.
void use(TicketKeys::Impl& keys, SSL_CTX& context);

}  // namespace rondo::tls
