// The errors of names, in words.
//
// Where the standard has a condition that says the same, the code is equivalent to it: who asks for
// std::errc::timed_out need not know whether the name or the connection took too long.
#include <string>

#include <rondo/resolver.h>

namespace rondo {
namespace {

class NameCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "name"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<NameError>(value)) {
      case NameError::host_not_found:
        return "Domain name not found";
      case NameError::no_address:
        return "The name has no address";
      case NameError::bad_name:
        return "Not a host name";
      case NameError::server_failed:
        return "The name server failed";
      case NameError::refused:
        return "The name server refused";
      case NameError::bad_answer:
        return "The name server's answer makes no sense";
      case NameError::no_name_server:
        return "No name server can be reached";
      case NameError::timed_out:
        return "No name server answered in time";
      case NameError::too_many:
        return "Too many lookups are waiting";
      case NameError::no_dns:
        return "Not in the hosts file, and built without DNS";
    }
    return "Unknown name error " + std::to_string(value);
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<NameError>(value)) {
      case NameError::bad_name:
        return std::errc::invalid_argument;
      case NameError::timed_out:
        return std::errc::timed_out;
      case NameError::no_dns:
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

std::error_code make_error_code(NameError error) noexcept {
  return {static_cast<int>(error), name_category()};
}

bool is_temporary_name_error(std::error_code error) noexcept {
  if (error.category() != name_category()) return false;
  switch (static_cast<NameError>(error.value())) {
    case NameError::server_failed:
    case NameError::refused:
    case NameError::bad_answer:
    case NameError::no_name_server:
    case NameError::timed_out:
    case NameError::too_many:
      return true;
    default:
      return false;
  }
}

}  // namespace rondo
