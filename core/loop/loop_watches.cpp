// SPDX-License-Identifier: MIT
// The registrations of a Loop: the table has them, and a fork is noticed here.
#include "loop.h"

namespace rondo::detail {

Result<Token, std::error_code> Loop::watch(int fd, Ready interest, Handler& handler,
                                           Maker maker) noexcept {
  check_thread("Reactor::watch");
  if (const std::error_code error = reinit_if_forked()) return error;
  request_turn();
  const Result<Token, std::error_code> token = watches_.add(fd, interest, handler, maker);
  if (watches_.slot_count() != 0) look_up_in(watches_.slots(), watches_.slot_count());
  return token;
}

void Loop::set(Token token, Ready interest) noexcept {
  check_thread("Watch::set");
  watches_.set(token, interest);
  request_turn();
}

void Loop::set_handler(Token token, Handler& handler) noexcept {
  check_thread("Watch::set_handler");
  watches_.set_handler(token, handler);
}

void Loop::unwatch(Token token) noexcept {
  check_thread("Watch::cancel");
  if (reinit_if_forked()) {
    watches_.abandon(token);  // the backend's registrations are still the parent's
  } else {
    watches_.remove(token);
  }
  request_turn();
}

void Loop::unwatch_before_close(Token token) noexcept {
  check_thread("the end of a Stream");
  reinit_if_forked() ? watches_.abandon(token) : watches_.remove_before_close(token);
  request_turn();
}

void Loop::set_referenced(Token token, bool referenced) noexcept {
  check_thread("Watch::ref or unref");
  watches_.set_referenced(token, referenced);
  request_turn();
}

}  // namespace rondo::detail
