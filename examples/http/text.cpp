// SPDX-License-Identifier: MIT
#include <array>
#include <ctime>

#include "text.h"

namespace http {

void Text::grow(std::size_t more) { memory_.resize(2 * (size_ + more)); }

std::string http_date(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text;
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  constexpr const char* forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                   "%a %b %e %H:%M:%S %Y"};
  if (text.empty()) return std::nullopt;  // the usual case, and strptime is slow
  const std::string terminated{text};
  for (const char* const form : forms) {
    std::tm parts{};
    const char* const end = ::strptime(terminated.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return static_cast<std::int64_t>(::timegm(&parts));
  }
  return std::nullopt;
}

}  // namespace http
