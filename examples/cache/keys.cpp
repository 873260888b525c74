// SPDX-License-Identifier: MIT
// The commands of keys, and of the time at which they end.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "commands.h"
#include "glob.h"

namespace cache {
namespace {

constexpr std::int64_t milliseconds_per_second = 1000;
constexpr std::int64_t no_key = -2;
constexpr std::int64_t no_time = -1;

struct ExpireOptions {
  bool if_none = false;     // NX
  bool if_any = false;      // XX
  bool if_later = false;    // GT
  bool if_earlier = false;  // LT
};

/// False: the error was sent.
bool parse_options(Call& call, ExpireOptions& options) {
  for (const std::string_view word : call.args.subspan(3)) {
    if (is_word(word, "nx")) {
      options.if_none = true;
    } else if (is_word(word, "xx")) {
      options.if_any = true;
    } else if (is_word(word, "gt")) {
      options.if_later = true;
    } else if (is_word(word, "lt")) {
      options.if_earlier = true;
    } else {
      call.reply.error(std::string{"Unsupported option "}.append(word.substr(0, word.find('\0'))));
      return false;
    }
  }
  if (options.if_none && (options.if_any || options.if_later || options.if_earlier)) {
    call.reply.error("NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (options.if_later && options.if_earlier) {
    call.reply.error("GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

/// An entry without a time ends later than any that has one.
bool allows(const ExpireOptions& options, std::int64_t current, std::int64_t at) noexcept {
  if (options.if_none && current != Entry::never) return false;
  if (options.if_any && current == Entry::never) return false;
  if (options.if_later && at <= current) return false;
  return !options.if_earlier || at < current;
}

void expire_in(Call& call, std::int64_t unit) {
  ExpireOptions options;
  if (!parse_options(call, options)) return;
  const auto number = integer_argument(call, call.args[2]);
  if (!number) return;
  Store& store = call.store();
  if (*number > INT64_MAX / unit || *number < INT64_MIN / unit) return expire_time_error(call);
  std::int64_t at = *number * unit;
  if (!add(at, store.now())) return expire_time_error(call);
  at = std::min(at, Entry::never - 1);
  Entry* const entry = store.peek(call.args[1]);
  if (entry == nullptr || !allows(options, entry->expires_at, at)) return call.reply.integer(0);
  if (at <= store.now()) {
    store.remove(call.args[1]);
  } else {
    store.set_expiry(*entry, at);
  }
  call.reply.integer(1);
}

/// Milliseconds, or why there are none.
std::int64_t time_left(Call& call) {
  const Entry* const entry = call.store().peek(call.args[1]);
  if (entry == nullptr) return no_key;
  if (entry->expires_at == Entry::never) return no_time;
  return std::max<std::int64_t>(entry->expires_at - call.store().now(), 0);
}

struct ScanOptions {
  std::int64_t count = 10;
  std::string_view pattern = "*";
  bool wants_strings = true;
};

/// False: the error was sent.
bool parse_options(Call& call, ScanOptions& options) {
  for (std::size_t i = 2; i < call.args.size(); i += 2) {
    const std::string_view word = call.args[i];
    const bool has_value = i + 1 < call.args.size();
    if (has_value && is_word(word, "count")) {
      const auto number = integer_argument(call, call.args[i + 1]);
      if (!number) return false;
      options.count = *number;
    } else if (has_value && is_word(word, "match")) {
      options.pattern = call.args[i + 1];
    } else if (has_value && is_word(word, "type")) {
      options.wants_strings = is_word(call.args[i + 1], "string");
    }
    if (!has_value || options.count < 1 ||
        (!is_word(word, "count") && !is_word(word, "match") && !is_word(word, "type"))) {
      call.reply.error(syntax_error);
      return false;
    }
  }
  return true;
}

bool is_match(std::string_view pattern, std::string_view key) noexcept {
  return pattern == "*" || matches(pattern, key);
}

void reply_keys(Call& call, const std::vector<std::string_view>& found) {
  call.reply.array(found.size());
  for (const std::string_view key : found) call.reply.bulk(key);
}

}  // namespace

void del(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) count += call.store().remove(key) ? 1 : 0;
  call.reply.integer(count);
}

void exists(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1))
    count += call.store().find(key) != nullptr ? 1 : 0;
  call.reply.integer(count);
}

void expire(Call& call) { expire_in(call, milliseconds_per_second); }
void pexpire(Call& call) { expire_in(call, 1); }

void ttl(Call& call) {
  const std::int64_t left = time_left(call);
  constexpr std::int64_t half = milliseconds_per_second / 2;
  call.reply.integer(left < 0 ? left : (left + half) / milliseconds_per_second);
}

void pttl(Call& call) { call.reply.integer(time_left(call)); }

void persist(Call& call) {
  Entry* const entry = call.store().peek(call.args[1]);
  const bool has_time = entry != nullptr && entry->expires_at != Entry::never;
  if (has_time) call.store().set_expiry(*entry, Entry::never);
  call.reply.integer(has_time ? 1 : 0);
}

void keys(Call& call) {
  std::vector<std::string_view> found;
  std::uint32_t cursor = 0;
  do {
    cursor = call.store().scan(cursor, [&](const Entry& entry) {
      if (is_match(call.args[1], entry.key())) found.push_back(entry.key());
    });
  } while (cursor != 0);
  reply_keys(call, found);
}

void scan(Call& call) {
  std::uint64_t given = 0;
  const std::string_view text = call.args[1];
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, given);
  if (!text.empty() && (error != std::errc{} || at != end))
    return call.reply.error("invalid cursor");
  ScanOptions options;
  if (!parse_options(call, options)) return;

  std::vector<std::string_view> found;
  auto cursor = static_cast<std::uint32_t>(given);
  const auto wanted = static_cast<std::uint64_t>(options.count);
  const std::uint64_t buckets_max = wanted > UINT64_MAX / 10 ? UINT64_MAX : wanted * 10;
  std::uint64_t visited = 0;
  do {
    cursor = call.store().scan(cursor, [&](const Entry& entry) {
      if (options.wants_strings && is_match(options.pattern, entry.key()))
        found.push_back(entry.key());
    });
  } while (cursor != 0 && ++visited < buckets_max && found.size() < wanted);
  call.reply.array(2);
  call.reply.bulk(Digits{cursor}.text());
  reply_keys(call, found);
}

void database_size(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.store().size()));
}

void flush_all(Call& call) {
  const bool has_mode = call.args.size() == 2;
  if (call.args.size() > 2 ||
      (has_mode && !is_word(call.args[1], "sync") && !is_word(call.args[1], "async")))
    return call.reply.error(syntax_error);
  call.store().clear();
  call.reply.ok();
}

}  // namespace cache
