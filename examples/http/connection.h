// SPDX-License-Identifier: MIT
// One client: its requests, one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <rondo/endpoint.h>
#include <rondo/reactor.h>
#include <rondo/server.h>
#include <rondo/timer.h>

#include "answer.h"
#include "body.h"
#include "live.h"
#include "request.h"
#include "site.h"

namespace http {

/// What all connections share.
struct Service {
  Service(rondo::Reactor& of_all, const Limits& of_each, Log* log)
      : reactor(of_all), limits(of_each), press(of_all, log), live(of_all, press.counters) {}

  rondo::Reactor& reactor;
  const Limits limits;
  Site site;
  Press press;
  Live live;
  Request request;  // the one that is being answered
};

class Connection final : public rondo::Session {
 public:
  Connection(const rondo::Endpoint& peer, Service& service);
  ~Connection() override;

  void on_data(rondo::Stream& client, rondo::Bytes data) override;
  void on_writable(rondo::Stream& client) override;
  void on_drain(rondo::Stream& client) override;
  void on_close(rondo::Stream& client, const rondo::Close& why) override;

 private:
  struct Partial;

  [[nodiscard]] std::string_view answer_all(rondo::Stream& client, std::string_view input);
  [[nodiscard]] std::string_view begin_body(rondo::Stream& client, std::string_view head,
                                            std::string_view input);
  void go_on(rondo::Stream& client, std::string_view input);
  [[nodiscard]] std::string_view go_on_with_body(rondo::Stream& client, std::string_view input);
  void keep(rondo::Stream& client, std::string_view rest);
  void answer(rondo::Stream& client);
  void refuse(rondo::Stream& client, const Request& request, int status);
  [[nodiscard]] std::string_view peer() const noexcept {
    return peer_ == nullptr ? std::string_view{} : *peer_;
  }
  void time_out(rondo::Stream& client);

  Service& service_;
  std::unique_ptr<Partial> partial_;         // a request that is not whole, or waits
  std::unique_ptr<const std::string> peer_;  // for the log; null: there is none
  std::uint32_t requests_ = 0;
  bool is_over_ = false;    // the last answer was given: what still arrives is dropped
  bool is_stream_ = false;  // and this answer has no end
  bool is_full_ = false;    // the client does not read its answers: requests wait
  bool closes_ = false;     // the next answer is the last one
};

}  // namespace http
