// The public side of the reactor, its watches and work guards. The implementation is in loop.cpp.
#include <rondo/reactor.h>

#include <string>
#include <utility>

#include "loop.h"

namespace rondo {
namespace {

/// Before 1.0 a new minor version may change the layout of what the headers describe.
bool fits(std::uint32_t headers) noexcept { return headers >> 8U == headers_version >> 8U; }

std::string version_text(std::uint32_t version) {
  return std::to_string(version >> 16U) + '.' + std::to_string(version >> 8U & 0xffU) + '.' +
         std::to_string(version & 0xffU);
}

Result<std::unique_ptr<detail::Loop>, Error> make_loop(std::unique_ptr<Backend> backend,
                                                       HostedBackend* hosted,
                                                       const ReactorOptions& options) {
  if (!fits(options.headers)) {
    return Error{std::make_error_code(std::errc::not_supported),
                 "use rondo " + version_text(headers_version) +
                     " in a program compiled for rondo " + version_text(options.headers)};
  }
  return std::make_unique<detail::Loop>(std::move(backend), hosted, options);
}

Result<std::unique_ptr<detail::Loop>, Error> make_loop(const ReactorOptions& options) {
  auto backend = make_backend(options.backend);
  if (!backend) return std::move(backend).error();
  return make_loop(std::move(*backend), nullptr, options);
}

}  // namespace

Result<Reactor, Error> Reactor::make(const ReactorOptions& options) {
  auto loop = make_loop(options);
  if (!loop) return std::move(loop).error();
  return Reactor{std::move(*loop)};
}

Reactor::Reactor(const ReactorOptions& options)
    : loop_(detail::value_or_throw(make_loop(options))) {}

Reactor::Reactor(std::string_view backend) : Reactor(ReactorOptions{.backend = backend}) {}

Reactor::Reactor(std::unique_ptr<Backend> backend, const ReactorOptions& options)
    : loop_(detail::value_or_throw(make_loop(std::move(backend), nullptr, options))) {}

Reactor::Reactor(std::unique_ptr<HostedBackend> backend, const ReactorOptions& options) {
  HostedBackend* const hosted = backend.get();
  loop_ = detail::value_or_throw(make_loop(std::move(backend), hosted, options));
}

Reactor::Reactor(std::unique_ptr<detail::Loop> loop) noexcept : loop_(std::move(loop)) {}
Reactor::Reactor(Reactor&& other) noexcept = default;
Reactor::~Reactor() {
  // Before the reactor is destroyed, since work that is destroyed without running may use it.
  if (loop_ != nullptr) loop_->discard_work();
}

Result<Watch> Reactor::watch(int fd, Ready interest, Handler& handler) noexcept {
  const Result<Token> token = loop_->watch(fd, interest, handler);
  if (!token) return token.error();
  return Watch{*loop_, *token};
}

void Reactor::defer(Function<void()> work) { loop_->defer(std::move(work)); }
void Reactor::post(Function<void()> work) { loop_->post(std::move(work)); }
bool Reactor::try_post(Function<void()>& work) { return loop_->try_post(work); }

std::error_code Reactor::run() { return loop_->run_until(never); }
std::error_code Reactor::run_for(Duration duration) {
  return loop_->run_until(after(loop_->clock(), duration));
}
std::error_code Reactor::run_once(Duration wait_max) { return loop_->run_once(wait_max); }

void Reactor::stop() noexcept { loop_->stop(); }
bool Reactor::alive() const noexcept { return loop_->alive(); }

WorkGuard Reactor::work_guard() noexcept {
  loop_->add_work_guard();
  return WorkGuard{*loop_};
}

TimePoint Reactor::now() noexcept { return loop_->now(); }

void Reactor::set_exception_handler(Function<void(std::exception_ptr)> hook) noexcept {
  loop_->set_exception_handler(std::move(hook));
}

Net& Reactor::net() noexcept { return loop_->backend().net(); }
Backend& Reactor::backend() noexcept { return loop_->backend(); }

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
  RONDO_ASSERT(loop_ != nullptr);
  loop_->set(token_, interest);
}

void Watch::set_handler(Handler& handler) noexcept {
  RONDO_ASSERT(loop_ != nullptr);
  loop_->set_handler(token_, handler);
}

Ready Watch::interest() const noexcept {
  return loop_ == nullptr ? Ready::none : loop_->interest(token_);
}

void Watch::ref() noexcept {
  RONDO_ASSERT(loop_ != nullptr);
  loop_->set_referenced(token_, true);
}

void Watch::unref() noexcept {
  RONDO_ASSERT(loop_ != nullptr);
  loop_->set_referenced(token_, false);
}

int Watch::fd() const noexcept {
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
