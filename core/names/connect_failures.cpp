// SPDX-License-Identifier: MIT
// The text is one line: `connect to a.test:80: 127.0.0.1:80: Connection refused; [::1]:80: Network
// is unreachable`. If the target is the only address, it is named once.
#include "connect_failures.h"

#include <algorithm>

#include "target.h"

namespace rondo::detail {
namespace {

/// How much an error says about the peer. An error that there is no route says least.
int telling(std::error_code error) noexcept {
  if (error == std::errc::network_unreachable || error == std::errc::host_unreachable ||
      error == std::errc::address_family_not_supported ||
      error == std::errc::address_not_available) {
    return 0;
  }
  return error == std::errc::timed_out ? 1 : 2;
}

}  // namespace

Error ConnectFailures::listed(const std::string& target, std::error_code code) const {
  std::string tried = "connect to " + shown(target);
  for (std::size_t i = 0; i < failures_.size(); ++i) {
    const auto& [address, error] = failures_[i];
    const std::string what = address ? address->to_string() : error.context;
    const bool is_target = failures_.size() == 1 && what == target;
    if (!is_target) tried += (i == 0 ? ": " : "; ") + what;
    if (address && !error.context.empty()) tried += ": " + error.context;
    if (i + 1 < failures_.size()) tried += ": " + error.code.message();
  }
  return {code, std::move(tried)};
}

Error ConnectFailures::most_telling(const std::string& target) {
  const auto most = std::max_element(
      failures_.begin(), failures_.end(),
      [](const auto& a, const auto& b) { return telling(a.error.code) < telling(b.error.code); });
  // If there is no failure at all, `prepare` has thrown each time.
  if (most == failures_.end()) {
    return listed(target, std::make_error_code(std::errc::operation_canceled));
  }
  const std::error_code code = most->error.code;
  const auto last = std::find_if(failures_.begin(), failures_.end(),
                                 [&](const Failure& each) { return each.error.code == code; });
  std::rotate(last, last + 1, failures_.end());
  return listed(target, code);
}

}  // namespace rondo::detail
