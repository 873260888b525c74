// SPDX-License-Identifier: MIT
// Fetches a page and prints its status and its size: http_get http://HOST[:PORT][/PATH]
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>

#include <rondo/coroutine.h>

using namespace std::chrono_literals;

constexpr std::size_t body_max = std::size_t{16} << 20U;

std::optional<std::size_t> content_length(const std::string& head) {
  constexpr std::string_view name = "\r\ncontent-length:";
  const auto is_same = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  const auto found = std::ranges::search(head, name, is_same);
  if (found.empty()) return std::nullopt;
  return std::strtoull(&*found.end(), nullptr, 10);
}

rondo::Task<> fetch(const std::string& url) {
  std::smatch part;
  if (!std::regex_match(url, part, std::regex{"http://([^/?#]+?)(:[0-9]+)?(/[^#]*)?"}))
    throw std::runtime_error(url + " is not like http://host:port/path");
  const std::string host = part.str(1) + (part[2].matched ? part.str(2) : ":80");
  const std::string path = part[3].matched ? part.str(3) : "/";
  const auto server = co_await rondo::open_connection(host);
  server->write("GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\n\r\n");

  const auto lent = co_await server->read_until("\r\n\r\n");
  const std::string head{lent.text()};
  if (!head.starts_with("HTTP/")) throw std::runtime_error("not an answer of HTTP");
  const auto length = content_length(head);
  std::size_t size = 0;
  while (!length || size < *length) {
    const auto data = co_await server->read();
    if (!data && length) throw std::runtime_error("the answer is cut off");
    if (!data) break;
    size += data.size();
    if (size > body_max) throw std::runtime_error("larger than 16 MiB");
  }
  const std::string status_line = head.substr(0, head.find('\r'));
  std::cout << status_line.substr(status_line.find(' ') + 1) << ", " << size << " bytes\n";
}

rondo::Task<> program(std::string url) {
  const auto ended = co_await rondo::timeout(30s, fetch(url));
  if (!ended) throw std::runtime_error("no answer in 30 s");
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: http_get http://HOST[:PORT][/PATH]\n";
    return 1;
  }
  return rondo::run([&](rondo::Reactor&) { return program(argv[1]); });
}
