// SPDX-License-Identifier: MIT
// The commands of a connection: what it is, and what it is subscribed to.
#include <algorithm>
#include <string>

#include "client.h"
#include "commands.h"

namespace cache {
namespace {

std::string_view event_of(NameKind kind, bool begins) noexcept {
  if (kind == NameKind::channel) return begins ? "subscribe" : "unsubscribe";
  return begins ? "psubscribe" : "punsubscribe";
}

void subscribe_to(Call& call, NameKind kind) {
  for (const std::string_view name : call.args.subspan(1)) {
    Subscriber& subscriber = call.client.subscriber(call.stream);
    call.service.channels.subscribe(subscriber, kind, name);
    call.reply.array(3);
    call.reply.bulk(event_of(kind, true));
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(subscriber.count()));
  }
}

void unsubscribe_from(Call& call, NameKind kind) {
  Subscriber none{call.stream};
  Subscriber& subscriber = call.client.is_subscribed() ? call.client.subscriber(call.stream) : none;
  const std::vector<std::string> all = subscriber.names(kind);
  std::vector<std::string_view> names{call.args.begin() + 1, call.args.end()};
  if (names.empty()) names.assign(all.begin(), all.end());
  for (const std::string_view name : names) {
    call.service.channels.unsubscribe(subscriber, kind, name);
    call.reply.array(3);
    call.reply.bulk(event_of(kind, false));
    call.reply.bulk(name);
    call.reply.integer(static_cast<std::int64_t>(subscriber.count()));
  }
  if (names.empty()) {
    call.reply.array(3);
    call.reply.bulk(event_of(kind, false));
    call.reply.null();
    call.reply.integer(static_cast<std::int64_t>(subscriber.count()));
  }
  call.client.forget_subscriber_without_names();
}

}  // namespace

void ping(Call& call) {
  if (call.args.size() > 2) return call.reply.error("wrong number of arguments for 'ping' command");
  const bool has_text = call.args.size() == 2;
  if (call.client.is_subscribed()) {
    call.reply.array(2);
    call.reply.bulk("pong");
    return call.reply.bulk(has_text ? call.args[1] : std::string_view{});
  }
  if (has_text) return call.reply.bulk(call.args[1]);
  call.reply.status("PONG");
}

void echo(Call& call) { call.reply.bulk(call.args[1]); }

void quit(Call& call) {
  call.reply.ok();
  call.closes = true;
}

void close_silently(Call& call) { call.closes = true; }

void select(Call& call) {
  const auto index = integer_argument(call, call.args[1]);
  if (!index) return;
  if (*index > INT32_MAX || *index < INT32_MIN)
    return call.reply.error("value is out of range, value must between -2147483648 and 2147483647");
  if (*index != 0) return call.reply.error("DB index is out of range");
  call.reply.ok();
}

void client_id(Call& call) { call.reply.integer(call.client.id()); }

void client_getname(Call& call) {
  const std::string_view name = call.client.name();
  if (name.empty()) return call.reply.null();
  call.reply.bulk(name);
}

void client_setname(Call& call) {
  const std::string_view name = call.args[2];
  if (!std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; }))
    return call.reply.error("Client names cannot contain spaces, newlines or special characters.");
  call.client.set_name(name);
  call.reply.ok();
}

void subscribe(Call& call) { subscribe_to(call, NameKind::channel); }
void psubscribe(Call& call) { subscribe_to(call, NameKind::pattern); }
void unsubscribe(Call& call) { unsubscribe_from(call, NameKind::channel); }
void punsubscribe(Call& call) { unsubscribe_from(call, NameKind::pattern); }

void publish(Call& call) {
  const std::size_t count = call.service.channels.publish(call.args[1], call.args[2]);
  call.reply.integer(static_cast<std::int64_t>(count));
}

}  // namespace cache
