// SPDX-License-Identifier: MIT
#include "trace.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>

namespace rondo::sim {
namespace {

/// Reads eight bytes of the text, in the same order on every machine.
std::uint64_t word_of(std::string_view text) noexcept {
  std::uint64_t word = 0;
  for (const char letter : text) word = word << 8U | static_cast<unsigned char>(letter);
  return word;
}

}  // namespace

const char* environment(const char* variable) noexcept {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a program with a world does not change its environment
  return std::getenv(variable);
}

std::string seconds_text(TimePoint time) {
  const std::string digits = std::to_string(time.time_since_epoch().count());
  constexpr std::size_t decimals = 9;
  const std::string padded =
      digits.size() > decimals ? digits : std::string(decimals + 1 - digits.size(), '0') + digits;
  return padded.substr(0, padded.size() - decimals) + '.' + padded.substr(padded.size() - decimals);
}

void Trace::note(TimePoint time, std::string_view who, std::string_view what, Numbers numbers,
                 const Route* route) {
  mix(static_cast<std::uint64_t>(time.time_since_epoch().count()));
  mix(who);
  mix(what);
  for (const std::uint64_t number : numbers) mix(number);
  if (route != nullptr) {
    for (const Address* const address : {&route->local, &route->remote}) {
      mix(std::string_view{reinterpret_cast<const char*>(address->ip.data()), address->ip.size()});
      mix(address->port);
    }
  }
  if (reader_ || file_) write(time, who, what, numbers, route);
}

std::error_code Trace::write_to(const char* path, Mode mode) {
  file_.reset(std::fopen(path, mode == Mode::append ? "a" : "w"));
  if (!file_) return system_error(errno);
  // If setvbuf fails, the default buffer is used.
  (void)std::setvbuf(file_.get(), nullptr, _IOLBF, BUFSIZ);
  return {};
}

void Trace::note(TimePoint time, std::string_view who, std::string_view what,
                 std::string_view whom) {
  mix(static_cast<std::uint64_t>(time.time_since_epoch().count()));
  for (const std::string_view text : {who, what, whom}) mix(text);
  if (reader_ || file_) write(time, who, std::string{what} + ' ' + std::string{whom}, {}, nullptr);
}

/// One multiplication and one shift for each word, as in splitmix64.
void Trace::mix(std::uint64_t value) noexcept {
  hash_ = (hash_ ^ value) * 0xbf58476d1ce4e5b9U;
  hash_ ^= hash_ >> 31U;
}

void Trace::mix(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size(); at += 8) mix(word_of(text.substr(at, 8)));
  mix(text.size());
}

void Trace::write(TimePoint time, std::string_view who, std::string_view what, Numbers numbers,
                  const Route* route) {
  std::string line = seconds_text(time) + "  " + std::string{who} + "  " + std::string{what};
  for (const std::uint64_t number : numbers) line += ' ' + std::to_string(number);
  if (route != nullptr) {
    line += "  " + route->local.to_string() + " -> " + route->remote.to_string();
  }
  if (reader_) reader_(line);
  if (!file_) return;
  line += '\n';
  // On a full disk, lines of the trace are lost.
  (void)std::fwrite(line.data(), 1, line.size(), file_.get());
}

}  // namespace rondo::sim
