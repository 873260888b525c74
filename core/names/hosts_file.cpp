// SPDX-License-Identifier: MIT
// The hosts file: each line has an address and its names; `#` begins a comment.
//
// The text is kept as it is and searched for each name. A search takes one or two microseconds in a
// file of 100 names, and a millisecond in a file of 100,000 names, as some use it to block names.
// Before each search, stat() shows whether the file has changed.
#include "hosts_file.h"

#include <sys/stat.h>

#include <algorithm>

#include "host_name.h"
#include "text_file.h"

namespace rondo::detail {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

bool names(std::string_view line, std::string_view host) noexcept {
  for (auto word = next_word(line, blanks); !word.empty(); word = next_word(line, blanks)) {
    if (same_name(word, host)) return true;
  }
  return false;
}

/// The time of modification. macOS has another name for what POSIX calls st_mtim.
template <typename Status>
auto modified(const Status& status) noexcept {
  if constexpr (requires { status.st_mtimespec; }) {
    return status.st_mtimespec;
  } else {
    return status.st_mtim;
  }
}

}  // namespace

std::vector<Endpoint> HostsFile::find(std::string_view host) {
  refresh();
  std::vector<Endpoint> found;
  std::string_view rest = text_;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    line = line.substr(0, line.find('#'));
    const std::string_view address = next_word(line, blanks);
    if (!names(line, host)) continue;
    if (const auto endpoint = numeric_address(address)) found.push_back(*endpoint);
  }
  return found;
}

void HostsFile::refresh() {
  struct stat status{};
  if (path_.empty() || ::stat(path_.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    version_ = {};
    text_.clear();
    return;
  }
  const auto time = modified(status);
  const Version now{static_cast<std::uint64_t>(status.st_ino), status.st_size, time.tv_sec,
                    time.tv_nsec};
  if (now == version_) return;
  text_ = read_text_file(path_, size_max);
  version_ = now;
}

}  // namespace rondo::detail
