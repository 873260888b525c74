// SPDX-License-Identifier: MIT
// cache: one client, a session of the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/server.h>

#include "channels.h"
#include "request.h"
#include "service.h"

namespace cache {

class Client final : public rondo::Session {
 public:
  explicit Client(Service& service) noexcept : service_(service), id_(++service.clients_ever) {
    ++service.clients;
  }
  ~Client() override;

  void on_data(rondo::Stream& stream, rondo::Bytes data) override;
  void on_writable(rondo::Stream& stream) override;

  [[nodiscard]] std::int64_t id() const noexcept { return id_; }
  [[nodiscard]] std::string_view name() const noexcept;
  void set_name(std::string_view name);

  [[nodiscard]] bool is_subscribed() const noexcept {
    return extra_ != nullptr && extra_->subscriber != nullptr;
  }
  [[nodiscard]] Subscriber& subscriber(rondo::Stream& stream);
  void forget_subscriber_without_names() noexcept;

 private:
  static constexpr std::size_t kept_max = std::size_t{1} << 30U;

  /// Requests that were not executed yet: the last is incomplete, or the client is slow.
  struct Kept {
    std::vector<char> bytes;  // it stays where it is when it is moved, as `request` needs it
    Request request;

    void append(std::string_view more);
    [[nodiscard]] std::size_t size() const noexcept;
  };
  /// What few clients have.
  struct Extra {
    std::string name;
    std::unique_ptr<Subscriber> subscriber;
    std::unique_ptr<Kept> kept;
    bool waits = false;  // until its replies have left
  };

  [[nodiscard]] Extra& extra();
  void run_kept(rondo::Stream& stream);
  [[nodiscard]] std::string_view run(rondo::Stream& stream, std::string_view input,
                                     Request& request);

  Service& service_;
  std::unique_ptr<Extra> extra_;
  std::int64_t id_;
};

}  // namespace cache
