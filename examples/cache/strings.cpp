// SPDX-License-Identifier: MIT
// The commands of values.
#include <algorithm>

#include "commands.h"

namespace cache {
namespace {

constexpr std::int64_t milliseconds_per_second = 1000;

struct SetOptions {
  bool if_absent = false;   // NX
  bool if_present = false;  // XX
  bool get = false;
  bool keep_time = false;
  bool has_time = false;
  bool is_absolute = false;
  bool in_seconds = false;
  std::string_view time;
};

/// EX, PX, EXAT, PXAT: one kind of them, the last of which counts.
bool parse_time_option(std::string_view option, SetOptions& options) {
  const bool is_absolute = is_word(option, "exat") || is_word(option, "pxat");
  const bool in_seconds = is_word(option, "ex") || is_word(option, "exat");
  if (!is_absolute && !in_seconds && !is_word(option, "px")) return false;
  const bool is_other = is_absolute != options.is_absolute || in_seconds != options.in_seconds;
  if (options.keep_time || (options.has_time && is_other)) return false;
  options.has_time = true;
  options.is_absolute = is_absolute;
  options.in_seconds = in_seconds;
  return true;
}

bool parse_options(std::span<const std::string_view> words, SetOptions& options) {
  for (; !words.empty(); words = words.subspan(1)) {
    const std::string_view word = words.front();
    if (is_word(word, "nx") && !options.if_present) {
      options.if_absent = true;
    } else if (is_word(word, "xx") && !options.if_absent) {
      options.if_present = true;
    } else if (is_word(word, "get")) {
      options.get = true;
    } else if (is_word(word, "keepttl") && !options.has_time) {
      options.keep_time = true;
    } else if (words.size() > 1 && parse_time_option(word, options)) {
      options.time = words[1];
      words = words.subspan(1);
    } else {
      return false;
    }
  }
  return true;
}

/// When the entry is to end. False: the error was sent.
bool end_time(Call& call, const SetOptions& options, std::int64_t& at) {
  const auto number = integer_argument(call, options.time);
  if (!number) return false;
  at = *number;
  constexpr std::int64_t seconds_max = INT64_MAX / milliseconds_per_second;
  const bool is_possible = at > 0 && (!options.in_seconds || at <= seconds_max);
  if (is_possible && options.in_seconds) at *= milliseconds_per_second;
  if (is_possible && (options.is_absolute || add(at, call.store().now()))) {
    at = std::min(at, Entry::never - 1);
    return true;
  }
  expire_time_error(call);
  return false;
}

void reply_value(Call& call, const Entry* entry) {
  if (entry == nullptr) return call.reply.null();
  call.reply.bulk(entry->value());
}

void increment(Call& call, std::int64_t by) {
  const std::string_view key = call.args[1];
  Entry* const entry = call.store().find(key);
  std::int64_t number = 0;
  if (entry != nullptr) {
    const auto parsed = integer_argument(call, entry->value());
    if (!parsed) return;
    number = *parsed;
  }
  if (!add(number, by)) return call.reply.error("increment or decrement would overflow");
  const Digits digits{number};
  if (entry != nullptr && digits.text().size() <= entry->capacity) {
    entry->assign(digits.text());
  } else {
    call.store().set(key, digits.text());
  }
  call.reply.integer(digits);
}

}  // namespace

void get(Call& call) { reply_value(call, call.store().find(call.args[1])); }

void set(Call& call) {
  const std::string_view key = call.args[1];
  Store& store = call.store();
  SetOptions options;
  if (call.args.size() > 3 && !parse_options(call.args.subspan(3), options))
    return call.reply.error(syntax_error);
  std::int64_t at = Entry::never;
  if (options.has_time && !end_time(call, options, at)) return;
  if (options.get || options.if_absent || options.if_present) {
    const Entry* const old = store.find(key);
    if (options.get) reply_value(call, old);
    if (old != nullptr ? options.if_absent : options.if_present) {
      if (!options.get) call.reply.null();
      return;
    }
  }
  Entry& entry = store.set(key, call.args[2]);
  if (!options.keep_time) store.set_expiry(entry, at);
  if (!options.get) call.reply.ok();
}

void mget(Call& call) {
  call.reply.array(call.args.size() - 1);
  for (const std::string_view key : call.args.subspan(1)) reply_value(call, call.store().find(key));
}

void mset(Call& call) {
  if (call.args.size() % 2 == 0)
    return call.reply.error("wrong number of arguments for 'mset' command");
  for (std::size_t i = 1; i < call.args.size(); i += 2)
    call.store().set_expiry(call.store().set(call.args[i], call.args[i + 1]), Entry::never);
  call.reply.ok();
}

void incr(Call& call) { increment(call, 1); }
void decr(Call& call) { increment(call, -1); }

void incrby(Call& call) {
  if (const auto by = integer_argument(call, call.args[2])) increment(call, *by);
}

void decrby(Call& call) {
  const auto by = integer_argument(call, call.args[2]);
  if (!by) return;
  if (*by == INT64_MIN) return call.reply.error("decrement would overflow");
  increment(call, -*by);
}

void append(Call& call) {
  const std::string_view more = call.args[2];
  Entry* entry = call.store().find(call.args[1]);
  if (entry == nullptr) {
    entry = &call.store().set(call.args[1], more);
  } else {
    if (entry->value_size + more.size() > static_cast<std::size_t>(Request::bulk_size_max))
      return call.reply.error("string exceeds maximum allowed size (proto-max-bulk-len)");
    entry = &call.store().grow(*entry, more.size());
    call.store().append(*entry, more);
  }
  call.reply.integer(entry->value_size);
}

void string_length(Call& call) {
  const Entry* const entry = call.store().find(call.args[1]);
  call.reply.integer(entry == nullptr ? 0 : entry->value_size);
}

}  // namespace cache
