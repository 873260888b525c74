// SPDX-License-Identifier: MIT
// Conditional requests and ranges: RFC 9110, 13 and 14.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include <rondo/file.h>

#include "answer.h"
#include "request.h"

namespace http {

/// What an answer says of a file, as it was when it was opened.
struct Version {
  Version() = default;
  Version(const struct stat& state, std::string_view its_type);

  std::uint64_t size = 0;
  std::int64_t modified = 0;  // seconds since 1970
  std::string_view type;
  std::string tag;     // strong
  std::string fields;  // those that all answers have
};

/// Answers with the version, a part of it, or what the conditions of the request say instead. If
/// there is a file it is sent, or else the content.
void send_version(const Version& version, rondo::File file, std::string_view content,
                  const Request& request, Answer& answer);

}  // namespace http
