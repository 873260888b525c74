// SPDX-License-Identifier: MIT
// echo: what both handler styles begin with.
#pragma once

#include <optional>
#include <utility>

#include <rondo/acceptor.h>

#include "service.h"

namespace echo {

/// A service that gets the socket of each client.
class AcceptingService : public Service {
 protected:
  rondo::Result<void> accept_on(rondo::Reactor& reactor, const rondo::Endpoint& endpoint,
                                rondo::Acceptor::OnAccept admit) {
    auto acceptor = rondo::Acceptor::make(reactor, endpoint, std::move(admit));
    if (!acceptor) return std::move(acceptor).error();
    acceptor_.emplace(std::move(*acceptor));
    local = acceptor_->local_endpoint();
    return {};
  }

 private:
  std::optional<rondo::Acceptor> acceptor_;
};

}  // namespace echo
