// SPDX-License-Identifier: MIT
// A chat room. The first line of a client is its nickname; every further line goes to all others.
// `/who` lists the guests, `/quit` leaves. The same code serves the network (main.cpp) and a
// simulated one (box.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <rondo/options.h>
#include <rondo/reactor.h>
#include <rondo/server.h>

namespace chat {

struct Options {
  std::size_t unread_max = std::size_t{256}
                           << 10U;  ///< a client that leaves more unread is dropped
  rondo::SocketOptions socket{};
};

class Guest;

struct Room {
  std::map<std::string, Guest*, std::less<>> guests{};  // by their nicknames
  std::uint64_t dropped = 0;                            // guests that did not read
};

class Chat {
 public:
  /// Listens nowhere yet: see Server::listen. The reactor outlives it.
  explicit Chat(rondo::Reactor& reactor, const Options& options = {});

  [[nodiscard]] rondo::Server& server() noexcept { return server_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return room_.dropped; }

 private:
  Room room_;
  rondo::Server server_;  // destroyed before the room, which its guests leave then
};

}  // namespace chat
