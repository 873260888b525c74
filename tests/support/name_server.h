// SPDX-License-Identifier: MIT
// A small name server for tests: UDP and TCP on one loopback port, which the system chooses, in the
// reactor of the test. It does not keep run() from returning.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <rondo/reactor.h>
#include <rondo/socket.h>

namespace rondo::test {

class NameServer final : private Handler {
 public:
  static constexpr std::uint16_t type_a = 1;
  static constexpr std::uint16_t type_cname = 5;
  static constexpr std::uint16_t type_aaaa = 28;
  static constexpr std::uint8_t no_such_name = 3;  // RCODE

  struct Query {
    std::string name;  ///< lower case, without a dot at the end
    std::uint16_t type = 0;
    bool tcp = false;
    Endpoint from;
    std::string packet;
  };
  struct Record {
    std::uint16_t type;
    std::string data;  ///< as in the packet
  };
  /// The packet to send back, or nothing.
  using Policy = std::function<std::optional<std::string>(const Query&)>;

  explicit NameServer(Reactor& reactor);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;
  ~NameServer();

  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }

  /// `address` is numeric, of either family.
  void add(const std::string& name, const std::string& address);
  void add_alias(const std::string& name, const std::string& target);

  /// The answer of the records that were added; NXDOMAIN for other names.
  [[nodiscard]] std::string answer_of_zone(const Query& query) const;
  [[nodiscard]] static std::string reply(const Query& query, std::uint8_t rcode,
                                         const std::vector<Record>& records = {},
                                         bool truncated = false);
  /// Over UDP.
  void send(const Query& query, const std::string& packet);

  Policy policy;               ///< by default answer_of_zone()
  std::vector<Query> queries;  ///< all that have arrived
  std::size_t count(const std::string& name) const;

 private:
  class Client;

  void on_ready(Ready ready) override;
  void accept();
  [[nodiscard]] std::optional<std::string> answer(Query query);
  [[nodiscard]] static Query parse(const std::string& packet);

  Reactor& reactor_;
  std::map<std::string, std::vector<Record>> zone_;
  Endpoint endpoint_;
  Socket udp_;
  Socket tcp_;
  std::unique_ptr<Handler, void (*)(Handler*)> acceptor_{nullptr, nullptr};
  std::vector<std::unique_ptr<Client>> clients_;
  Watch udp_watch_;
  Watch tcp_watch_;
};

}  // namespace rondo::test
