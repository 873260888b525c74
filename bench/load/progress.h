// SPDX-License-Identifier: MIT
// load: reports progress now and then.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace load {

/// On a terminal, one line that is overwritten; elsewhere, separate lines if requested.
class Progress {
 public:
  explicit Progress(bool requested) noexcept
      : terminal_(isatty(STDERR_FILENO) == 1), shown_(requested || terminal_) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (shown_ && terminal_) std::fputs("\r\033[K", stderr);
  }

  /// Whether it is time for another line.
  [[nodiscard]] bool is_due(std::uint64_t now_ns) noexcept {
    if (!shown_ || now_ns < next_ns_) return false;
    next_ns_ = now_ns + (terminal_ ? terminal_period_ns : file_period_ns);
    return true;
  }
  void show(const char* what, double value, const char* unit) noexcept {
    std::fprintf(stderr, terminal_ ? "\r\033[K%s %.0f %s" : "%s %.0f %s\n", what, value, unit);
  }

 private:
  static constexpr std::uint64_t terminal_period_ns = 200'000'000;
  static constexpr std::uint64_t file_period_ns = 1'000'000'000;

  bool terminal_;
  bool shown_;
  std::uint64_t next_ns_ = 0;
};

}  // namespace load
