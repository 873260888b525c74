// SPDX-License-Identifier: MIT
// A Net that forwards each call to another, except for those that a test lets fail.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <rondo/assert.h>

#include "support/intercepting_net.h"

namespace rondo::test {

class FailingNet : public InterceptingNet {
 public:
  explicit FailingNet(Net& inner) : InterceptingNet(inner) {}

  /// After `skip` more calls of that name, the next `times` fail with `error` without being made.
  void fail(std::string_view call, int error, int times = 1, int skip = 0) {
    plans_[index_of(call)] = {error, times, skip};
  }
  /// The number of these calls so far, the failed ones included.
  [[nodiscard]] int calls(std::string_view call) const { return calls_[index_of(call)]; }

 private:
  struct Plan {
    int error = 0;
    int times = 0;
    int skip = 0;
  };

  static std::size_t index_of(std::string_view name) {
    std::size_t index = 0;
    while (index < call_count && name_of(static_cast<Call>(index)) != name) ++index;
    RONDO_ASSERT(index < call_count);
    return index;
  }

  int next(Call call) noexcept override {
    const auto index = static_cast<std::size_t>(call);
    ++calls_[index];
    Plan& plan = plans_[index];
    if (plan.times == 0) return 0;
    if (plan.skip > 0) {
      --plan.skip;
      return 0;
    }
    --plan.times;
    return plan.error;
  }

  std::array<Plan, call_count> plans_{};
  std::array<int, call_count> calls_{};
};

}  // namespace rondo::test
