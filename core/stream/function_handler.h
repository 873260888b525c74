// SPDX-License-Identifier: MIT
// A StreamHandler that calls functions, and belongs to its stream.
#pragma once

#include <memory>

#include <rondo/stream.h>

namespace rondo::detail {

/// Its class stays in function_handler.cpp: where a compiler sees it, it guesses that a stream's
/// handler is one of these and writes its on_data() into the reading of every stream, which costs
/// 20 instructions for each message of the others.
struct RetireHandler {
  void operator()(StreamHandler* handler) const noexcept;
};
using OwnedHandler = std::unique_ptr<StreamHandler, RetireHandler>;

[[nodiscard]] OwnedHandler handler_that_calls(StreamFunctions functions);

}  // namespace rondo::detail
