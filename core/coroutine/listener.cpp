// SPDX-License-Identifier: MIT
// The Acceptor is paused when its callback begins, and resumed when a task waits again, which may
// be inside of that callback. So it accepts exactly what a task takes, nothing is kept for later,
// and a task that accepts one after the other gets a batch of them in one turn.
#include <rondo/listener.h>

#include <optional>
#include <system_error>
#include <utility>

#include <rondo/reactor.h>

namespace rondo {

class Listener::Impl {
 public:
  Acceptor::OnAccept on_accept() {
    return [this](Socket client, const Endpoint& peer) {
      acceptor_->pause();
      accepted_.emplace(Socket::Accepted{std::move(client), peer});
      place_.resume();
    };
  }
  void start(Acceptor acceptor) {
    acceptor_.emplace(std::move(acceptor));
    acceptor_->pause();
    acceptor_->set_error_handler([this](std::error_code error) {
      error_ = error;
      place_.resume();
    });
  }

  [[nodiscard]] const Acceptor& acceptor() const noexcept { return *acceptor_; }
  [[nodiscard]] detail::WaitPlace& place() noexcept { return place_; }
  [[nodiscard]] bool has_some() const noexcept { return accepted_.has_value() || error_; }
  void resume() noexcept { acceptor_->resume(); }
  void pause() noexcept { acceptor_->pause(); }
  [[nodiscard]] Socket::Accepted take() {
    if (!accepted_) {
      throw std::system_error(std::exchange(error_, {}),
                              "accept on " + acceptor_->local_endpoint().to_string());
    }
    Socket::Accepted accepted = std::move(*accepted_);
    accepted_.reset();
    return accepted;
  }

 private:
  std::optional<Acceptor> acceptor_;
  std::optional<Socket::Accepted> accepted_;  // on its way to a task
  std::error_code error_;                     // what has failed, until accept() throws it
  detail::WaitPlace place_{"Listener::accept"};
};

Listener::Listener(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Listener::Listener(Listener&& other) noexcept = default;
Listener::~Listener() = default;

Result<Listener> Listener::make(Reactor& reactor, const Endpoint& local,
                                const AcceptorOptions& options) {
  auto impl = std::make_unique<Impl>();
  auto acceptor = Acceptor::make(reactor, local, impl->on_accept(), options);
  if (!acceptor) return std::move(acceptor).error();
  impl->start(std::move(*acceptor));
  return Listener{std::move(impl)};
}

Result<Listener> Listener::adopt(Reactor& reactor, Socket listener, const AcceptLimits& limits) {
  auto impl = std::make_unique<Impl>();
  auto acceptor = Acceptor::adopt(reactor, std::move(listener), impl->on_accept(), limits);
  if (!acceptor) return std::move(acceptor).error();
  impl->start(std::move(*acceptor));
  return Listener{std::move(impl)};
}

const Endpoint& Listener::local_endpoint() const noexcept {
  return impl_->acceptor().local_endpoint();
}
const Acceptor& Listener::acceptor() const noexcept { return impl_->acceptor(); }

bool Listener::Accept::await_ready() const noexcept { return impl_.has_some(); }

void Listener::Accept::suspend(detail::TaskPromise& task) noexcept {
  suspend_at(impl_.place(), task);
  impl_.resume();
}

Socket::Accepted Listener::Accept::await_resume() { return impl_.take(); }

Listener::Accept::~Accept() {
  if (is_waiting()) impl_.pause();
}

}  // namespace rondo
