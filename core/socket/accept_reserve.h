// SPDX-License-Identifier: MIT
// The descriptor in reserve, which all acceptors of a reactor share.
#pragma once

#include <cstddef>
#include <system_error>
#include <utility>

#include <rondo/net.h>
#include <rondo/socket.h>

#include "loop/per_reactor.h"

namespace rondo::detail {

/// Open while there is an acceptor, except while one sheds: so a reactor needs one descriptor more
/// than its listeners. Any descriptor would do; a socket is what a Net can make.
class AcceptReserve final : public PerReactor {
 public:
  static constexpr Room room = Room::socket;

  /// Call remove_user() once after each success.
  [[nodiscard]] std::error_code add_user(Net& net) noexcept {
    if (auto error = open(net)) return error;
    ++users_;
    return {};
  }
  void remove_user() noexcept {
    if (--users_ == 0) reserve_.close();
  }

  /// Gives up the descriptor, so that the next one that is opened gets it.
  void spend() noexcept { reserve_.close(); }
  /// Opens it, if it is not open.
  [[nodiscard]] std::error_code open(Net& net) noexcept {
    if (reserve_) return {};
    auto made = Socket::make(net, AddressFamily::unix_domain, SocketType::stream);
    if (!made) return made.error();
    reserve_ = std::move(*made);
    return {};
  }

 private:
  Socket reserve_;
  std::size_t users_ = 0;
};

}  // namespace rondo::detail
