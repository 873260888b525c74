// SPDX-License-Identifier: MIT
#include "support/name_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "support/kernel.h"
#include "support/text_of.h"

namespace rondo::test {
namespace {

constexpr std::size_t header_size = 12;

void append16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8U & 0xffU);
  out += static_cast<char>(value & 0xffU);
}
std::uint16_t read16(const std::string& in, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(in.at(at)) << 8 |
                                    static_cast<unsigned char>(in.at(at + 1)));
}

std::string encoded(const std::string& name) {
  std::string out;
  for (std::size_t start = 0; start < name.size();) {
    const std::size_t end = std::min(name.find('.', start), name.size());
    out += static_cast<char>(end - start);
    out += name.substr(start, end - start);
    start = end + 1;
  }
  return out + '\0';
}

/// The offset at which the question ends.
std::size_t end_of_question(const std::string& packet) {
  std::size_t at = header_size;
  while (packet.at(at) != 0) at += static_cast<unsigned char>(packet.at(at)) + 1U;
  return at + 5;
}

}  // namespace

/// A client over TCP: reads pairs of a length and a query.
class NameServer::Client final : public Handler {
 public:
  Client(NameServer& server, Socket socket) : server_(server), socket_(std::move(socket)) {
    auto watch = server.reactor_.watch(socket_.fd(), Ready::read, *this);
    if (!watch) return;  // the client gets no answer
    watch_ = std::move(*watch);
    watch_.unref();
  }
  void on_ready(Ready) override {
    std::array<std::byte, 2048> room;
    const auto size = socket_.read(room);
    if (!size || *size == 0) return watch_.set(Ready::none);
    buffer_.append(reinterpret_cast<const char*>(room.data()), *size);
    while (buffer_.size() >= 2 && buffer_.size() >= 2U + read16(buffer_, 0)) {
      if (read16(buffer_, 0) <= header_size) return watch_.set(Ready::none);  // no query
      Query query = parse(buffer_.substr(2, read16(buffer_, 0)));
      query.tcp = true;
      buffer_.erase(0, 2U + read16(buffer_, 0));
      const auto reply = server_.answer(std::move(query));
      if (!reply) continue;
      std::string framed;
      append16(framed, reply->size());
      framed += *reply;
      if (!socket_.write(bytes_of(framed)))
        return watch_.set(Ready::none);  // the client has closed
    }
  }

 private:
  NameServer& server_;
  Socket socket_;
  std::string buffer_;
  Watch watch_;
};

NameServer::NameServer(Reactor& reactor) : reactor_(reactor) {
  // The system chooses a port for TCP. If it is in use for UDP, try another one.
  for (int tries = 0; tries < 100 && !udp_; ++tries) {
    tcp_ = Socket::listen(kernel().net(), Endpoint::loopback(0)).value();
    endpoint_ = tcp_.local_endpoint().value();
    Socket udp = Socket::make(kernel().net(), AddressFamily::ipv4, SocketType::datagram).value();
    if (kernel().net().bind(udp.fd(), endpoint_) == 0) udp_ = std::move(udp);
  }
  if (!udp_) throw std::runtime_error{"no port for a name server"};

  struct Accepts final : Handler {
    explicit Accepts(NameServer& owner) : server(owner) {}
    void on_ready(Ready) override { server.accept(); }
    NameServer& server;
  };
  acceptor_ = {new Accepts{*this}, [](Handler* handler) { delete static_cast<Accepts*>(handler); }};
  udp_watch_ = reactor.watch(udp_.fd(), Ready::read, *this).value();
  udp_watch_.unref();
  tcp_watch_ = reactor.watch(tcp_.fd(), Ready::read, *acceptor_).value();
  tcp_watch_.unref();
  policy = [this](const Query& query) { return answer_of_zone(query); };
}

NameServer::~NameServer() = default;

void NameServer::add(const std::string& name, const std::string& address) {
  std::array<char, 16> bytes{};
  const bool ipv6 = address.find(':') != address.npos;
  if (::inet_pton(ipv6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1) {
    throw std::runtime_error{address};
  }
  zone_[name].push_back(
      {ipv6 ? type_aaaa : type_a, std::string{bytes.data(), ipv6 ? std::size_t{16} : 4}});
}

void NameServer::add_alias(const std::string& name, const std::string& target) {
  zone_[name].push_back({type_cname, encoded(target)});
  for (const Record& record : zone_.at(target)) zone_[name].push_back(record);
}

std::string NameServer::answer_of_zone(const Query& query) const {
  const auto found = zone_.find(query.name);
  if (found == zone_.end()) return reply(query, no_such_name);
  std::vector<Record> records;
  for (const Record& record : found->second) {
    if (record.type == query.type || record.type == type_cname) records.push_back(record);
  }
  return reply(query, 0, records);
}

std::string NameServer::reply(const Query& query, std::uint8_t rcode,
                              const std::vector<Record>& records, bool truncated) {
  std::string packet = query.packet.substr(0, 2);
  packet += static_cast<char>(truncated ? 0x87 : 0x85);  // answer, authoritative, recursion desired
  packet += static_cast<char>(0x80 | rcode);
  append16(packet, 1);
  append16(packet, records.size());
  append16(packet, 0);
  append16(packet, 0);
  packet += query.packet.substr(header_size, end_of_question(query.packet) - header_size);
  std::string owner{"\xc0\x0c", 2};  // the name in the question
  for (const Record& record : records) {
    packet += owner;
    append16(packet, record.type);
    append16(packet, 1);
    packet += std::string{"\0\0\0\x3c", 4};
    append16(packet, record.data.size());
    // The records after an alias belong to its target.
    if (record.type == type_cname) owner = record.data;
    packet += record.data;
  }
  return packet;
}

void NameServer::send(const Query& query, const std::string& packet) {
  Endpoint to = query.from;
  std::string copy = packet;
  MutableBytes part = std::as_writable_bytes(std::span{copy});
  Message message{.address = &to, .parts = {&part, 1}};
  // The client may have closed; the system reports that on the next call.
  (void)kernel().net().send(udp_.fd(), {&message, 1});
}

std::size_t NameServer::count(const std::string& name) const {
  return static_cast<std::size_t>(std::count_if(
      queries.begin(), queries.end(), [&](const Query& query) { return query.name == name; }));
}

void NameServer::on_ready(Ready) {
  for (int packets = 0; packets < 256; ++packets) {
    std::array<std::byte, 2048> room;
    MutableBytes part{room};
    Query query;
    Message message{.address = &query.from, .parts = {&part, 1}};
    if (kernel().net().receive(udp_.fd(), {&message, 1}) != 1) return;
    if (message.size <= header_size) continue;  // no query
    const Endpoint from = query.from;
    query = parse({reinterpret_cast<const char*>(room.data()), message.size});
    query.from = from;
    const auto reply = answer(query);
    if (reply) send(query, *reply);
  }
}

void NameServer::accept() {
  while (auto client = tcp_.accept()) {
    clients_.push_back(std::make_unique<Client>(*this, std::move(client->socket)));
  }
}

std::optional<std::string> NameServer::answer(Query query) {
  queries.push_back(query);
  return policy(query);
}

NameServer::Query NameServer::parse(const std::string& packet) {
  Query query;
  query.packet = packet;
  for (std::size_t at = header_size; packet.at(at) != 0;) {
    const auto size = static_cast<unsigned char>(packet.at(at));
    if (!query.name.empty()) query.name += '.';
    query.name += packet.substr(at + 1, size);
    at += size + 1U;
  }
  for (char& c : query.name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  query.type = read16(packet, end_of_question(packet) - 4);
  return query;
}

}  // namespace rondo::test
