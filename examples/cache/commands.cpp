// SPDX-License-Identifier: MIT
// The table, and what happens before a command's function is called. The order of the checks, and
// their errors, are those of redis-server 7.0: the name, the number of arguments, memory, and what
// a subscribed client may do.
#include "commands.h"

#include <array>
#include <string>

#include "client.h"

namespace cache {
namespace {

using C = Command;

constexpr std::array commands{
    Command{"get", 2, C::none, get, 1, 1, 1},
    Command{"set", -3, C::writes | C::grows, set, 1, 1, 1},
    Command{"mget", -2, C::none, mget, 1, -1, 1},
    Command{"mset", -3, C::writes | C::grows, mset, 1, -1, 2},
    Command{"incr", 2, C::writes | C::grows, incr, 1, 1, 1},
    Command{"decr", 2, C::writes | C::grows, decr, 1, 1, 1},
    Command{"incrby", 3, C::writes | C::grows, incrby, 1, 1, 1},
    Command{"decrby", 3, C::writes | C::grows, decrby, 1, 1, 1},
    Command{"append", 3, C::writes | C::grows, append, 1, 1, 1},
    Command{"strlen", 2, C::none, string_length, 1, 1, 1},

    Command{"del", -2, C::writes, del, 1, -1, 1},
    Command{"exists", -2, C::none, exists, 1, -1, 1},
    Command{"expire", -3, C::writes, expire, 1, 1, 1},
    Command{"pexpire", -3, C::writes, pexpire, 1, 1, 1},
    Command{"ttl", 2, C::none, ttl, 1, 1, 1},
    Command{"pttl", 2, C::none, pttl, 1, 1, 1},
    Command{"persist", 2, C::writes, persist, 1, 1, 1},
    Command{"keys", 2, C::none, keys},
    Command{"scan", -2, C::none, scan},
    Command{"dbsize", 1, C::none, database_size},
    Command{"flushall", -1, C::writes, flush_all},
    Command{"flushdb", -1, C::writes, flush_all},

    Command{"ping", -1, C::fits_subscribers, ping},
    Command{"echo", 2, C::none, echo},
    Command{"quit", -1, C::fits_subscribers, quit},
    Command{"select", 2, C::none, select},
    Command{"client", -2, C::has_subcommands, nullptr},
    Command{"client|id", 2, C::is_subcommand, client_id},
    Command{"client|getname", 2, C::is_subcommand, client_getname},
    Command{"client|setname", 3, C::is_subcommand, client_setname},
    Command{"subscribe", -2, C::fits_subscribers, subscribe},
    Command{"unsubscribe", -1, C::fits_subscribers, unsubscribe},
    Command{"psubscribe", -2, C::fits_subscribers, psubscribe},
    Command{"punsubscribe", -1, C::fits_subscribers, punsubscribe},
    Command{"publish", 3, C::none, publish},
    // The beginning of HTTP: a browser was made to send commands. Nothing of it is executed.
    Command{"post", -1, C::none, close_silently},
    Command{"host:", -1, C::none, close_silently},

    Command{"info", -1, C::none, info},
    Command{"config", -2, C::has_subcommands, nullptr},
    Command{"config|get", -3, C::is_subcommand, config_get},
    Command{"command", -1, C::has_subcommands, command_list},
    Command{"command|count", 2, C::is_subcommand, command_count},
    Command{"command|info", -2, C::is_subcommand, command_info},
    Command{"command|docs", -2, C::is_subcommand, command_docs},
};

constexpr char lower(char c) noexcept {
  return static_cast<char>(c | (c >= 'A' && c <= 'Z' ? 0x20 : 0));
}

constexpr std::uint64_t byte_at(const char* at) noexcept { return static_cast<unsigned char>(*at); }

/// Four characters, which compilers read in one go.
constexpr std::uint64_t four_at(const char* at) noexcept {
  return byte_at(at) | byte_at(at + 1) << 8U | byte_at(at + 2) << 16U | byte_at(at + 3) << 24U;
}

/// Eight characters at once. Letters become lower case; what else has the bit of letters, which are
/// @[\]^_ and the like, becomes no letter, and no colon.
constexpr std::uint64_t lower_all(std::uint64_t word) noexcept {
  return word | (word & 0x4040404040404040U) >> 1U;
}

/// The first and the last four characters of a name, in lower case. They and its size tell names of
/// up to eight characters apart.
constexpr std::uint64_t packed(std::string_view name) noexcept {
  const char* const begin = name.data();
  const std::size_t size = name.size();
  if (size >= 4) return lower_all(four_at(begin) << 32U | four_at(begin + size - 4));
  if (size == 0) return 0;
  return lower_all(byte_at(begin) | byte_at(begin + size / 2) << 8U |
                   byte_at(begin + size - 1) << 16U);
}

constexpr std::size_t slots = 256;

constexpr std::size_t slot_of(std::uint64_t word) noexcept {
  return static_cast<std::size_t>(word * 0x9e3779b97f4a7c15U >> 56U);
}

struct Slot {
  std::uint64_t word = 0;
  const Command* command = nullptr;
};

constexpr std::array<Slot, slots> make_index() noexcept {
  std::array<Slot, slots> index{};
  for (const Command& command : commands) {
    const std::uint64_t word = packed(command.name);
    std::size_t at = slot_of(word);
    while (index[at].command != nullptr) at = (at + 1) % slots;
    index[at] = {word, &command};
  }
  return index;
}

constexpr std::array<Slot, slots> command_index = make_index();

/// As the %s of C, which ends at a zero byte.
std::string_view shown(std::string_view text, std::size_t size_max) noexcept {
  return text.substr(0, text.find('\0')).substr(0, size_max);
}

constexpr std::size_t shown_max = 128;

[[gnu::noinline]] void unknown_command(Call& call) {
  std::string text = "unknown command '";
  text.append(shown(call.args[0], shown_max)).append("', with args beginning with: ");
  const std::size_t begin = text.size();
  for (const std::string_view arg : call.args.subspan(1)) {
    const std::size_t written = text.size() - begin;
    if (written >= shown_max) break;
    text.append("'").append(shown(arg, shown_max - written)).append("' ");
  }
  call.reply.error(text);
}

void unknown_subcommand(Call& call) {
  std::string text = "unknown subcommand '";
  text.append(shown(call.args[1], shown_max)).append("'. Try ");
  for (const char c : call.command->name) text += static_cast<char>(c & ~0x20);
  call.reply.error(text.append(" HELP."));
}

/// False: there is no such command, and the error was sent.
[[gnu::noinline]] bool find_subcommand(Call& call) {
  std::string name{call.command->name};
  const Command* const found = find_command(name.append("|").append(call.args[1]));
  if (found == nullptr) {
    unknown_subcommand(call);
    return false;
  }
  call.command = found;
  return true;
}

[[gnu::noinline]] void wrong_number_of_arguments(Call& call) {
  std::string text = "wrong number of arguments for '";
  call.reply.error(text.append(call.command->name).append("' command"));
}

[[gnu::noinline]] void out_of_memory(Call& call) {
  call.reply.error_with_code("OOM command not allowed when used memory > 'maxmemory'.");
}

[[gnu::noinline]] void not_for_subscribers(Call& call) {
  std::string text = "Can't execute '";
  call.reply.error(
      text.append(call.command->name)
          .append("': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                  "allowed in this context"));
}

}  // namespace

std::span<const Command> all_commands() noexcept { return commands; }

const Command* find_command(std::string_view name) noexcept {
  const std::uint64_t word = packed(name);
  for (std::size_t at = slot_of(word);; at = (at + 1) % slots) {
    const Command* const command = command_index[at].command;
    if (command == nullptr) return nullptr;
    if (command_index[at].word != word || command->name.size() != name.size()) continue;
    constexpr std::size_t packed_max = 8;
    if (name.size() <= packed_max || is_word(name, command->name)) return command;
  }
}

bool is_word(std::string_view text, std::string_view word) noexcept {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != word[i]) return false;
  return true;
}

std::optional<std::int64_t> integer_argument(Call& call, std::string_view text) {
  const std::optional<std::int64_t> number = parse_integer(text);
  if (!number) call.reply.error(not_an_integer);
  return number;
}

void expire_time_error(Call& call) {
  std::string text = "invalid expire time in '";
  call.reply.error(text.append(call.command->name).append("' command"));
}

void execute(Call& call) {
  ++call.service.commands;
  const Command* command = find_command(call.args[0]);
  call.command = command;
  if (command == nullptr || (command->flags & Command::is_subcommand) != 0)
    return unknown_command(call);
  const auto count = static_cast<int>(call.args.size());
  if ((command->flags & Command::has_subcommands) != 0 && count > 1) {
    if (!find_subcommand(call)) return;
    command = call.command;
  }
  const int arity = command->arity;
  if (arity > 0 ? count != arity : count < -arity) return wrong_number_of_arguments(call);
  if ((command->flags & Command::grows) != 0 && !call.store().make_room())
    return out_of_memory(call);
  if (call.client.is_subscribed() && (command->flags & Command::fits_subscribers) == 0)
    return not_for_subscribers(call);
  command->function(call);
}

}  // namespace cache
