// SPDX-License-Identifier: MIT
// How a request gets to its command. Requests that arrive whole are executed where they lie, in the
// reactor's buffer. What is incomplete at the end of the input is kept; what arrives then is
// appended to it, and executed there.
//
// A client that does not read its replies is not read from either, by the stream. What it had sent
// before is executed as far as the stream's high-water mark, and then kept until the replies leave.
#include "client.h"

#include <algorithm>
#include <utility>

#include "commands.h"

namespace cache {
namespace {

std::string_view text_of(rondo::Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Client::~Client() {
  --service_.clients;
  if (is_subscribed()) service_.channels.leave(*extra_->subscriber);
}

void Client::on_data(rondo::Stream& stream, rondo::Bytes data) {
  const std::string_view input = text_of(data);
  if (extra_ != nullptr && extra_->kept != nullptr) [[unlikely]] {
    extra_->kept->append(input);
    if (!extra_->waits) run_kept(stream);
    return;
  }
  Request& request = service_.request;
  request.clear();  // if the call before has thrown, something is left
  const std::string_view rest = run(stream, input, request);
  if (!rest.empty()) [[unlikely]] {
    extra().kept = std::make_unique<Kept>();
    Kept& kept = *extra_->kept;
    kept.bytes.assign(rest.begin(), rest.end());
    std::swap(kept.request, request);
    kept.request.moved(rest.data(), kept.bytes.data());
  }
}

void Client::on_writable(rondo::Stream& stream) {
  if (extra_ == nullptr || !extra_->waits) return;
  extra_->waits = false;
  if (extra_->kept != nullptr) run_kept(stream);
}

void Client::run_kept(rondo::Stream& stream) {
  Kept& kept = *extra_->kept;
  const std::string_view rest = run(stream, {kept.bytes.data(), kept.bytes.size()}, kept.request);
  if (rest.empty()) {
    extra_->kept.reset();
  } else if (rest.size() < kept.bytes.size()) {
    std::vector<char> bytes{rest.begin(), rest.end()};
    kept.request.moved(rest.data(), bytes.data());
    kept.bytes = std::move(bytes);
  } else if (kept.size() > kept_max) {
    stream.abort();
  }
}

/// Executes the requests of `input`, and returns what is left: the beginning of one, which was
/// parsed as far as it goes, or all that follow if the client is slow.
std::string_view Client::run(rondo::Stream& stream, std::string_view input, Request& request) {
  service_.keep_time();
  Reply reply{stream, service_.replies};
  Call call{service_, *this, stream, reply};
  while (!input.empty() && !call.closes && !reply.is_slow()) {
    const Progress progress = request.parse(input);
    if (progress == Progress::incomplete) break;
    if (progress == Progress::malformed) {
      reply.error(request.error());
      call.closes = true;
      break;
    }
    call.args = request.args();
    if (!call.args.empty()) [[likely]]
      execute(call);
    input.remove_prefix(request.size());
    request.clear();
  }
  if (reply.is_slow()) [[unlikely]]
    extra().waits = true;
  reply.flush();
  service_.sweep_if_needed();
  if (!call.closes) return input;
  stream.close();
  return {};
}

void Client::Kept::append(std::string_view more) {
  if (bytes.capacity() - bytes.size() < more.size()) {
    std::vector<char> larger;
    larger.reserve(std::max(bytes.size() * 2, bytes.size() + more.size()));
    larger = bytes;
    request.moved(bytes.data(), larger.data());
    bytes.swap(larger);
  }
  bytes.insert(bytes.end(), more.begin(), more.end());
}

std::size_t Client::Kept::size() const noexcept {
  return bytes.size() + request.args().size() * sizeof(std::string_view);
}

Client::Extra& Client::extra() {
  if (extra_ == nullptr) extra_ = std::make_unique<Extra>();
  return *extra_;
}

std::string_view Client::name() const noexcept {
  return extra_ == nullptr ? std::string_view{} : extra_->name;
}

void Client::set_name(std::string_view name) { extra().name = name; }

Subscriber& Client::subscriber(rondo::Stream& stream) {
  std::unique_ptr<Subscriber>& subscriber = extra().subscriber;
  if (subscriber == nullptr) subscriber = std::make_unique<Subscriber>(stream);
  return *subscriber;
}

void Client::forget_subscriber_without_names() noexcept {
  if (is_subscribed() && extra_->subscriber->count() == 0) extra_->subscriber.reset();
}

}  // namespace cache
