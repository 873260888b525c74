// SPDX-License-Identifier: MIT
// A Net that forwards to another, except for the call that must fail.
#pragma once

#include <algorithm>
#include <limits>

#include "inject/injection.h"
#include "support/intercepting_net.h"

namespace rondo::test {

class InjectingNet final : public InterceptingNet {
 public:
  InjectingNet(Net& inner, Injector& injector, Below below) noexcept
      : InterceptingNet(inner, below), injector_(injector) {}

  std::ptrdiff_t write(Bytes data, int fd) noexcept override {
    return InterceptingNet::write(data.first(std::min(data.size(), write_max_)), fd);
  }

  /// From now on a write() takes at most this number of bytes.
  void set_write_max(std::size_t size) noexcept { write_max_ = size; }

 private:
  int next(Call call) noexcept override { return injector_.next(call); }

  Injector& injector_;
  std::size_t write_max_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace rondo::test
