// SPDX-License-Identifier: MIT
// Passes the calls of a Reconnector on to a TextStream, which it makes at the first call of each
// connection: on_open, or on_close of an attempt that failed.
#include <rondo/text_reconnector.h>

#include <utility>

#include <rondo/reactor.h>

namespace rondo {

TextReconnector::TextReconnector(Reactor& reactor, std::string target, TextHandler& handler,
                                 const TextOptions& options, const ReconnectOptions& reconnect)
    : reactor_(reactor),
      handler_(handler),
      options_(options),
      reconnector_(reactor, std::move(target), *this, reconnect) {}

TextReconnector::~TextReconnector() = default;

TextStream* TextReconnector::text() noexcept {
  detail::check_thread(reactor_, "TextReconnector::text");
  return text_ && !text_->is_closed() ? &*text_ : nullptr;
}

StreamHandler& TextReconnector::text_of(Stream& stream) {
  if (!text_ || text_->is_closed()) text_.emplace(stream, handler_, options_);
  return *text_;
}

}  // namespace rondo
