// SPDX-License-Identifier: MIT
// Answers of a name server, through a simulated network, over UDP and TCP: valid answers, valid
// answers that were changed, and random bytes. A lookup ends once and in time, with no address that
// was not sent to it. From valid answers it has exactly the addresses that they contain.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/resolver.h>
#include <rondo/sim.h>
#include <rondo/socket.h>

#include "fuzz/target.h"
#include "support/temporary_file.h"

namespace rondo::fuzz {
namespace {

using namespace std::chrono_literals;

/// A host whose backend has no NameService, so that name servers are queried.
class Nameless final : public HostedBackend {
 public:
  explicit Nameless(std::unique_ptr<HostedBackend> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] std::error_code watch(int fd, Ready from, Ready to, Token token) noexcept override {
    return inner_->watch(fd, from, to, token);
  }
  void unwatch(int fd, Ready from) noexcept override { inner_->unwatch(fd, from); }
  void wake() noexcept override { inner_->wake(); }
  [[nodiscard]] std::error_code reinit() noexcept override { return inner_->reinit(); }
  [[nodiscard]] TimePoint now() const noexcept override { return inner_->now(); }
  [[nodiscard]] Net& net() noexcept override { return inner_->net(); }
  void attach(HostedLoop& loop) noexcept override { inner_->attach(loop); }
  void arm(TimePoint deadline, Liveness liveness) noexcept override {
    inner_->arm(deadline, liveness);
  }

 private:
  std::unique_ptr<HostedBackend> inner_;
};

constexpr std::size_t header_size = 12;
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_aaaa = 28;

void append16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8U & 0xffU);
  out += static_cast<char>(value & 0xffU);
}
std::size_t read16(std::string_view in, std::size_t at) {
  if (at + 2 > in.size()) return 0;
  return static_cast<std::size_t>(static_cast<unsigned char>(in[at])) << 8U |
         static_cast<unsigned char>(in[at + 1]);
}

/// The addresses of the name, as bytes of a packet; some of them twice.
struct Zone {
  std::multiset<std::string> ipv4;
  std::multiset<std::string> ipv6;

  explicit Zone(Input& input) {
    for (std::size_t count = input.below(4); count > 0; --count) {
      ipv4.insert(std::string{"\x0a\x01\x01"} + static_cast<char>(input.byte()));
    }
    for (std::size_t count = input.below(4); count > 0; --count) {
      ipv6.insert(std::string{"\x20\x01\x0d\xb8"} + std::string(11, '\0') +
                  static_cast<char>(input.byte()));
    }
  }
  /// `query` has one question.
  [[nodiscard]] std::string answer(std::string_view query, bool truncated) const {
    const std::size_t type = read16(query, query.size() - 4);
    static const std::multiset<std::string> none;
    const auto& records = type == type_a ? ipv4 : type == type_aaaa ? ipv6 : none;
    std::string packet{query.substr(0, 2)};
    packet.append(truncated ? "\x87" : "\x85").append("\x80", 1);
    append16(packet, 1);
    append16(packet, records.size());
    packet.append(4, '\0');
    packet += query.substr(header_size);
    for (const std::string& data : records) {
      packet.append("\xc0\x0c", 2);  // the name in the question
      append16(packet, type);
      packet.append("\0\1\0\0\0\x3c", 6);
      append16(packet, data.size());
      packet += data;
    }
    return packet;
  }
};

class NameServer {
 public:
  NameServer(Net& net, Input& input, bool is_good)
      : net_(net), input_(input), is_good_(is_good), zone(input) {
    const Endpoint where = Endpoint::any(53);
    tcp_ = Socket::listen(net, where).value();
    udp_ = Socket::make(net, AddressFamily::ipv4, SocketType::datagram).value();
    require(net.bind(udp_->fd(), where) == 0, "a port for questions");
  }

  void serve() {
    while (auto accepted = tcp_->accept()) clients_.push_back({std::move(accepted->socket), {}});
    for (Client& client : clients_) serve(client);
    for (;;) {
      std::byte room[600];
      MutableBytes part{room};
      Endpoint from;
      Message message{.address = &from, .parts = {&part, 1}};
      if (net_.receive(udp_->fd(), {&message, 1}) != 1) return;
      const auto query = text_of(Bytes{room}.first(message.size));
      for (const std::string& packet : answers(query, true)) send(from, packet);
    }
  }

 private:
  struct Client {
    Socket socket;
    std::string text;
  };

  void serve(Client& client) {
    std::byte room[600];
    const auto size = client.socket.read(room);
    if (!size || *size == 0) return;
    client.text += text_of(Bytes{room}.first(*size));
    while (client.text.size() >= 2 && client.text.size() >= 2 + read16(client.text, 0)) {
      const std::size_t length = read16(client.text, 0);
      for (const std::string& packet : answers(client.text.substr(2, length), false)) {
        std::string framed;
        append16(framed, is_good_ || input_.byte() != 0 ? packet.size() : input_.below(65'536));
        framed += packet;
        (void)client.socket.write(bytes_of(framed));  // the client may have closed
      }
      client.text.erase(0, 2 + length);
    }
  }
  void send(Endpoint& to, const std::string& packet) {
    std::string copy = packet;
    MutableBytes part = std::as_writable_bytes(std::span{copy});
    Message message{.address = &to, .parts = {&part, 1}};
    (void)net_.send(udp_->fd(), {&message, 1});  // the client may have closed
  }

  std::vector<std::string> answers(std::string_view query, bool may_truncate) {
    require(query.size() > header_size + 5, "a query contains a question");
    const bool truncated = may_truncate && input_.byte() % 8 == 7;
    std::vector<std::string> packets{zone.answer(query, truncated)};
    if (!is_good_) {
      if (input_.byte() % 8 == 0) packets.clear();
      for (std::size_t more = input_.below(3); more > 0; --more) {
        packets.push_back(zone.answer(query, false));
      }
      for (std::string& packet : packets) change(packet);
    }
    for (const std::string& packet : packets) sent += packet;
    return packets;
  }
  void change(std::string& packet) {
    if (input_.byte() % 4 == 0) {
      packet.resize(input_.below(3));
      packet += input_.text(input_.byte());
      return;
    }
    for (std::size_t changes = input_.below(6); changes > 0; --changes) {
      const std::size_t at = input_.below(packet.size() + 1);
      switch (input_.below(4)) {
        case 0:
          packet.insert(at, input_.text(1 + input_.below(8)));
          break;
        case 1:
          packet.erase(at, 1 + input_.below(8));
          break;
        default:
          if (at < packet.size()) packet[at] = static_cast<char>(input_.byte());
      }
    }
  }

  Net& net_;
  Input& input_;
  bool is_good_;
  std::optional<Socket> udp_;
  std::optional<Socket> tcp_;
  std::vector<Client> clients_;

 public:
  Zone zone;
  std::string sent;  // all packets
};

std::string bytes_in(const Endpoint& address) {
  const bool ipv4 = address.family() == AddressFamily::ipv4;
  const auto* const raw = reinterpret_cast<const char*>(address.system());
  return ipv4 ? std::string{raw + 4, 4} : std::string{raw + 8, 16};
}

using Addresses = Result<std::vector<Endpoint>>;

void check(const Addresses& result, const NameServer& server, std::optional<AddressFamily> family,
           bool is_good) {
  std::set<std::string> given;
  if (result) {
    require(!result->empty(), "addresses, or an error");
    for (const Endpoint& address : *result) {
      require(address.port() == 80, "with the requested port");
      require(!family || *family == address.family(), "of the requested family");
      require(given.insert(bytes_in(address)).second, "none twice");
      require(server.sent.find(bytes_in(address)) != server.sent.npos, "none that was not sent");
    }
  }
  if (!is_good) return;
  std::set<std::string> expected;
  if (family != AddressFamily::ipv6)
    expected.insert(server.zone.ipv4.begin(), server.zone.ipv4.end());
  if (family != AddressFamily::ipv4)
    expected.insert(server.zone.ipv6.begin(), server.zone.ipv6.end());
  require(given == expected, "exactly the addresses of valid answers");
  require(!expected.empty() || result.error().code == ResolveError::no_address, "or none");
}

}  // namespace

void dns(Input& input) {
  static const test::TemporaryFile config{"search .\n"};
  constexpr std::optional<AddressFamily> families[] = {
      {}, AddressFamily::ipv4, AddressFamily::ipv6};
  const auto family = input.one_of(families);
  const bool is_good = input.byte() % 4 == 0;
  const bool is_cancelled = input.byte() == 255;

  sim::World world{1};
  sim::Host& host = world.host("10.0.0.2");
  NameServer server{world.host("10.0.0.53").net(), input, is_good};
  Reactor reactor{std::make_unique<Nameless>(host.backend())};
  std::optional<Addresses> result;
  {
    ResolverOptions options;
    options.name_servers = {Endpoint::parse("10.0.0.53:53").value()};
    options.hosts_path = "";
    options.config_path = config.path();
    Resolver resolver{reactor, options};
    const auto on_end = [&](Addresses ended) {
      require(!result, "ends once");
      result.emplace(std::move(ended));
    };
    Lookup lookup = resolver.resolve("www.example.org", 80, on_end, family);
    const TimePoint start = world.now();
    for (int looks = 0; looks < 10'000 && lookup; ++looks) {
      world.run_for(looks < 50 ? 1ms : 100ms);
      server.serve();
      if (is_cancelled && looks == 3) lookup.cancel();
    }
    require(world.now() - start <= options.timeout + 1s, "ends in time");
    world.run_for(1min);
    require(result.has_value() || is_cancelled, "ends");
    if (result) check(*result, server, family, is_good);
  }
  require(host.descriptors() == 0, "closes its sockets");
}

const Target target{"dns", dns};

}  // namespace rondo::fuzz
