// SPDX-License-Identifier: MIT
// One stream after the other. An ended stream is kept until the pause is over, since the pause
// begins inside its on_close. The user may destroy the Reconnector in each callback, so the call of
// the user's handler is the last statement of each function here.
#include <rondo/reconnector.h>

#include <utility>

#include <rondo/reactor.h>

namespace rondo {

Reconnector::Reconnector(Reactor& reactor, std::string target, StreamHandler& handler,
                         const ReconnectOptions& options)
    : reactor_((detail::check_thread(reactor, "Reconnector's constructor"), reactor)),
      target_(std::move(target)),
      handler_(handler),
      options_(options.connect),
      backoff_(options.backoff),
      stable_after_(options.stable_after),
      pause_(reactor, [this] { begin(); }) {
  begin();
}

Reconnector::~Reconnector() { detail::check_thread(reactor_, "the destructor of Reconnector"); }

/// If there is no memory for a stream, it pauses again.
void Reconnector::begin() try {
  stream_ = connect(reactor_, target_, *this, options_);
  ended_ = false;
  opened_at_ = never;
} catch (...) {
  pause();
  throw;
}

void Reconnector::pause() { pause_.arm_after(backoff_.next()); }

Stream* Reconnector::stream() const noexcept {
  detail::check_thread(reactor_, "Reconnector::stream");
  return ended_ ? nullptr : stream_.get();
}

std::uint64_t Reconnector::connects() const noexcept {
  detail::check_thread(reactor_, "Reconnector::connects");
  return connects_;
}

void Reconnector::stop() {
  detail::check_thread(reactor_, "Reconnector::stop");
  stopped_ = true;
  pause_.cancel();
  if (!ended_) stream_->close();
}

void Reconnector::on_open(Stream& stream) {
  ++connects_;
  opened_at_ = reactor_.now();
  handler_.on_open(stream);
}

void Reconnector::on_close(Stream& stream, const Close& why) {
  ended_ = true;
  if (opened_at_ != never && reactor_.now() - opened_at_ >= stable_after_) backoff_.reset();
  if (!stopped_) pause();
  handler_.on_close(stream, why);
}

}  // namespace rondo
