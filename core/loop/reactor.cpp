// The reactor, its watches and holds as their user holds them. How it works is in core.cpp.
#include <rondo/reactor.h>

#include <string>
#include <utility>

#include "core.h"

namespace rondo {
namespace {

/// Before 1.0 a new minor version may change the layout of what the headers describe.
bool fits(std::uint32_t headers) noexcept { return headers >> 8U == headers_version >> 8U; }

std::string version_text(std::uint32_t version) {
  return std::to_string(version >> 16U) + '.' + std::to_string(version >> 8U & 0xffU) + '.' +
         std::to_string(version & 0xffU);
}

Result<std::unique_ptr<detail::Core>, Error> make_core(std::unique_ptr<Backend> backend,
                                                       HostedBackend* hosted,
                                                       const ReactorOptions& options) {
  if (!fits(options.headers)) {
    return Error{std::make_error_code(std::errc::not_supported),
                 "use rondo " + version_text(headers_version) +
                     " in a program compiled for rondo " + version_text(options.headers)};
  }
  return std::make_unique<detail::Core>(std::move(backend), hosted, options);
}

Result<std::unique_ptr<detail::Core>, Error> make_core(const ReactorOptions& options) {
  auto backend = make_backend(options.backend);
  if (!backend) return std::move(backend).error();
  return make_core(std::move(*backend), nullptr, options);
}

}  // namespace

Result<Reactor, Error> Reactor::make(const ReactorOptions& options) {
  auto core = make_core(options);
  if (!core) return std::move(core).error();
  return Reactor{std::move(*core)};
}

Reactor::Reactor(const ReactorOptions& options)
    : core_(detail::value_or_throw(make_core(options))) {}

Reactor::Reactor(std::string_view backend) : Reactor(ReactorOptions{.backend = backend}) {}

Reactor::Reactor(std::unique_ptr<Backend> backend, const ReactorOptions& options)
    : core_(detail::value_or_throw(make_core(std::move(backend), nullptr, options))) {}

Reactor::Reactor(std::unique_ptr<HostedBackend> backend, const ReactorOptions& options) {
  HostedBackend* const hosted = backend.get();
  core_ = detail::value_or_throw(make_core(std::move(backend), hosted, options));
}

Reactor::Reactor(std::unique_ptr<detail::Core> core) noexcept : core_(std::move(core)) {}
Reactor::Reactor(Reactor&& other) noexcept = default;
Reactor::~Reactor() {
  // While there still is a reactor: what is destroyed unrun may use it.
  if (core_ != nullptr) core_->discard_work();
}

Result<Watch> Reactor::watch(int fd, Ready interest, Handler& handler) noexcept {
  const Result<Token> token = core_->watch(fd, interest, handler);
  if (!token) return token.error();
  return Watch{*core_, *token};
}

void Reactor::defer(Function<void()> work) { core_->defer(std::move(work)); }
void Reactor::post(Function<void()> work) { core_->post(std::move(work)); }
bool Reactor::try_post(Function<void()>& work) { return core_->try_post(work); }

std::error_code Reactor::run() { return core_->run_until(never); }
std::error_code Reactor::run_for(Duration duration) {
  return core_->run_until(after(core_->clock(), duration));
}
std::error_code Reactor::run_once(Duration wait_max) { return core_->run_once(wait_max); }

void Reactor::stop() noexcept { core_->stop(); }
bool Reactor::alive() const noexcept { return core_->alive(); }

Hold Reactor::hold() noexcept {
  core_->hold();
  return Hold{*core_};
}

TimePoint Reactor::now() noexcept { return core_->now(); }

void Reactor::on_exception(Function<void(std::exception_ptr)> hook) noexcept {
  core_->on_exception(std::move(hook));
}

Net& Reactor::net() noexcept { return core_->backend().net(); }
Backend& Reactor::backend() noexcept { return core_->backend(); }

Watch::Watch(Watch&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)), token_(other.token_) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    end();
    core_ = std::exchange(other.core_, nullptr);
    token_ = other.token_;
  }
  return *this;
}

Watch::~Watch() { end(); }

void Watch::end() noexcept {
  if (core_ != nullptr) std::exchange(core_, nullptr)->unwatch(token_);
}

void Watch::set(Ready interest) noexcept {
  RONDO_ASSERT(core_ != nullptr);
  core_->set(token_, interest);
}

void Watch::hand_to(Handler& handler) noexcept {
  RONDO_ASSERT(core_ != nullptr);
  core_->hand_to(token_, handler);
}

Ready Watch::interest() const noexcept {
  return core_ == nullptr ? Ready::none : core_->interest(token_);
}

void Watch::ref() noexcept {
  RONDO_ASSERT(core_ != nullptr);
  core_->set_referenced(token_, true);
}

void Watch::unref() noexcept {
  RONDO_ASSERT(core_ != nullptr);
  core_->set_referenced(token_, false);
}

int Watch::fd() const noexcept {
  return core_ == nullptr ? -1 : detail::WatchTable::descriptor(token_);
}

Hold::Hold(Hold&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}

Hold& Hold::operator=(Hold&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) core_->unhold();
    core_ = std::exchange(other.core_, nullptr);
  }
  return *this;
}

Hold::~Hold() {
  if (core_ != nullptr) core_->unhold();
}

}  // namespace rondo
