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

constexpr std::uint64_t byte_at(std::string_view text, std::size_t at) noexcept {
  return static_cast<unsigned char>(text[at]);
}

/// Four characters, which compilers read in one go.
constexpr std::uint64_t four_at(std::string_view text, std::size_t at) noexcept {
  return byte_at(text, at) | byte_at(text, at + 1) << 8U | byte_at(text, at + 2) << 16U |
         byte_at(text, at + 3) << 24U;
}

/// Eight characters at once, in lower case.
constexpr std::uint64_t lower_all(std::uint64_t word) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::uint64_t low = word & each * 0x7f;
  const std::uint64_t is_letter = (low + each * (0x80 - 'A')) ^ (low + each * (0x7f - 'Z'));
  return word | (is_letter & ~word & each * 0x80) >> 2U;
}

/// The first and the last four characters of a name, in lower case. They and its size tell names of
/// up to eight characters apart.
constexpr std::uint64_t packed(std::string_view name) noexcept {
  const std::size_t size = name.size();
  if (size >= 4) return lower_all(four_at(name, 0) << 32U | four_at(name, size - 4));
  if (size == 0) return 0;
  return lower_all(byte_at(name, 0) | byte_at(name, size / 2) << 8U |
                   byte_at(name, size - 1) << 16U);
}

constexpr std::size_t slots = 256;
constexpr std::uint8_t free_slot = 255;

constexpr std::size_t slot_of(std::uint64_t word) noexcept {
  return static_cast<std::size_t>(word * 0x9e3779b97f4a7c15U >> 56U);
}

struct Index {
  std::array<std::uint64_t, commands.size()> words{};
  std::array<std::uint8_t, slots> numbers{};
};

constexpr Index make_index() noexcept {
  Index index;
  index.numbers.fill(free_slot);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    index.words[i] = packed(commands[i].name);
    std::size_t slot = slot_of(index.words[i]);
    while (index.numbers[slot] != free_slot) slot = (slot + 1) % slots;
    index.numbers[slot] = static_cast<std::uint8_t>(i);
  }
  return index;
}

constexpr Index command_index = make_index();

/// As the %s of C, which ends at a zero byte.
std::string_view shown(std::string_view text, std::size_t size_max) noexcept {
  return text.substr(0, text.find('\0')).substr(0, size_max);
}

constexpr std::size_t shown_max = 128;

void unknown_command(Call& call) {
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
bool find_subcommand(Call& call) {
  std::string name{call.command->name};
  const Command* const found = find_command(name.append("|").append(call.args[1]));
  if (found == nullptr) {
    unknown_subcommand(call);
    return false;
  }
  call.command = found;
  return true;
}

void wrong_number_of_arguments(Call& call) {
  std::string text = "wrong number of arguments for '";
  call.reply.error(text.append(call.command->name).append("' command"));
}

void not_for_subscribers(Call& call) {
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
  std::size_t slot = slot_of(word);
  for (; command_index.numbers[slot] != free_slot; slot = (slot + 1) % slots) {
    const std::uint8_t number = command_index.numbers[slot];
    const Command& command = commands[number];
    if (command_index.words[number] != word || command.name.size() != name.size()) continue;
    constexpr std::size_t packed_max = 8;
    if (name.size() <= packed_max || is_word(name, command.name)) return &command;
  }
  return nullptr;
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
  call.command = find_command(call.args[0]);
  if (call.command == nullptr || (call.command->flags & Command::is_subcommand) != 0)
    return unknown_command(call);
  const bool has_more = call.args.size() > 1;
  if ((call.command->flags & Command::has_subcommands) != 0 && has_more && !find_subcommand(call))
    return;
  const auto count = static_cast<int>(call.args.size());
  const int arity = call.command->arity;
  if (arity > 0 ? count != arity : count < -arity) return wrong_number_of_arguments(call);
  const int flags = call.command->flags;
  if ((flags & Command::grows) != 0 && !call.store().make_room()) [[unlikely]] {
    call.reply.error_with_code("OOM command not allowed when used memory > 'maxmemory'.");
    return;
  }
  if (call.client.is_subscribed() && (flags & Command::fits_subscribers) == 0)
    return not_for_subscribers(call);
  call.command->function(call);
}

}  // namespace cache
