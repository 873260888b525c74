// Session tickets: what a server needs to resume a session, encrypted, in the hands of the client.
#pragma once

#include <rondo/tls.h>

#include <array>
#include <chrono>
#include <mutex>

#include "openssl.h"

namespace rondo::tls {

struct TicketKeys::Impl {
  using Time = std::chrono::steady_clock;
  struct Key {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Time::time_point made_at{};
    bool is_made = false;
  };

  explicit Impl(Duration how_long) noexcept : lifetime(how_long) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();
  /// Makes a new key if the current one is too old. False: there is no randomness.
  [[nodiscard]] bool renew();
  /// The key of a ticket with this name; null: it is unknown, or too old.
  [[nodiscard]] const Key* find(const unsigned char* name) const noexcept;

  const Duration lifetime;
  std::mutex mutex;
  std::array<Key, 2> keys;  // the current one, and the one before it
};

/// Has `context` make and take tickets with these keys, which outlive it.
void use(TicketKeys::Impl& keys, SSL_CTX& context);

}  // namespace rondo::tls
