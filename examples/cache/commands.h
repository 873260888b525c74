// SPDX-License-Identifier: MIT
// cache: the commands: a table of names, and what all of them share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "reply.h"
#include "service.h"

namespace cache {

class Client;
struct Command;

/// One command on its way: what a function of the table gets. Those of one read follow in one.
struct Call {
  Service& service;
  Client& client;
  rondo::Stream& stream;
  Reply& reply;
  std::span<const std::string_view> args{};  // the name of the command is the first
  const Command* command = nullptr;
  bool closes = false;  // the client, when its replies have been sent

  [[nodiscard]] Store& store() const noexcept { return service.store; }
};

using CommandFunction = void (*)(Call& call);

struct Command {
  enum Flags : std::uint8_t {
    none = 0,
    writes = 1,
    grows = 2,             ///< it needs memory: refused when there is none left
    fits_subscribers = 4,  ///< a subscribed client may use it
    has_subcommands = 8,
    is_subcommand = 16,
  };

  std::string_view name;  ///< in lower case; a subcommand is `client|id`
  int arity;              ///< with the name; negative: at least so many
  int flags;
  CommandFunction function;
  int first_key = 0;  ///< the positions of the keys: first, last (-1: of the arguments), step
  int last_key = 0;
  int key_step = 0;
};

/// Executes a request of at least one argument.
void execute(Call& call);
[[nodiscard]] std::span<const Command> all_commands() noexcept;
/// Null if there is none. Case does not count.
[[nodiscard]] const Command* find_command(std::string_view name) noexcept;

/// `word` is in lower case; case does not count in `text`.
[[nodiscard]] bool is_word(std::string_view text, std::string_view word) noexcept;
/// An argument that must be an integer. Without a value the error was sent.
[[nodiscard]] std::optional<std::int64_t> integer_argument(Call& call, std::string_view text);
void expire_time_error(Call& call);

constexpr std::string_view not_an_integer = "value is not an integer or out of range";
constexpr std::string_view syntax_error = "syntax error";

// strings.cpp
void get(Call& call);
void set(Call& call);
void mget(Call& call);
void mset(Call& call);
void incr(Call& call);
void decr(Call& call);
void incrby(Call& call);
void decrby(Call& call);
void append(Call& call);
void string_length(Call& call);

// keys.cpp
void del(Call& call);
void exists(Call& call);
void expire(Call& call);
void pexpire(Call& call);
void ttl(Call& call);
void pttl(Call& call);
void persist(Call& call);
void keys(Call& call);
void scan(Call& call);
void database_size(Call& call);
void flush_all(Call& call);

// connection.cpp
void ping(Call& call);
void echo(Call& call);
void quit(Call& call);
void close_silently(Call& call);
void select(Call& call);
void client_id(Call& call);
void client_getname(Call& call);
void client_setname(Call& call);
void subscribe(Call& call);
void unsubscribe(Call& call);
void psubscribe(Call& call);
void punsubscribe(Call& call);
void publish(Call& call);

// server.cpp
void info(Call& call);
void config_get(Call& call);
void command_list(Call& call);
void command_count(Call& call);
void command_info(Call& call);
void command_docs(Call& call);

}  // namespace cache
