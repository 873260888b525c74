// SPDX-License-Identifier: MIT
// Fetches addresses by HTTP, with TLS or without, some at a time, each within a time limit, and
// again after a failure, later and later. Through one of several proxies, if there are any, in
// turn:
//
//     crawler [--places N] [--timeout SECONDS] [--tries N] [--proxy HOST:PORT]...
//     [--tls-roots FILE] http://HOST/PATH... https://HOST/PATH...
//
// Each address gives one line: its status and its size, or why it failed.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/coroutine.h>
#include <CLI/CLI.hpp>

#include "secure.h"

using namespace std::chrono_literals;

namespace {

constexpr std::size_t body_max = std::size_t{16} << 20U;
constexpr std::array<std::string_view, 3> user_agents{
    "Mozilla/5.0 (X11; Linux x86_64) rondo-crawler", "rondo-crawler/1.0", "Wget/1.21"};

struct Options {
  std::size_t places = 8;
  double timeout_seconds = 5;
  unsigned tries = 3;
  std::vector<std::string> proxies;
  std::string roots_file;
  std::vector<std::string> addresses;
};

struct Address {
  bool is_secure = false;
  std::string name;  // which the server's certificate is for
  std::string host;  // with its port
  std::string path;
};

struct Page {
  int status = 0;
  std::size_t size = 0;
};

std::optional<Address> parse(std::string_view text) {
  Address address;
  address.is_secure = text.starts_with("https://");
  if (!address.is_secure && !text.starts_with("http://")) return std::nullopt;
  text.remove_prefix(text.find("//") + 2);
  const std::size_t slash = std::min(text.find('/'), text.size());
  address.host = text.substr(0, slash);
  address.path = text.substr(slash);
  if (address.host.empty()) return std::nullopt;
  if (address.path.empty()) address.path = "/";
  const std::size_t bracket = address.host.find(']');  // after an IPv6 address
  const bool is_ipv6 = bracket != std::string::npos;
  const std::size_t colon = address.host.find(':', is_ipv6 ? bracket : 0);
  address.name = is_ipv6 ? address.host.substr(1, bracket - 1) : address.host.substr(0, colon);
  if (colon == std::string::npos) address.host += address.is_secure ? ":443" : ":80";
  return address;
}

/// The head of an answer, up to its empty line.
struct Head {
  explicit Head(std::string_view text);

  int status = 0;
  std::optional<std::size_t> length;  ///< bytes that follow; nothing: all until the end
};

Head::Head(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (!text.starts_with("HTTP/") || space == std::string_view::npos)
    throw std::runtime_error("not an answer of HTTP");
  std::from_chars(text.data() + space + 1, text.data() + text.size(), status);

  std::string fields{text};
  for (char& letter : fields)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  constexpr std::string_view name = "\r\ncontent-length:";
  std::size_t at = fields.find(name);
  if (at == std::string::npos) return;
  at = fields.find_first_not_of(" \t", at + name.size());
  std::size_t size = 0;
  const char* const end = fields.data() + fields.size();
  if (std::from_chars(fields.data() + at, end, size).ec == std::errc{}) length = size;
}

/// A proxy passes the bytes of a secure connection on, which it cannot read.
rondo::Task<> pass_through(rondo::Connection& proxy, const Address& address,
                           rondo::StreamLayers& layers) {
  proxy.write("CONNECT " + address.host + " HTTP/1.0\r\n\r\n");
  const auto text = co_await proxy.read_until("\r\n\r\n");
  const Head head{text.text()};
  if (head.status != 200)
    throw std::runtime_error("the proxy has answered " + std::to_string(head.status));
  proxy.upgrade(layers, address.name).value_or_throw();
}

rondo::Task<Page> fetch(const Address& address, const std::string* proxy,
                        std::string_view user_agent, rondo::StreamLayers* layers) {
  rondo::ConnectOptions options;
  if (address.is_secure && proxy == nullptr) options.secure = layers;
  const auto server =
      co_await rondo::open_connection(proxy != nullptr ? *proxy : address.host, options);
  std::string request = "GET ";
  if (proxy != nullptr) {
    if (address.is_secure) {
      co_await pass_through(*server, address, *layers);
    } else {
      request += "http://" + address.host;
    }
  }
  request += address.path + " HTTP/1.0\r\nHost: " + address.host + "\r\nUser-Agent: ";
  request.append(user_agent).append("\r\nAccept: */*\r\n\r\n");
  server->write(request);

  const auto text = co_await server->read_until("\r\n\r\n");
  const Head head{text.text()};
  Page page{head.status};
  while (!head.length || page.size < *head.length) {
    const auto data = co_await server->read();
    if (!data && head.length) throw std::runtime_error("the answer is cut off");
    if (!data) break;
    page.size += data.size();
    if (page.size > body_max) throw std::runtime_error("larger than 16 MiB");
  }
  co_return page;
}

class Crawler {
 public:
  Crawler(const Options& options, rondo::StreamLayers* layers)
      : options_(options),
        layers_(layers),
        places_(options.places),
        timeout_(std::chrono::duration_cast<rondo::Duration>(
            std::chrono::duration<double>(options.timeout_seconds))) {}

  rondo::Task<> run(rondo::Reactor& reactor) {
    rondo::TaskGroup group{reactor};
    for (const std::string& address : options_.addresses) group.spawn(crawl(address));
    co_await group.join();
  }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }

 private:
  rondo::Task<> crawl(const std::string& text) {
    const auto address = parse(text);
    if (!address) co_return report(text, "not an address like http://host/path");
    std::string error;
    for (unsigned attempt = 0; attempt < options_.tries; ++attempt) {
      if (attempt > 0) co_await rondo::sleep(100ms * (1U << std::min(attempt, 10U)));
      const auto place = co_await places_.acquire();
      try {
        rondo::Task<Page> task = fetch(*address, next_proxy(), next_user_agent(), layers_);
        const auto page = co_await rondo::timeout(timeout_, std::move(task));
        if (page) {
          std::printf("%s: %d, %zu bytes\n", text.c_str(), page->status, page->size);
          co_return;
        }
        error = "no answer in time";
      } catch (const std::exception& failed) {
        error = failed.what();
      }
    }
    report(text, error);
  }

  void report(const std::string& address, const std::string& error) {
    has_failed_ = true;
    std::printf("%s: %s\n", address.c_str(), error.c_str());
  }
  const std::string* next_proxy() {
    if (options_.proxies.empty()) return nullptr;
    return &options_.proxies[proxy_++ % options_.proxies.size()];
  }
  std::string_view next_user_agent() { return user_agents[user_agent_++ % user_agents.size()]; }

  const Options& options_;
  rondo::StreamLayers* layers_;
  rondo::Semaphore places_;
  rondo::Duration timeout_;
  std::size_t proxy_ = 0;
  std::size_t user_agent_ = 0;
  bool has_failed_ = false;
};

rondo::Task<int> program(rondo::Reactor& reactor, const Options& options) {
  secure::Layers layers;
  const auto is_secure = [](const std::string& address) { return address.starts_with("https:"); };
  if (std::ranges::any_of(options.addresses, is_secure)) {
    auto made = secure::client(options.roots_file);
    if (!made) co_return rondo::print_error(made.error());
    layers = std::move(*made);
  }
  Crawler crawler{options, layers.get()};
  co_await crawler.run(reactor);
  co_return crawler.has_failed() ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Fetches many addresses at a time.", "crawler"};
  app.add_option("--places", options.places, "how many at a time")->check(CLI::Range(1, 10'000));
  app.add_option("--timeout", options.timeout_seconds, "for each attempt, in seconds")
      ->check(CLI::Range(0.001, 3600.0));
  app.add_option("--tries", options.tries, "attempts for each address")->check(CLI::Range(1, 100));
  app.add_option("--proxy", options.proxies, "HOST:PORT; may be repeated")->allow_extra_args(false);
  app.add_option("--tls-roots", options.roots_file,
                 "certificates to trust for https, in this FILE, in place of the system's");
  app.add_option("addresses", options.addresses, "http://HOST/PATH or https://HOST/PATH")
      ->required();
  CLI11_PARSE(app, argc, argv);
  return rondo::run([&](rondo::Reactor& reactor) { return program(reactor, options); });
}
