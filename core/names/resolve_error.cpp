// SPDX-License-Identifier: MIT
// The errors of name resolution, in words.
//
// A code is equivalent to the standard's condition of the same meaning, if there is one: a program
// that compares with std::errc::timed_out need not know whether the name or the connection took too
// long.
#include <string>

#include <rondo/resolver.h>

namespace rondo {
namespace {

class NameCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "name"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<ResolveError>(value)) {
      case ResolveError::host_not_found:
        return "Domain name not found";
      case ResolveError::no_address:
        return "The name has no address";
      case ResolveError::bad_name:
        return "Not a host name";
      case ResolveError::server_failed:
        return "The name server failed";
      case ResolveError::refused:
        return "The name server refused";
      case ResolveError::bad_answer:
        return "The name server's answer makes no sense";
      case ResolveError::no_name_server:
        return "No name server can be reached";
      case ResolveError::timed_out:
        return "No name server answered in time";
      case ResolveError::too_many:
        return "Too many lookups are waiting";
      case ResolveError::no_dns:
        return "Not in the hosts file, and built without DNS";
    }
    return "Unknown name error " + std::to_string(value);
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<ResolveError>(value)) {
      case ResolveError::bad_name:
        return std::errc::invalid_argument;
      case ResolveError::timed_out:
        return std::errc::timed_out;
      case ResolveError::no_dns:
        return std::errc::not_supported;
      default:
        return {value, *this};
    }
  }
};

}  // namespace

const std::error_category& name_category() noexcept {
  static const NameCategory category;
  return category;
}

std::error_code make_error_code(ResolveError error) noexcept {
  return {static_cast<int>(error), name_category()};
}

bool is_temporary_name_error(std::error_code error) noexcept {
  if (error.category() != name_category()) return false;
  switch (static_cast<ResolveError>(error.value())) {
    case ResolveError::server_failed:
    case ResolveError::refused:
    case ResolveError::bad_answer:
    case ResolveError::no_name_server:
    case ResolveError::timed_out:
    case ResolveError::too_many:
      return true;
    default:
      return false;
  }
}

}  // namespace rondo
