// SPDX-License-Identifier: MIT
// descriptors: opens a file in one process and reads it in another, which may not be allowed to
// open it itself: what goes through the Unix socket is the open file.
//
//   descriptors receive unix:/tmp/lend           prints the files it is lent, and by which process
//   descriptors send unix:/tmp/lend FILE...
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <rondo/client.h>
#include <rondo/file.h>
#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/stop_on_signals.h>

namespace {

void print(int file) {
  std::array<char, 4096> text;
  for (ssize_t size = 0; (size = ::read(file, text.data(), text.size())) > 0;)
    std::fwrite(text.data(), 1, static_cast<std::size_t>(size), stdout);
  std::fflush(stdout);
}

/// The receiver's side of one lender: a single message, with the files behind it.
struct Lender final : rondo::Session {
  void on_descriptors(rondo::Stream& lender, rondo::Bytes,
                      rondo::ReceivedDescriptors received) override {
    if (received.lost) std::fputs("some did not arrive\n", stderr);
    const auto credentials = lender.peer_credentials();
    for (const rondo::Socket& file : received.descriptors) {
      std::printf("lent by process %d:\n",
                  credentials ? static_cast<int>(credentials->process) : -1);
      print(file.fd());
    }
    lender.close();
  }
  void on_data(rondo::Stream& lender, rondo::Bytes) override { lender.close(); }
};

int receive(rondo::Reactor& reactor, std::string_view where) {
  auto server = rondo::serve<Lender>(reactor, where, {.stream = {.receive_descriptors = true}});
  if (!server) return rondo::print_error(server.error());
  const rondo::StopOnSignals stop{reactor, *server};
  std::printf("listening on %s\n", server->local_endpoint().to_string().c_str());
  std::fflush(stdout);
  const auto ran = reactor.run();
  return ran ? EXIT_SUCCESS : rondo::print_error(ran.error());
}

/// The sender's side.
struct Borrower final : rondo::StreamHandler {
  void on_data(rondo::Stream&, rondo::Bytes) override {}
  void on_close(rondo::Stream&, const rondo::Close& close) override {
    if (close.reason == rondo::CloseReason::eof || close.reason == rondo::CloseReason::closed)
      return;
    std::fprintf(stderr, "%s\n", close.message().c_str());
    status = EXIT_FAILURE;
  }
  int status = EXIT_SUCCESS;
};

int send(rondo::Reactor& reactor, std::string_view where, std::span<char*> paths) {
  std::vector<rondo::Socket> files;
  for (const char* const path : paths) {
    auto file = rondo::File::open(path);
    if (!file) return rondo::print_error(file.error());
    files.emplace_back(reactor.net(), file->release());
  }
  Borrower borrower;
  const auto stream = rondo::connect(reactor, where, borrower);
  stream->write("files", std::move(files));
  stream->close();
  const rondo::StopOnSignals stop{reactor};
  const auto ran = reactor.run();
  return ran ? borrower.status : rondo::print_error(ran.error());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  if (what != "send" && what != "receive") {
    std::fputs("usage: descriptors receive unix:PATH | descriptors send unix:PATH FILE...\n",
               stderr);
    return 2;
  }
  auto reactor = rondo::Reactor::make();
  if (!reactor) return rondo::print_error(reactor.error());
  return what == "receive"
             ? receive(**reactor, argv[2])
             : send(**reactor, argv[2], std::span{argv, std::size_t(argc)}.subspan(3));
}
