// SPDX-License-Identifier: MIT
// A handler that counts its calls and then does what the test says.
#pragma once

#include <functional>

#include <rondo/reactor.h>

namespace rondo::test {

class RecordingHandler final : public Handler {
 public:
  RecordingHandler() = default;
  explicit RecordingHandler(std::function<void(Ready)> action) : then(std::move(action)) {}

  void on_ready(Ready ready) override {
    ++calls;
    last = ready;
    seen |= ready;
    if (then) then(ready);
  }

  int calls = 0;
  Ready last = Ready::none;
  Ready seen = Ready::none;
  std::function<void(Ready)> then;
};

}  // namespace rondo::test
