// SPDX-License-Identifier: MIT
#include "function_handler.h"

#include <utility>

#include "callbacks.h"

namespace rondo::detail {
namespace {

/// A function may destroy the stream: a Call keeps the function until it has returned.
class FunctionHandler final : public StreamHandler, public Retirable<FunctionHandler> {
 public:
  explicit FunctionHandler(StreamFunctions functions) noexcept : to_(std::move(functions)) {}

  void on_open(Stream& stream) override { run(to_.on_open, stream); }
  void on_data(Stream& stream, Bytes data) override { run(to_.on_data, stream, data); }
  void on_end(Stream& stream) override {
    to_.on_end ? run(to_.on_end, stream) : StreamHandler::on_end(stream);
  }
  void on_writable(Stream& stream) override { run(to_.on_writable, stream); }
  void on_close(Stream& stream, const Close& why) override { run(to_.on_close, stream, why); }

  void close() noexcept {}

 private:
  template <typename F, typename... Arguments>
  void run(F& function, Arguments&&... arguments) {
    if (!function) return;
    const Call call{*this};
    function(std::forward<Arguments>(arguments)...);
  }

  StreamFunctions to_;
};

}  // namespace

OwnedHandler handler_that_calls(StreamFunctions functions) {
  return OwnedHandler{new FunctionHandler{std::move(functions)}};
}

void RetireHandler::operator()(StreamHandler* handler) const noexcept {
  static_cast<FunctionHandler*>(handler)->retire();
}

}  // namespace rondo::detail
