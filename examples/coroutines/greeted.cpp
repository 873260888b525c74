// SPDX-License-Identifier: MIT
// The client of that server: greeted HOST:PORT NAME...
#include <cstdio>
#include <span>
#include <string>

#include <rondo/coroutine.h>

rondo::Task<> be_greeted(const char* target, std::span<char*> names) {
  const auto server = co_await rondo::open_connection(target);
  const auto question = co_await server->read_until("\n");
  std::fwrite(question.data(), 1, question.size(), stdout);
  for (const char* name : names) {
    server->write(name);
    server->write("\n");
    const auto answer = co_await server->read_until("\n");
    std::fwrite(answer.data(), 1, answer.size(), stdout);
  }
  server->shutdown_output();
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: greeted HOST:PORT NAME...\n");
    return EXIT_FAILURE;
  }
  return rondo::run([&](rondo::Reactor&) {
    return be_greeted(argv[1], std::span{argv, static_cast<std::size_t>(argc)}.subspan(2));
  });
}
