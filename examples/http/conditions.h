// Conditional requests and ranges: RFC 9110, 13 and 14.
#pragma once

#include <cstdint>
#include <string_view>

#include <rondo/file.h>

#include "answer.h"
#include "request.h"

namespace http {

/// A file as it was when it was opened, or when its content was read.
struct Version {
  std::uint64_t size = 0;
  std::int64_t modified = 0;            // seconds since 1970
  std::uint64_t modified_fraction = 0;  // nanoseconds
  rondo::File file{};
  std::string_view content{};  // without a file
};

/// Answers with the version, a part of it, or what the conditions of the request say instead.
void send_version(Version version, std::string_view type, const Request& request, Answer& answer);

}  // namespace http
