// SPDX-License-Identifier: MIT
#include <rondo/disconnected.h>

#include "stream/stream_impl.h"

namespace rondo {
namespace {

std::error_code code_of(const Close& close) noexcept {
  if (close.error) return close.error;
  switch (close.reason) {
    case CloseReason::reset:
      return std::make_error_code(std::errc::connection_reset);
    case CloseReason::timed_out:
      return std::make_error_code(std::errc::timed_out);
    case CloseReason::overflow:
      return std::make_error_code(std::errc::no_buffer_space);
    case CloseReason::aborted:
      return std::make_error_code(std::errc::connection_aborted);
    default:
      return std::make_error_code(std::errc::not_connected);
  }
}

std::string with(const std::string& operation, std::string_view what) {
  if (operation.empty()) return std::string{what};
  return what.empty() ? operation : operation + ": " + std::string{what};
}

}  // namespace

Disconnected::Disconnected(const Stream& stream, const Close& close, const std::string& operation)
    : std::system_error(code_of(close), with(operation, close.what)),
      stream_(&stream),
      reason_(close.reason) {
  if (detail::has_reason_of_layer(close)) reason_of_layer_ = with(operation, close.what);
}

Disconnected::~Disconnected() = default;

const char* Disconnected::what() const noexcept {
  return reason_of_layer_.empty() ? std::system_error::what() : reason_of_layer_.c_str();
}

IncompleteRead::IncompleteRead(const Stream& stream, const Close& close,
                               const std::string& operation, std::string_view part)
    : Disconnected(
          stream, close,
          operation + ": the input has ended after " + std::to_string(part.size()) + " bytes"),
      part_(part) {}

IncompleteRead::~IncompleteRead() = default;

}  // namespace rondo
