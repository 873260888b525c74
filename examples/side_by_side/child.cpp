// SPDX-License-Identifier: MIT
// Runs a program, numbers the lines of its output, and says how it ended, with its exit status:
// child PROGRAM [ARGUMENT]...
#include <iostream>
#include <string>
#include <vector>

#include <rondo/coroutine.h>

rondo::Task<int> program(rondo::Reactor& reactor, std::vector<std::string> command) {
  const rondo::ProcessOptions options{.output = rondo::Redirect::pipe()};
  auto child = rondo::Child::start(reactor, std::move(command), options);
  if (!child) co_return rondo::print_error(child.error());
  const auto output = rondo::adopt_connection(child->process().take_output());
  rondo::TextConnection text{*output, {.errors = rondo::TextErrors::replace}};
  int number = 0;
  while (const auto line = co_await text.read_line())
    std::cout << ++number << ": " << line.text << std::endl;
  const auto status = co_await child->exited();
  std::cout << status.message() << '\n';
  co_return status.signal != 0 ? 128 + status.signal : status.code;
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: child PROGRAM [ARGUMENT]...\n";
    return 1;
  }
  const std::vector<std::string> command{argv + 1, argv + argc};
  return rondo::run([&](rondo::Reactor& reactor) { return program(reactor, command); });
}
