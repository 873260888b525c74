// descriptors: opens a file in one process and reads it in another, which may not be allowed to
// open it itself: what goes through the Unix socket is the open file.
//
//   descriptors receive unix:/tmp/lend           prints what it is lent, and who lent it
//   descriptors send unix:/tmp/lend FILE...
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <rondo/acceptor.h>
#include <rondo/descriptors.h>
#include <rondo/file.h>
#include <rondo/reactor.h>

namespace {

/// One lender: a single message, with the files behind it.
class Lender final : public rondo::Handler {
 public:
  explicit Lender(rondo::Socket socket) : socket_(std::move(socket)) {}

  static void begin(rondo::Reactor& reactor, rondo::Socket socket) {
    auto lender = std::make_unique<Lender>(std::move(socket));
    auto watch = reactor.watch(lender->socket_.fd(), rondo::Ready::read, *lender);
    if (watch) lender.release()->watch_ = std::move(*watch);  // from now on it owns itself
  }

  void on_ready(rondo::Ready) override {
    std::array<std::byte, 64> greeting;
    const auto received = rondo::receive_with_descriptors(socket_, greeting);
    if (!received && received.error() == std::errc::operation_would_block) return;
    if (received && received->lost) std::fputs("some did not arrive\n", stderr);
    if (received)
      for (const rondo::Socket& file : received->descriptors) print(file.fd());
    delete this;
  }

 private:
  void print(int file) const {
    const auto lender = socket_.peer_credentials();
    std::printf("lent by process %d:\n", lender ? static_cast<int>(lender->process) : -1);
    std::array<char, 4096> text;
    for (ssize_t size = 0; (size = ::read(file, text.data(), text.size())) > 0;)
      std::fwrite(text.data(), 1, static_cast<std::size_t>(size), stdout);
    std::fflush(stdout);
  }

  rondo::Socket socket_;
  rondo::Watch watch_;
};

int receive(rondo::Reactor& reactor, const rondo::Endpoint& where) {
  const auto acceptor =
      rondo::Acceptor::make(reactor, where, [&](rondo::Socket client, const rondo::Endpoint&) {
        Lender::begin(reactor, std::move(client));
      });
  if (!acceptor) return rondo::complain(acceptor.error());
  std::printf("listening on %s\n", acceptor->local().to_string().c_str());
  std::fflush(stdout);
  const auto error = reactor.run();
  return error ? rondo::complain(error) : EXIT_SUCCESS;
}

int send(rondo::Reactor& reactor, const rondo::Endpoint& where, std::span<char*> paths) {
  std::vector<rondo::File> files;
  std::vector<int> descriptors;
  for (const char* const path : paths) {
    auto file = rondo::File::open(path);
    if (!file) return rondo::complain(file.error());
    files.push_back(std::move(*file));
    descriptors.push_back(files.back().fd());
  }
  auto socket = rondo::Socket::connect(reactor.net(), where);  // of a Unix socket: at once
  if (!socket) return rondo::complain(socket.error());
  const auto greeting = std::as_bytes(std::span{"files", 5});
  const auto sent = rondo::send_descriptors(*socket, greeting, descriptors);
  return sent ? EXIT_SUCCESS : rondo::complain(sent.error());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  if (what != "send" && what != "receive") {
    std::fputs("usage: descriptors receive unix:PATH | descriptors send unix:PATH FILE...\n",
               stderr);
    return 2;
  }
  const auto where = rondo::Endpoint::parse(argv[2]);
  if (!where) return rondo::complain(where.error());
  auto reactor = rondo::Reactor::make();
  if (!reactor) return rondo::complain(reactor.error());
  return what == "receive" ? receive(*reactor, *where)
                           : send(*reactor, *where, std::span{argv, std::size_t(argc)}.subspan(3));
}
