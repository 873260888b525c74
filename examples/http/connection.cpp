// SPDX-License-Identifier: MIT
// The way of a request:
//
//   on_data -> answer_all -> parse_head -> answer -> the site's handler or file
//
// As long as requests arrive whole they are parsed where the stream has received them, and nothing
// is allocated or kept: an idle connection costs no more than this object. The rest of one that
// was cut is kept in a Partial, with the deadline by which the whole must be there.
//
//   Partial without a body   the beginning of a head, or requests that wait for room in the output
//   Partial with a body      the head, which is parsed again when the body is whole
#include <algorithm>
#include <optional>
#include <utility>

#include "connection.h"
#include "parser.h"

namespace http {

struct Connection::Partial {
  Partial(rondo::Reactor& reactor, std::string_view text, rondo::Function<void()> time_out)
      : input(text), deadline(reactor, std::move(time_out)) {}

  std::string input;
  std::optional<Body> body;
  rondo::Timer deadline;
};

Connection::Connection(const rondo::Endpoint& peer, Service& service) : service_(service) {
  if (service.press.log != nullptr) peer_ = std::make_unique<const std::string>(peer.host());
}

Connection::~Connection() = default;

void Connection::on_data(rondo::Stream& client, rondo::Bytes data) {
  if (is_over_) return;
  const std::string_view input = rondo::as_text(data);
  if (partial_ != nullptr) [[unlikely]]
    return go_on(client, input);
  keep(client, answer_all(client, input));
}

/// Answers the requests that are whole. Returns what is left.
std::string_view Connection::answer_all(rondo::Stream& client, std::string_view input) {
  Request& request = service_.request;
  while (!input.empty() && !is_over_ && !is_full_) {
    const Parsed parsed = parse_head(input, service_.limits, request);
    if (parsed.state == Parsed::State::needs_more) return input;
    if (parsed.state == Parsed::State::refused) {
      refuse(client, request, parsed.status);
      break;
    }
    std::string_view rest = input.substr(parsed.size);
    if (request.is_chunked || request.content_length > rest.size()) {
      input = begin_body(client, input.substr(0, parsed.size), rest);
      if (partial_ != nullptr) break;
      continue;
    }
    const auto body_size = static_cast<std::size_t>(request.content_length);
    request.body = rest.substr(0, body_size);
    input = rest.substr(body_size);
    answer(client);
  }
  return is_over_ ? std::string_view{} : input;
}

/// The head is that of service_.request; `input` is what follows. Returns what follows the body.
std::string_view Connection::begin_body(rondo::Stream& client, std::string_view head,
                                        std::string_view input) {
  const Request& request = service_.request;
  if (service_.site.refuses(request)) {
    closes_ = true;  // the body may never come, so the end of the request is not known
    answer(client);
    return {};
  }
  const bool is_awaited = request.expects_continue && input.empty();
  partial_ =
      std::make_unique<Partial>(service_.reactor, head, [this, &client] { time_out(client); });
  partial_->deadline.arm_at(service_.reactor.now() + service_.limits.body_timeout);
  partial_->body.emplace(request, service_.limits);
  if (is_awaited) client.write("HTTP/1.1 100 Continue\r\n\r\n");
  return go_on_with_body(client, input);
}

/// More has arrived behind what is kept.
void Connection::go_on(rondo::Stream& client, std::string_view input) {
  if (partial_->body) {
    const std::string_view rest = go_on_with_body(client, input);
    if (partial_ == nullptr) keep(client, answer_all(client, rest));
    return;
  }
  partial_->input.append(input);
  if (is_full_) return;
  // Only a line that has ended, or is too long, changes anything.
  const bool may_be_long = partial_->input.size() > service_.limits.line_max;
  if (!input.empty() && input.find('\n') == std::string_view::npos && !may_be_long) return;
  std::unique_ptr<Partial> kept = std::move(partial_);
  const std::string_view rest = answer_all(client, kept->input);
  if (rest.size() < kept->input.size()) return keep(client, rest);
  partial_ = std::move(kept);  // nothing was answered: the deadline stays
}

/// Returns what follows the body. If it is not whole, nothing does.
std::string_view Connection::go_on_with_body(rondo::Stream& client, std::string_view input) {
  const std::size_t used = partial_->body->feed(input);
  const bool is_refused = partial_->body->refusal() != 0;
  if (!is_refused && !partial_->body->is_done()) return {};
  const std::unique_ptr<Partial> whole = std::move(partial_);
  Request& request = service_.request;
  // Its head was parsed before, with the same result.
  (void)parse_head(whole->input, service_.limits, request);
  if (is_refused) {
    refuse(client, request, whole->body->refusal());
    return {};
  }
  request.body = whole->body->text();
  answer(client);
  return input.substr(used);
}

void Connection::keep(rondo::Stream& client, std::string_view rest) {
  if (rest.empty() || is_over_) return;
  partial_ =
      std::make_unique<Partial>(service_.reactor, rest, [this, &client] { time_out(client); });
  partial_->deadline.arm_at(service_.reactor.now() + service_.limits.head_timeout);
}

/// Answers service_.request.
void Connection::answer(rondo::Stream& client) {
  const Request& request = service_.request;
  const bool is_last = closes_ || ++requests_ >= service_.limits.requests_max;
  Answer answer{service_.press, client, request, peer(), request.keeps_alive && !is_last};
  service_.site.answer(request, answer);
  is_full_ = answer.is_above_high_water();
  if (answer.keeps_alive()) return;
  is_over_ = true;
  is_stream_ = answer.is_stream();
  if (!is_stream_) client.close();
}

/// Where the next request would begin is not known, so this answer is the last one.
void Connection::refuse(rondo::Stream& client, const Request& request, int status) {
  Answer{service_.press, client, request, peer(), false}.send_status(status);
  is_over_ = true;
  client.close();
}

void Connection::time_out(rondo::Stream& client) {
  if (is_full_)
    return partial_->deadline.arm_at(service_.reactor.now() + service_.limits.head_timeout);
  const std::unique_ptr<Partial> kept = std::move(partial_);  // its timer calls this
  refuse(client, Request{}, 408);
}

/// Nothing was read meanwhile, so the end of the input, at which the stream is closed, comes later.
void Connection::on_writable(rondo::Stream& client) {
  is_full_ = false;
  if (partial_ != nullptr && !partial_->body && !is_over_) go_on(client, {});
}

void Connection::on_drain(rondo::Stream& client) {
  closes_ = true;
  if (is_stream_) return service_.live.finish(client);
  if (partial_ == nullptr) client.close();
}

void Connection::on_close(rondo::Stream& client, const rondo::Close&) {
  if (is_stream_) service_.live.remove(client);
}

}  // namespace http
