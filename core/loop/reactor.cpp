// SPDX-License-Identifier: MIT
// The public side of the reactor, its watches and work guards. The implementation is in loop.cpp.
#include <rondo/reactor.h>

#include <string>
#include <utility>

#include "loop.h"

namespace rondo {
namespace {

Result<std::unique_ptr<detail::Loop>> make_loop(const ReactorOptions& options) {
  auto backend = make_backend(options.backend);
  if (!backend) return std::move(backend).error();
  return std::make_unique<detail::Loop>(std::move(*backend), nullptr, options);
}

/// The outcome of a run: only a failed one allocates.
Result<void> outcome(std::error_code error) {
  if (!error) return {};
  return Error{error, "run the reactor"};
}

}  // namespace

Result<std::unique_ptr<Reactor>> Reactor::make(const ReactorOptions& options) {
  auto loop = make_loop(options);
  if (!loop) return std::move(loop).error();
  return std::unique_ptr<Reactor>{new Reactor{std::move(*loop)}};
}

Reactor::Reactor(const ReactorOptions& options) : Reactor(make_loop(options).value_or_throw()) {}

Reactor::Reactor(std::string_view backend) : Reactor(ReactorOptions{.backend = backend}) {}

Reactor::Reactor(std::unique_ptr<Backend> backend, const ReactorOptions& options)
    : Reactor(std::make_unique<detail::Loop>(std::move(backend), nullptr, options)) {}

Reactor::Reactor(std::unique_ptr<HostedBackend> backend, const ReactorOptions& options) {
  HostedBackend* const hosted = backend.get();
  loop_ = std::make_unique<detail::Loop>(std::move(backend), hosted, options);
}

Reactor::Reactor(std::unique_ptr<detail::Loop> loop) noexcept : loop_(std::move(loop)) {}

Reactor::~Reactor() { loop_->close(); }

Result<Watch, std::error_code> detail::watch(Reactor& reactor, int fd, Ready interest,
                                             Handler& handler, Maker maker) noexcept {
  const auto token = reactor.loop_->watch(fd, interest, handler, maker);
  if (!token) return token.error();
  return Watch{*reactor.loop_, *token};
}

Result<Watch> Reactor::watch(int fd, Ready interest, Handler& handler) {
  auto watch = detail::watch(*this, fd, interest, handler);
  if (!watch) return Error{watch.error(), "watch descriptor " + std::to_string(fd)};
  return std::move(*watch);
}

void Reactor::defer(Function<void()> work) { loop_->defer(std::move(work)); }
void Reactor::post(Function<void()> work) { loop_->post(std::move(work)); }
bool Reactor::try_post(Function<void()>& work) { return loop_->try_post(work); }

Result<void> Reactor::run() { return outcome(loop_->run_until(never)); }
void detail::check_thread([[maybe_unused]] const Reactor& reactor,
                          [[maybe_unused]] const char* call) noexcept {
  reactor.loop_->check_thread(call);
}

Result<void> Reactor::run_for(Duration duration) {
  return outcome(loop_->run_until(after(loop_->clock(), duration)));
}
Result<void> Reactor::run_once(Duration wait_max) { return outcome(loop_->run_once(wait_max)); }

void Reactor::stop() noexcept { loop_->stop(); }
bool Reactor::alive() const noexcept {
  loop_->check_thread("Reactor::alive");
  return loop_->alive();
}

Result<int> Reactor::poll_fd() const {
  loop_->check_thread("Reactor::poll_fd");
  const int fd = loop_->poll_fd();
  if (fd >= 0) return fd;
  return Error{std::make_error_code(std::errc::operation_not_supported),
               "get a descriptor to nest this reactor by"};
}

TimePoint Reactor::next_deadline() noexcept {
  loop_->check_thread("Reactor::next_deadline");
  return loop_->next_deadline();
}

WorkGuard Reactor::work_guard() noexcept {
  loop_->add_work_guard();
  return WorkGuard{*loop_};
}

TimePoint Reactor::now() noexcept {
  loop_->check_thread("Reactor::now");
  return loop_->now();
}

void Reactor::set_exception_handler(Function<void(std::exception_ptr)> handler) noexcept {
  loop_->check_thread("Reactor::set_exception_handler");
  loop_->set_exception_handler(std::move(handler));
}

Net& Reactor::net() noexcept { return loop_->backend().net(); }
Backend& Reactor::backend() noexcept { return loop_->backend(); }

Token detail::take_token(Watch watch) noexcept {
  watch.loop_ = nullptr;
  return watch.token_;
}

Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), token_(other.token_) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    cancel();
    loop_ = std::exchange(other.loop_, nullptr);
    token_ = other.token_;
  }
  return *this;
}

Watch::~Watch() { cancel(); }

void Watch::cancel() noexcept {
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->unwatch(token_);
}

void Watch::set(Ready interest) noexcept {
  RONDO_REQUIRE(loop_ != nullptr, "Watch::set", detail::moved_from);
  loop_->set(token_, interest);
}

void Watch::set_handler(Handler& handler) noexcept {
  RONDO_REQUIRE(loop_ != nullptr, "Watch::set_handler", detail::moved_from);
  loop_->set_handler(token_, handler);
}

Ready Watch::interest() const noexcept {
  if (loop_ == nullptr) return Ready::none;
  loop_->check_thread("Watch::interest");
  return loop_->interest(token_);
}

Watch::operator bool() const noexcept {
  if (loop_ != nullptr) loop_->check_thread("Watch::operator bool");
  return loop_ != nullptr;
}

void Watch::ref() noexcept {
  RONDO_REQUIRE(loop_ != nullptr, "Watch::ref", detail::moved_from);
  loop_->set_referenced(token_, true);
}

void Watch::unref() noexcept {
  RONDO_REQUIRE(loop_ != nullptr, "Watch::unref", detail::moved_from);
  loop_->set_referenced(token_, false);
}

int Watch::fd() const noexcept {
  if (loop_ != nullptr) loop_->check_thread("Watch::fd");
  return loop_ == nullptr ? -1 : detail::WatchTable::descriptor(token_);
}

WorkGuard::WorkGuard(WorkGuard&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)) {}

WorkGuard& WorkGuard::operator=(WorkGuard&& other) noexcept {
  if (this != &other) {
    if (loop_ != nullptr) loop_->remove_work_guard();
    loop_ = std::exchange(other.loop_, nullptr);
  }
  return *this;
}

WorkGuard::~WorkGuard() {
  if (loop_ != nullptr) loop_->remove_work_guard();
}

}  // namespace rondo
