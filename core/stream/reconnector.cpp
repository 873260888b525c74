// One stream after the other. An ended stream is kept until the pause is over, since it is inside
// its own on_close that the pause begins.
#include <rondo/reconnector.h>

#include <utility>

#include <rondo/reactor.h>

namespace rondo {

Reconnector::Reconnector(Reactor& reactor, std::string target, StreamHandler& handler,
                         const ReconnectOptions& options)
    : reactor_(reactor),
      target_(std::move(target)),
      handler_(handler),
      options_(options.connect),
      backoff_(options.backoff),
      pause_(reactor, [this] { begin(); }) {
  begin();
}

Reconnector::~Reconnector() = default;

/// For want of memory the pause is a longer one.
void Reconnector::begin() try {
  stream_ = connect(reactor_, target_, *this, options_);
  ended_ = false;
} catch (...) {
  pause_.arm_after(backoff_.next());
  throw;
}

void Reconnector::stop() {
  stopped_ = true;
  pause_.cancel();
  if (!ended_) stream_->close();
}

void Reconnector::on_open(Stream& stream) {
  ++connects_;
  backoff_.reset();
  handler_.on_open(stream);
}

void Reconnector::on_close(Stream& stream, const Close& why) {
  ended_ = true;
  if (!stopped_) pause_.arm_after(backoff_.next());
  handler_.on_close(stream, why);
}

}  // namespace rondo
