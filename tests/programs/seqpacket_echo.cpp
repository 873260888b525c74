// SPDX-License-Identifier: MIT
// seqpacket_echo unix:PATH: sends one client's messages back, prints their sizes, ends when it
// leaves.
#include <cstdio>
#include <optional>

#include <rondo/rondo.h>

namespace {

struct Echo final : rondo::DatagramHandler {
  explicit Echo(rondo::Reactor& its) : reactor(its) {}
  void on_datagrams(rondo::DatagramSocket& socket,
                    std::span<const rondo::Datagram> received) override {
    for (const rondo::Datagram& message : received) {
      std::printf("%zu ", message.data.size());
      socket.send(message.data);
    }
  }
  void on_end(rondo::DatagramSocket&) override {
    std::puts("and the end");
    reactor.stop();
  }
  rondo::Reactor& reactor;
};

rondo::Result<rondo::Socket> listen(rondo::Net& net, const rondo::Endpoint& where) {
  auto socket = rondo::Socket::make(net, where.family(), rondo::SocketType::seqpacket);
  if (!socket) return rondo::Error{socket.error(), "make a socket"};
  if (const int result = net.bind(socket->fd(), where); result < 0)
    return rondo::Error{rondo::system_error(-result), "bind to " + where.to_string()};
  if (const int result = net.listen(socket->fd(), 1); result < 0)
    return rondo::Error{rondo::system_error(-result), "listen on " + where.to_string()};
  return std::move(*socket);
}

}  // namespace

int main(int argc, char** argv) {
  const auto where = rondo::Endpoint::parse(argc > 1 ? argv[1] : "");
  if (!where) return rondo::print_error(where.error());
  rondo::Reactor reactor;
  auto listener = listen(reactor.net(), *where);
  if (!listener) return rondo::print_error(listener.error());
  Echo echo{reactor};
  std::optional<rondo::DatagramSocket> client;
  const auto acceptor = rondo::Acceptor::adopt(
      reactor, std::move(*listener), [&](rondo::Socket socket, const rondo::Endpoint&) {
        auto adopted = rondo::DatagramSocket::adopt(reactor, std::move(socket), echo);
        if (adopted) client.emplace(std::move(*adopted));
      });
  if (!acceptor) return rondo::print_error(acceptor.error());
  std::printf("listening on %s\n", acceptor->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  return reactor.run() ? 0 : 1;
}
