// A room for many. The first line of a client is his nickname; every further line goes to all the
// others. `/who` lists who is there, `/quit` leaves. The same code serves the network (main.cpp)
// and a simulated one (box.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <rondo/endpoint.h>
#include <rondo/options.h>
#include <rondo/reactor.h>
#include <rondo/result.h>

namespace chat {

struct Options {
  std::size_t unread_max = std::size_t{256} << 10U;  ///< bytes a client has not read; then he goes
  rondo::SocketOptions socket{};
};

class Chat {
 public:
  /// Listens at `where`: `127.0.0.1:8888`, `unix:/path`. The reactor outlives it. Errors: those of
  /// rondo::serve.
  [[nodiscard]] static rondo::Result<Chat> open(rondo::Reactor& reactor, std::string_view where,
                                                const Options& options = {});
  Chat(Chat&& other) noexcept;
  Chat& operator=(Chat&& other) noexcept;
  ~Chat();

  [[nodiscard]] const rondo::Endpoint& local_endpoint() const noexcept;
  [[nodiscard]] std::size_t connections() const noexcept;
  /// How many went because they did not read.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

  /// Listens no more, and sends everybody home.
  void close(rondo::Duration timeout);

 private:
  class Impl;
  explicit Chat(std::unique_ptr<Impl> impl) noexcept;

  std::unique_ptr<Impl> impl_;
};

}  // namespace chat
