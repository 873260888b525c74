// SPDX-License-Identifier: MIT
#include "cares_question.h"

#include <netdb.h>
#include <sys/socket.h>

#include <new>

#include <rondo/resolver.h>

namespace rondo::detail {

std::error_code cares_error(int status) noexcept {
  switch (status) {
    case ARES_ENOTFOUND:
      return ResolveError::host_not_found;
    case ARES_ENODATA:
      return ResolveError::no_address;
    case ARES_EBADNAME:
      return ResolveError::bad_name;
    case ARES_ESERVFAIL:
      return ResolveError::server_failed;
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return ResolveError::refused;
    case ARES_ECONNREFUSED:
    case ARES_EOF:
      return ResolveError::no_name_server;
    case ARES_ETIMEOUT:
      return ResolveError::timed_out;
    case ARES_ENOMEM:
      return std::make_error_code(std::errc::not_enough_memory);
    default:
      return ResolveError::bad_answer;
  }
}

bool CaresQuestion::is_answered() const noexcept {
  return status_ == ARES_SUCCESS || status_ == ARES_ENOTFOUND || status_ == ARES_ENODATA ||
         status_ == ARES_EBADNAME;
}

void CaresQuestion::reset() noexcept {
  status_ = ARES_ETIMEOUT;
  addresses_.clear();
}

void CaresQuestion::ask(ares_channel channel, const std::string& name) noexcept {
  status_ = ARES_ETIMEOUT;
  pending_ = true;
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = family_ == AddressFamily::ipv4 ? AF_INET : AF_INET6;
  ::ares_getaddrinfo(channel, name.c_str(), nullptr, &hints, answered, this);
}

void CaresQuestion::answered(void* self, int status, int, ares_addrinfo* found) noexcept {
  auto& question = *static_cast<CaresQuestion*>(self);
  question.pending_ = false;
  if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) return;
  question.status_ = status;
  if (found == nullptr) return;
  try {
    question.keep(*found);
  } catch (const std::bad_alloc&) {
    question.status_ = ARES_ENOMEM;
  }
  ::ares_freeaddrinfo(found);
}

void CaresQuestion::keep(const ares_addrinfo& found) {
  for (const auto* node = found.nodes; node != nullptr; node = node->ai_next) {
    if (addresses_.size() >= Resolver::addresses_per_family_max) return;
    const auto address = Endpoint::from_system(node->ai_addr, node->ai_addrlen);
    if (address && address->family() == family_) addresses_.push_back(*address);
  }
}

}  // namespace rondo::detail
