// SPDX-License-Identifier: MIT
// The commands about the server itself.
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "glob.h"

namespace cache {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string>>;

std::string text_of(std::uint64_t number) { return std::to_string(number); }

std::string limit_of(const Store& store) {
  return text_of(store.memory_max() == Store::unlimited ? 0 : store.memory_max());
}

struct Section {
  std::string_view name;  // in lower case
  std::string_view title;
  Fields (*fields)(const Service& service);
};

Fields server_fields(const Service& service) {
  const auto running = std::chrono::steady_clock::now() - service.started;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(running).count();
  return {{"redis_version", "7.0.0"},  // the protocol that it speaks
          {"server_name", "rondo examples/cache"},
          {"uptime_in_seconds", std::to_string(seconds)}};
}

Fields client_fields(const Service& service) {
  return {{"connected_clients", std::to_string(service.clients)}};
}

Fields memory_fields(const Service& service) {
  return {{"used_memory", text_of(service.store.memory())},
          {"maxmemory", limit_of(service.store)},
          {"maxmemory_policy", "allkeys-lru"}};
}

Fields stats_fields(const Service& service) {
  const Store::Counters& counters = service.store.counters();
  return {{"total_connections_received", std::to_string(service.clients_ever)},
          {"total_commands_processed", text_of(service.commands)},
          {"expired_keys", text_of(counters.expired)},
          {"evicted_keys", text_of(counters.evicted)},
          {"keyspace_hits", text_of(counters.hits)},
          {"keyspace_misses", text_of(counters.misses)}};
}

Fields keyspace_fields(const Service& service) {
  if (service.store.size() == 0) return {};
  return {{"db0", "keys=" + text_of(service.store.size()) +
                      ",expires=" + text_of(service.store.expiring()) + ",avg_ttl=0"}};
}

constexpr Section sections[] = {
    {"server", "Server", server_fields},       {"clients", "Clients", client_fields},
    {"memory", "Memory", memory_fields},       {"stats", "Stats", stats_fields},
    {"keyspace", "Keyspace", keyspace_fields},
};

bool is_wanted(const Section& section, std::span<const std::string_view> names) noexcept {
  for (const std::string_view name : names) {
    if (is_word(name, section.name) || is_word(name, "all") || is_word(name, "default") ||
        is_word(name, "everything"))
      return true;
  }
  return names.empty();
}

/// In lower case as in the table: flags, and the positions of keys.
void reply_command(Call& call, const Command& command) {
  call.reply.array(6);
  call.reply.bulk(command.name);
  call.reply.integer(command.arity);
  std::vector<std::string_view> flags;
  if ((command.flags & Command::writes) != 0) flags.emplace_back("write");
  if ((command.flags & Command::grows) != 0) flags.emplace_back("denyoom");
  if (flags.empty() && command.first_key > 0) flags.emplace_back("readonly");
  call.reply.array(flags.size());
  for (const std::string_view flag : flags) call.reply.status(flag);
  call.reply.integer(command.first_key);
  call.reply.integer(command.last_key);
  call.reply.integer(command.key_step);
}

/// Without the subcommands, which follow their command's name and a bar.
std::vector<const Command*> top_commands() {
  std::vector<const Command*> found;
  for (const Command& command : all_commands())
    if (command.name.find('|') == command.name.npos) found.push_back(&command);
  return found;
}

}  // namespace

void info(Call& call) {
  std::string text;
  for (const Section& section : sections) {
    if (!is_wanted(section, call.args.subspan(1))) continue;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.title).append("\r\n");
    for (const auto& [name, value] : section.fields(call.service))
      text.append(name).append(":").append(value).append("\r\n");
  }
  call.reply.bulk(text);
}

void config_get(Call& call) {
  const Fields all = {{"appendonly", "no"},
                      {"databases", "1"},
                      {"maxmemory", limit_of(call.store())},
                      {"maxmemory-policy", "allkeys-lru"},
                      {"save", ""}};
  std::vector<std::string_view> found;
  for (const auto& [name, value] : all) {
    for (const std::string_view pattern : call.args.subspan(2)) {
      std::string lower{pattern};
      for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      if (!matches(lower, name)) continue;
      found.insert(found.end(), {name, value});
      break;
    }
  }
  call.reply.array(found.size());
  for (const std::string_view text : found) call.reply.bulk(text);
}

void command_list(Call& call) {
  const std::vector<const Command*> all = top_commands();
  call.reply.array(all.size());
  for (const Command* const command : all) reply_command(call, *command);
}

void command_count(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(top_commands().size()));
}

void command_info(Call& call) {
  if (call.args.size() == 2) return command_list(call);
  call.reply.array(call.args.size() - 2);
  for (const std::string_view name : call.args.subspan(2)) {
    const Command* const command = find_command(name);
    if (command == nullptr) {
      call.reply.null();
    } else {
      reply_command(call, *command);
    }
  }
}

/// There is none: redis-cli then works without hints.
void command_docs(Call& call) { call.reply.array(0); }

}  // namespace cache
